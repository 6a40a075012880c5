//! One connection from the node to where a port session leads, in a task of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::timeout;

use super::mux::MAX_DATA_BYTES;
use crate::platform::resolve::resolve;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long a client that has finished its side is still answered. Upstream's client reads nothing any more by then.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Bytes for the connection, with their share of the session's memory.
pub type Share = (Bytes, OwnedSemaphorePermit);

/// What a connection tells its session.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    Data(Bytes),
    /// It says nothing more.
    Finished,
    /// There is none.
    Failed(String),
}

/// Where a connection leads, and when it is begun.
pub struct Target {
    pub host: Option<String>,
    pub port: u16,
    pub after: Duration,
}

/// Runs a connection to its end; `id` says whose word it is. Dropping the sender of `from_client` finishes the client's side, and
/// each side may finish long before the other.
pub async fn run(id: u32, target: Target, from_client: mpsc::Receiver<Share>, told: mpsc::Sender<(u32, Told)>) {
    tokio::time::sleep(target.after).await;
    let connection = match connect(target.host.as_deref(), target.port).await {
        Ok(connection) => connection,
        Err(why) => {
            let _session_may_be_over = told.send((id, Told::Failed(why))).await;
            return;
        }
    };
    let _without_it_small_answers_are_late = connection.set_nodelay(true);
    let (reader, writer) = connection.into_split();
    let (written, is_written) = oneshot::channel();
    let answer = async {
        tokio::select! {
            () = read(id, reader, &told) => {}
            () = too_late(is_written) => {}
        }
        let _session_may_be_over = told.send((id, Told::Finished)).await;
    };
    let ask = async {
        let is_whole = write(writer, from_client).await;
        let _answer_may_be_over = written.send(is_whole);
    };
    tokio::join!(answer, ask);
}

/// Returns when no answer is waited for any more.
async fn too_late(is_written: oneshot::Receiver<bool>) {
    match is_written.await {
        Ok(true) => tokio::time::sleep(ANSWER_LIMIT).await,
        // A target that takes no more has often said why.
        Ok(false) | Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
    }
}

async fn read(id: u32, mut reader: OwnedReadHalf, told: &mpsc::Sender<(u32, Told)>) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(MAX_DATA_BYTES / 2);
        match reader.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        while !buffer.is_empty() {
            let piece = buffer.split_to(buffer.len().min(MAX_DATA_BYTES)).freeze();
            if told.send((id, Told::Data(piece))).await.is_err() {
                return;
            }
        }
    }
}

/// Whether everything was taken.
async fn write(mut writer: OwnedWriteHalf, mut from_client: mpsc::Receiver<Share>) -> bool {
    while let Some((bytes, share)) = from_client.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            return false;
        }
        drop(share);
    }
    writer.shutdown().await.is_ok()
}

async fn connect(host: Option<&str>, port: u16) -> Result<TcpStream, String> {
    let addresses = match host {
        None => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        Some(host) => allowed(host, resolve(host).await.map_err(|why| why.to_string())?)?,
    };
    let shown = host.unwrap_or("the node itself");
    let mut why = format!("port {port} of `{shown}` did not answer in time");
    for address in addresses {
        match timeout(CONNECT_LIMIT, TcpStream::connect((address, port))).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => why = format!("port {port} of `{shown}` could not be reached: {error}"),
            Err(_) => {}
        }
    }
    Err(why)
}

/// A name is judged by where it leads: one address that is not for others spoils it.
fn allowed(host: &str, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, String> {
    match addresses.iter().any(|address| is_withheld(*address)) {
        true => Err(format!(
            "`{host}` is an address that gives away what the node is (metadata, link-local), which no session reaches"
        )),
        false => Ok(addresses),
    }
}

/// Addresses under which clouds hand their machines' secrets to whoever asks from there, and those that lead to no single host.
fn is_withheld(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let metadata = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
            v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || v4.is_unspecified() || metadata.contains(&v4)
        }
        IpAddr::V6(v6) => {
            let metadata = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            let is_plain = v6.is_unicast_link_local() || v6.is_multicast() || v6.is_unspecified() || v6 == metadata;
            is_plain || translated(v6).is_some_and(|v4| is_withheld(v4.into()))
        }
    }
}

/// The IPv4 address inside one of NAT64 (`64:ff9b::/96`) or an old compatible one.
fn translated(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = v6.octets();
    let prefix = &v6.octets()[..12];
    let is_nat64 = prefix == [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
    let is_compatible = prefix == [0; 12] && !v6.is_loopback();
    (is_nat64 || is_compatible).then(|| Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_and_link_local_addresses_are_withheld_however_they_are_written() {
        for text in [
            "169.254.169.254",
            "169.254.1.1",
            "100.100.100.200",
            "192.0.0.192",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "::",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "::169.254.169.254",
        ] {
            assert!(is_withheld(text.parse().unwrap()), "{text}");
        }
        for text in [
            "127.0.0.1",
            "::1",
            "10.0.0.5",
            "192.168.1.1",
            "203.0.113.9",
            "fd00:1::2",
            "2001:db8::1",
            "64:ff9b::a00:5",
        ] {
            assert!(!is_withheld(text.parse().unwrap()), "{text}");
        }
        assert!(allowed("h", vec!["10.0.0.5".parse().unwrap(), "169.254.169.254".parse().unwrap()]).is_err());
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_is_said_to_be_so() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let why = connect(None, free).await.unwrap_err();
        assert!(why.contains(&free.to_string()) && why.contains("could not be reached"), "{why}");
        let why = connect(Some("169.254.169.254"), 80).await.unwrap_err();
        assert!(why.contains("metadata"), "{why}");
    }
}
