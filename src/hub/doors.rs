//! The knots between the port, the link and the capabilities: agents come in here, and what they say finds its handler.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::base::id::{CommandId, NodeId};
use crate::hub::api::{Reports, Services};
use crate::hub::capabilities::activations::{enrol, twins};
use crate::hub::capabilities::fleet::presence;
use crate::hub::capabilities::fleet::quarantine::Place;
use crate::hub::capabilities::sessions::ending;
use crate::hub::front::{AgentDoor, Permit};
use crate::hub::link::{Admission, Gone, Inbox, Link, Meeting, NodeKey, Refused};
use crate::wire::control::{Enrol, Hello, ToHub};
use crate::wire::succession::KeyLink;

/// Agents from the port go to the link.
pub struct Agents(pub Link);

impl AgentDoor for Agents {
    fn serve(&self, stream: TlsStream<TcpStream>, peer: SocketAddr, permit: Permit) -> BoxFuture<'static, ()> {
        let link = self.0.clone();
        async move {
            let admitted = permit.clone();
            link.serve_noting(stream, peer, Box::new(move || admitted.admitted())).await;
            drop(permit);
        }
        .boxed()
    }
}

/// What the link hears goes to the capabilities.
pub struct Reception {
    pub services: Arc<Services>,
    pub reports: Reports,
}

impl Inbox for Reception {
    fn hello(&self, key: NodeKey, hello: Hello, _peer: SocketAddr) -> BoxFuture<'_, Result<Admission, Refused>> {
        async move {
            let shells = hello.shells.clone();
            let admission = twins::hello(&self.services, key, hello).await?;
            if let Some(shells) = shells {
                ending::end_lost(&self.services, &admission.node, shells).await;
            }
            Ok(admission)
        }
        .boxed()
    }

    fn enrol(&self, key: NodeKey, enrol: Enrol, peer: SocketAddr) -> BoxFuture<'_, Result<Admission, Refused>> {
        enrol::enrol(&self.services, key, enrol, peer.ip().to_canonical().to_string()).boxed()
    }

    fn succession(&self) -> Vec<KeyLink> {
        self.services.hub_keys.succession().links
    }

    fn met_twin<'a>(&'a self, meeting: Meeting<'a>) -> BoxFuture<'a, Refused> {
        let (boot_id, machine_id) = meeting.connected;
        let connected = Place { machine_id, boot_id };
        let address = meeting.peer.ip().to_canonical().to_string();
        twins::met(&self.services, meeting.key, connected, meeting.newcomer, address).boxed()
    }

    fn connected(&self, node: NodeId, running: Vec<CommandId>) -> BoxFuture<'_, ()> {
        async move {
            for handler in &self.reports.connected {
                handler(self.services.clone(), node.clone(), running.clone()).await;
            }
        }
        .boxed()
    }

    fn frame(&self, node: NodeId, frame: ToHub) -> BoxFuture<'_, ()> {
        match self.reports.frames.iter().find(|(is_mine, _)| is_mine(&frame)) {
            Some((_, handler)) => handler(self.services.clone(), node, frame),
            None => async {}.boxed(),
        }
    }

    fn gone(&self, node: NodeId, why: Gone) -> BoxFuture<'_, ()> {
        presence::gone(&self.services, node, why).boxed()
    }
}
