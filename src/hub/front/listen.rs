//! Opens the hub's listening sockets, or says which address could not be had and why.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// Connections the kernel holds while the hub is busy; it cuts the number down to `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("port {} is in use on {}: another hub or program listens there; stop it, or choose another port with --listen", .0.port(), .0.ip())]
    Busy(SocketAddr),
    #[error("this user may not listen on port {} of {}: choose a port above 1023 with --listen, or grant CAP_NET_BIND_SERVICE", .0.port(), .0.ip())]
    Forbidden(SocketAddr),
    #[error("{} is not an address of this host: choose one of its own with --listen", .0.ip())]
    NotOurs(SocketAddr),
    #[error("could not listen on {0}")]
    Other(SocketAddr, #[source] io::Error),
    #[error("there is no address to listen on: name one with --listen")]
    Nothing,
}

/// Listens on every address. An IPv6 address takes IPv6 only, so that `0.0.0.0` and `[::]` can stand side by side; `[::]` is
/// left out on a kernel without IPv6 when another address remains.
///
/// *Errors*: all or nothing; a refused address closes those opened before it.
pub fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, ListenError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        match listen_on(*address) {
            Ok(listener) => listeners.push(listener),
            Err(e) if is_missing_ipv6(*address, &e) && addresses.len() > 1 => {
                tracing::warn!(%address, "IPv6 is not available; address left out");
            }
            Err(e) => return Err(explain(*address, e)),
        }
    }
    match listeners.is_empty() {
        true => Err(ListenError::Nothing),
        false => Ok(listeners),
    }
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => {
            let socket = TcpSocket::new_v6()?;
            rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
            socket
        }
    };
    // A restarted hub takes its port back although old connections linger in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn is_missing_ipv6(address: SocketAddr, error: &io::Error) -> bool {
    let missing = matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL));
    missing && address.is_ipv6() && address.ip().is_unspecified()
}

fn explain(address: SocketAddr, error: io::Error) -> ListenError {
    match error.kind() {
        io::ErrorKind::AddrInUse => ListenError::Busy(address),
        io::ErrorKind::PermissionDenied => ListenError::Forbidden(address),
        io::ErrorKind::AddrNotAvailable => ListenError::NotOurs(address),
        _ => ListenError::Other(address, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_busy_port_is_named_with_the_remedy() {
        let first = listen(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let taken = first[0].local_addr().unwrap();
        let refused = listen(&[taken]).unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("port {} is in use on 127.0.0.1", taken.port())),
            "{refused}"
        );
        assert!(refused.contains("--listen"));
    }

    #[tokio::test]
    async fn both_families_share_a_port() {
        let v4 = listen(&["0.0.0.0:0".parse().unwrap()]).unwrap();
        let port = v4[0].local_addr().unwrap().port();
        let v6: SocketAddr = format!("[::]:{port}").parse().unwrap();
        match listen(&[v6]) {
            Ok(listeners) => assert_eq!(listeners[0].local_addr().unwrap().port(), port),
            Err(e) => assert!(!matches!(e, ListenError::Busy(_)), "{e}"),
        }
    }

    #[tokio::test]
    async fn a_foreign_address_is_named() {
        let refused = listen(&["192.0.2.77:0".parse().unwrap()]).unwrap_err();
        assert!(matches!(refused, ListenError::NotOurs(_)), "{refused}");
    }
}
