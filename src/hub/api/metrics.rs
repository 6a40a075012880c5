//! Figures of this hub for Prometheus: `/metrics`, to callers on the hub's own host.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use crate::hub::api::Services;
use crate::hub::audit;

/// Calls of operations since the start, by operation and outcome. Few names, so few series.
#[derive(Default)]
pub struct Calls(Mutex<BTreeMap<(&'static str, &'static str), u64>>);

impl Calls {
    /// `code` is the error's code, or `ok`.
    pub fn count(&self, operation: &'static str, code: &'static str) {
        let mut calls = self.0.lock().expect("no code panics while it counts");
        *calls.entry((operation, code)).or_default() += 1;
    }
}

/// The whole page, in the text format of Prometheus.
pub fn render(services: &Services) -> String {
    let mut page = String::new();
    let uptime = services.now().since(services.facts.started_at).as_secs();
    let gauges = [
        ("roadstead_uptime_seconds", "Seconds since the hub started.", uptime),
        (
            "roadstead_agents_connected",
            "Agents connected now.",
            services.link().connected() as u64,
        ),
        (
            "roadstead_store_trouble",
            "1 while the last commit failed.",
            services.store.trouble().is_some().into(),
        ),
    ];
    for (name, help, value) in gauges {
        let _to_string = writeln!(page, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }
    let _to_string = writeln!(
        page,
        "# HELP roadstead_build_info The version that runs.\n# TYPE roadstead_build_info gauge\nroadstead_build_info{{version=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION")
    );
    let (rows, spent) = (audit::ROWS.load(Ordering::Relaxed), audit::SPENT_NS.load(Ordering::Relaxed));
    let _to_string = writeln!(
        page,
        "# HELP roadstead_audit_rows_total Rows added to the audit log.\n# TYPE roadstead_audit_rows_total counter\nroadstead_audit_rows_total {rows}\n\
         # HELP roadstead_audit_seconds_total Time spent on adding them.\n# TYPE roadstead_audit_seconds_total counter\nroadstead_audit_seconds_total {}",
        spent as f64 / 1e9
    );
    page.push_str("# HELP roadstead_operations_total Calls of API operations by outcome.\n# TYPE roadstead_operations_total counter\n");
    let calls = services.state::<Calls>();
    for ((operation, code), count) in calls.0.lock().expect("no code panics while it counts").iter() {
        let _to_string = writeln!(
            page,
            "roadstead_operations_total{{operation=\"{operation}\",code=\"{code}\"}} {count}"
        );
    }
    page
}
