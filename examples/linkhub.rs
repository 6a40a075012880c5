use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use roadstead::base::id::*;
use roadstead::hub::link::*;
use roadstead::platform::tls::*;
use roadstead::wire::control::*;
use roadstead::wire::token::JoinToken;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, atomic::*};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

struct In {
    nodes: Mutex<HashMap<NodeKey, NodeId>>,
    reports: AtomicUsize,
    link: OnceLock<Link>,
}
impl Inbox for In {
    fn hello(&self, key: NodeKey, h: Hello, _: SocketAddr) -> BoxFuture<'_, Result<Admission, Refused>> {
        let n = self.nodes.lock().unwrap().get(&key).cloned();
        async move {
            n.map(|node| Admission {
                node,
                boot_id: h.facts.boot_id,
            })
            .ok_or(Refused::new(Refusal::UnknownKey, "x"))
        }
        .boxed()
    }
    fn enrol(&self, key: NodeKey, h: Enrol, _: SocketAddr) -> BoxFuture<'_, Result<Admission, Refused>> {
        let node = self.nodes.lock().unwrap().entry(key).or_insert_with(NodeId::random).clone();
        async move {
            Ok(Admission {
                node,
                boot_id: h.facts.boot_id,
            })
        }
        .boxed()
    }
    fn connected(&self, _: NodeId, _: Vec<CommandId>) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
    fn frame(&self, node: NodeId, f: ToHub) -> BoxFuture<'_, ()> {
        async move {
            if let ToHub::Report(r) = f {
                self.reports.fetch_add(1, Ordering::SeqCst);
                let _ = self.link.get().unwrap().send(&node, ToAgent::ReportStored { run: r.run });
            }
        }
        .boxed()
    }
    fn gone(&self, _: NodeId, why: Gone) -> BoxFuture<'_, ()> {
        if !matches!(why, Gone::Goodbye(_) | Gone::Closed) {
            eprintln!("{why:?}");
        }
        async {}.boxed()
    }
}
fn stat() -> (f64, f64) {
    let s = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let get = |k: &str| {
        s.lines()
            .find(|l| l.starts_with(k))
            .unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    let t = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = t.rsplit(')').next().unwrap().split_whitespace().collect();
    (get("Rss:"), (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0)
}
#[tokio::main]
async fn main() {
    let mut lim = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    lim.current = lim.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, lim).unwrap();
    let seed = [3; 32];
    let l = std::net::TcpListener::bind(std::env::args().nth(1).unwrap_or("127.0.0.1:0".into())).unwrap();
    l.set_nonblocking(true).unwrap();
    let sock = rustix::net::listen(&l, 4096);
    let _ = sock;
    let l = TcpListener::from_std(l).unwrap();
    let a = l.local_addr().unwrap();
    println!(
        "{} {}",
        a,
        JoinToken {
            addresses: vec![a.to_string()],
            hub_key: spki_fingerprint(&public_key(&seed)),
            activation_id: ActivationId::random(),
            activation_code: "x".into()
        }
    );
    let inbox = Arc::new(In {
        nodes: Default::default(),
        reports: 0.into(),
        link: OnceLock::new(),
    });
    let link = Link::new(inbox.clone(), LinkLimits::default());
    let _ = inbox.link.set(link.clone());
    let acc = TlsAcceptor::from(hub_server_config(&seed));
    let (base, _) = stat();
    let lk = link.clone();
    tokio::spawn(async move {
        let mut last = 0;
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let n = lk.connected();
            let (rss, cpu) = stat();
            eprintln!(
                "n={n} rss={rss} KiB  per={:.1} KiB cpu={cpu} reports={} alive_tasks={}",
                (rss - base) / n.max(1) as f64,
                inbox.reports.load(Ordering::SeqCst),
                tokio::runtime::Handle::current().metrics().num_alive_tasks()
            );
            if n == last && n > 0 && std::path::Path::new("/tmp/link-go").exists() {
                let _ = std::fs::remove_file("/tmp/link-go");
                let t = std::time::Instant::now();
                let before = inbox.reports.load(Ordering::SeqCst);
                let nodes: Vec<NodeId> = inbox.nodes.lock().unwrap().values().cloned().collect();
                let id = CommandId::random();
                for node in &nodes {
                    let run = roadstead::wire::run::Run {
                        id: id.clone(),
                        start_before_ms: i64::MAX,
                        document: serde_json::json!({"schemaVersion":"2.2","description":"x","mainSteps":[{"action":"aws:runShellScript","name":"x","inputs":{"runCommand":["true"]}}]}),
                        parameters: Default::default(),
                    };
                    lk.send(node, ToAgent::Run(Box::new(run))).unwrap();
                }
                eprintln!("queued in {:?}", t.elapsed());
                while inbox.reports.load(Ordering::SeqCst) < before + nodes.len() {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
                eprintln!("all reports in {:?}", t.elapsed());
            }
            last = n;
        }
    });
    loop {
        let (tcp, peer) = l.accept().await.unwrap();
        let (acc, link) = (acc.clone(), link.clone());
        tokio::spawn(async move {
            let tls = match tokio::time::timeout(std::time::Duration::from_secs(20), acc.accept(tcp)).await {
                Ok(Ok(t)) => t,
                _ => return,
            };
            link.serve(tls, peer).await
        });
    }
}
