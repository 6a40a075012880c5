//! A hub answers with a key that is not pinned: is it the old hub with a new key, signed by the one before?
//!
//! The line is opened without a pin, nothing is said on it, and only the head of the hub's first request is read: it carries
//! the links from earlier keys to the one that was just proved in TLS.

use std::net::SocketAddr;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Home, HomeError};
use crate::platform::resolve::resolve;
use crate::platform::tls::{agent_client_config_unpinned, fingerprint_of, hub_server_name, raw_public_key};
use crate::wire::succession::{self, KeyLink};
use crate::wire::token::split_address;

/// Asks the hub at `address`; answers whether its key follows on a pinned one, which is noted then.
pub(super) async fn learn(home: &mut Home, address: &str) -> Result<bool, HomeError> {
    let Ok(Some((proved, links))) = timeout(home.timing.handshake, ask(address)).await else {
        return Ok(false);
    };
    let leads_there = home.pins().iter().any(|pin| succession::follow(&links, pin) == Some(proved));
    if !leads_there {
        return Ok(false);
    }
    // That the change is still open is said on the line itself, later.
    let took = home.succeed(&links, false).await?;
    Ok(took && home.hub_key == fingerprint_of(&proved))
}

async fn ask(address: &str) -> Option<([u8; 32], Vec<KeyLink>)> {
    let (host, port) = split_address(address)?;
    for ip in resolve(host).await.ok()? {
        let Ok(tcp) = TcpStream::connect(SocketAddr::new(ip, port)).await else {
            continue;
        };
        // A key that is nobody's: a hub that is not ours learns nothing of this node.
        let tls = agent_client_config_unpinned(&stranger());
        let Ok(tls) = TlsConnector::from(tls).connect(hub_server_name(), tcp).await else {
            continue;
        };
        let proved = raw_public_key(tls.get_ref().1.peer_certificates()?.first()?)?;
        let mut connection: h2::server::Connection<_, Bytes> = h2::server::handshake(tls).await.ok()?;
        let (request, _respond) = connection.accept().await?.ok()?;
        let links = succession::from_header(request.headers().get(succession::HEADER)?.as_bytes())?;
        return Some((proved, links));
    }
    None
}

fn stranger() -> [u8; 32] {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).expect("the kernel's random source does not fail once seeded");
    seed
}
