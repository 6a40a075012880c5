//! `fleet_sim --signing`: what it costs to sign an order for one node at the hub, and to check it at the agent.

use roadstead::base::{Clock, Timestamp};
use roadstead::model::document::stock;
use roadstead::wire::run::Work;
use roadstead::wire::warrant::{Class, Draft, Payload, Signer, Terms};

const ORDERS: u32 = 20_000;

/// One line of JSON: CPU milliseconds for each order.
pub fn run() {
    let signer = Signer::new(&[1; 32]);
    let work = Work {
        document_name: stock::RUN_SHELL_SCRIPT.into(),
        document: stock::content(stock::RUN_SHELL_SCRIPT).expect("it is built in"),
        parameters: [("commands".to_owned(), vec!["uptime".to_owned()])].into(),
        ..Work::default()
    };
    let now = Clock::system().now();
    let draft = Draft {
        class: Class::Command,
        id: "00000000-0000-4000-8000-000000000000",
        issued: now,
        expires: Timestamp::from_millis(now.millis() + 3_600_000),
    };
    let begun = cpu_ms();
    // Once for all nodes of a command.
    let payload = Payload::new(&work);
    let orders: Vec<_> = (0..ORDERS).map(|node| signer.order(draft, &payload, &key(node))).collect();
    let signed = cpu_ms();
    let opened = orders.iter().zip(0..ORDERS).filter(|(order, node)| {
        let terms = Terms {
            hub_keys: vec![signer.public()],
            node_key: key(*node),
        };
        terms.open(order, Class::Command, now).is_ok()
    });
    assert_eq!(opened.count(), ORDERS as usize, "every order opens at its node");
    let checked = cpu_ms();
    let each = |ms: f64| ms / f64::from(ORDERS);
    println!(
        "{{\"sign_cpu_ms\": {:.5}, \"verify_cpu_ms\": {:.5}}}",
        each(signed - begun),
        each(checked - signed)
    );
}

fn key(node: u32) -> [u8; 32] {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&node.to_be_bytes());
    key
}

fn cpu_ms() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe {
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time);
    }
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
