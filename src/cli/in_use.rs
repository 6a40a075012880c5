//! What is in use already, data and ports: `up` looks before it starts a hub, `serve` trips over it, both say the same.

use std::net::SocketAddr;
use std::path::Path;

use crate::cli::data::{self, LocalHub};
use crate::cli::failure::{Exit, Failure};
use crate::hub::HubError;
use crate::hub::front::ListenError;

/// *Errors*: names the hub that runs on this data.
pub fn refuse_second_hub(folder: &Path) -> Result<(), Failure> {
    match data::is_locked(folder) {
        true => Err(second_hub(folder)),
        false => Ok(()),
    }
}

fn second_hub(folder: &Path) -> Failure {
    let at = LocalHub::read(folder).map_or_else(String::new, |local| format!(" and answers at {}", local.url));
    Failure::new(Exit::Conflict, format!("a hub runs already on {}{at}", folder.display()))
        .hint("stop it first, or use other data: --data DIR --listen ADDR:PORT")
}

/// Another program listens there.
pub fn busy_port(address: SocketAddr) -> Failure {
    let port = address.port();
    let other = SocketAddr::new(address.ip(), port.checked_add(1).unwrap_or(port - 1));
    Failure::new(Exit::Conflict, format!("port {port} is busy: another program listens on {address}"))
        .hint(format!("find it: ss -ltnp 'sport = :{port}'"))
        .hint(format!("or use another: --listen {other}"))
}

/// What kept a hub from starting, with the exit code that belongs to it.
pub fn explain(error: HubError) -> anyhow::Error {
    match error {
        HubError::Running { path, .. } => second_hub(Path::new(&path)).into(),
        HubError::Listen(ListenError::Busy(address)) => busy_port(address).into(),
        HubError::AdminPassword(_) => Failure::usage(error.to_string()).into(),
        HubError::Admin(ref refused) => Failure::new(Exit::of_api_code(refused.code), error.to_string()).into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locked_data_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refuse_second_hub(folder.path()).is_ok());
        let lock = std::fs::File::create(folder.path().join("lock")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        let error = refuse_second_hub(folder.path()).unwrap_err();
        assert!(error.to_string().contains("a hub runs already on"));
    }

    #[test]
    fn the_advice_for_a_busy_port_is_no_wider_than_what_was_asked_for() {
        for (busy, other) in [("127.0.0.1:7831", "127.0.0.1:7832"), ("[::1]:65535", "[::1]:65534")] {
            let failure = busy_port(busy.parse().unwrap());
            assert!(
                failure.hints.iter().any(|hint| hint.ends_with(&format!("--listen {other}"))),
                "{:?}",
                failure.hints
            );
        }
    }

    #[test]
    fn what_is_in_use_ends_with_the_code_for_a_conflict() {
        let busy = HubError::Listen(ListenError::Busy("127.0.0.1:1".parse().unwrap()));
        let running = HubError::Running {
            path: "/nowhere".into(),
            pid: 1,
        };
        for error in [busy, running] {
            assert_eq!(crate::cli::failure::explain(&explain(error)).0, 5);
        }
    }
}
