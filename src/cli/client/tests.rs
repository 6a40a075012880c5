//! The client against a tiny hub: what it sends, what it makes of the answers, whom it believes.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request as WsRequest, Response as WsResponse};

use super::*;
use crate::cli::failure::explain;
use crate::platform::sigv4::{Authorization, SigningKey};

const SECRET: &str = "a secret";

fn secret() -> Secret<String> {
    Secret::new(SECRET.to_owned())
}

/// Answers the operations of these tests; refuses a signature that does not verify.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let target = head.headers["x-amz-target"].to_str().unwrap().to_owned();
    let (status, answer) = match signed_well(&head, &body) {
        false => (400, json!({"__type": "InvalidSignatureException", "message": "no"})),
        true => match target.as_str() {
            "Roadstead.Echo" => (200, serde_json::from_slice(&body).unwrap()),
            "AmazonSSM.SendCommand" => (
                400,
                json!({"__type": "com.amazon#InvalidInstanceId", "Message": "`mi-1` is unknown"}),
            ),
            "Roadstead.ListThings" => {
                let request: Value = serde_json::from_slice(&body).unwrap();
                match request["NextToken"].as_str() {
                    None => (200, json!({"Things": [1, 2], "NextToken": "t"})),
                    Some(_) => (200, json!({"Things": [3]})),
                }
            }
            "Roadstead.Drain" => (503, json!({})),
            _ => (404, Value::String("<html>".into())),
        },
    };
    let response = Response::builder().status(status).body(Full::new(Bytes::from(answer.to_string())));
    Ok(response.unwrap())
}

fn signed_well(head: &http::request::Parts, body: &[u8]) -> bool {
    let Some(header) = head.headers.get("authorization").and_then(|v| v.to_str().ok()) else {
        return false;
    };
    let authorization = Authorization::parse(header).unwrap();
    let key = SigningKey::derive(&secret(), &authorization.date, &authorization.region, &authorization.service);
    let parts = SignedParts {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body_sha256: &sigv4::sha256_hex(body),
    };
    sigv4::verify(&authorization, &key, &parts).is_ok()
}

async fn serve(stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static) {
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}

/// A hub on plain HTTP; counts its connections.
async fn plain_hub() -> (HubUrl, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream));
        }
    });
    (url, connections)
}

fn client(url: &HubUrl, trust: Trust) -> Client {
    let proof = Proof::Key {
        access_key_id: "AKIA1".into(),
        secret: secret(),
    };
    Client::new(url.clone(), trust, proof).unwrap()
}

#[tokio::test]
async fn calls_are_signed_and_share_a_connection() {
    let (url, connections) = plain_hub().await;
    let client = client(&url, Trust::Anyone);
    for n in 0..3 {
        let answer: Value = client.hub("Echo", json!({"N": n, "Text": "東京"})).await.unwrap();
        assert_eq!(answer["N"], n);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_error_answer_becomes_its_code_message_and_exit_code() {
    let (url, _) = plain_hub().await;
    let client = client(&url, Trust::Anyone);
    let error = client.ssm::<Value>("SendCommand", json!({})).await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidInstanceId"));
    let (code, text) = explain(&error.into());
    let text = text.unwrap();
    assert_eq!(code, 3);
    assert!(text.contains("`mi-1` is unknown") && text.contains("roadstead node list"), "{text}");
    let draining = client.hub::<Value>("Drain", json!({})).await.unwrap_err();
    assert!(draining.is_passing());
    assert_eq!(explain(&draining.into()).0, 8);
    let strange = client.hub::<Value>("Nothing", json!({})).await.unwrap_err();
    assert!(matches!(strange, CallError::NotAnApi { .. }), "{strange}");
}

#[tokio::test]
async fn a_wrong_secret_is_denied() {
    let (url, _) = plain_hub().await;
    let proof = Proof::Key {
        access_key_id: "AKIA1".into(),
        secret: Secret::new("other".into()),
    };
    let client = Client::new(url, Trust::Anyone, proof).unwrap();
    let error = client.hub::<Value>("Echo", json!({})).await.unwrap_err();
    assert_eq!(explain(&error.into()).0, 4);
}

#[tokio::test]
async fn pages_are_followed_to_the_end_or_the_limit() {
    let (url, _) = plain_hub().await;
    let client = client(&url, Trust::Anyone);
    let all: Vec<u8> = client.pages("Roadstead.ListThings", json!({}), "Things", 100).await.unwrap();
    assert_eq!(all, [1, 2, 3]);
    let one: Vec<u8> = client.pages("Roadstead.ListThings", json!({}), "Things", 1).await.unwrap();
    assert_eq!(one, [1]);
}

#[tokio::test]
async fn a_hub_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: HubUrl = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = client(&url, Trust::Anyone).hub::<Value>("Echo", json!({})).await.unwrap_err();
    assert!(error.is_passing());
    let (code, text) = explain(&error.into());
    assert_eq!(code, 8);
    assert!(text.unwrap().contains("roadstead up"));
}

#[tokio::test]
async fn a_websocket_opens_on_the_connection_of_the_call_before() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: HubUrl = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        #[allow(clippy::result_large_err)]
        let protocol = |request: &WsRequest, mut response: WsResponse| {
            let wanted = request.headers()["sec-websocket-protocol"].clone();
            response.headers_mut().insert("sec-websocket-protocol", wanted);
            Ok(response)
        };
        let mut socket = tokio_tungstenite::accept_hdr_async(stream, protocol).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            socket.send(message).await.unwrap();
        }
    });
    let client = client(&url, Trust::Anyone);
    let mut socket = client.websocket("/stream/x", "roadstead.session.v1").await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
}

/// A CA and a certificate under it for `hub.example`.
fn certificates() -> (String, rustls::ServerConfig) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["hub.example".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], private)
        .unwrap();
    (issuer.pem(), config)
}

async fn tls_hub(config: rustls::ServerConfig) -> HubUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            let (stream, _): (TcpStream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn a_pinned_hub_is_believed_under_any_name_and_another_is_not() {
    let (pem, config) = certificates();
    let (other, _) = certificates();
    let url = tls_hub(config).await;
    let call = async |trust| client(&url, trust).hub::<Value>("Echo", json!({})).await;
    assert!(call(Trust::Pinned(pem.clone())).await.is_ok());
    assert!(call(Trust::Anyone).await.is_ok());
    let error = call(Trust::Pinned(other)).await.unwrap_err();
    assert!(!error.is_passing());
    let (code, text) = explain(&error.into());
    assert_eq!(code, 4);
    assert!(text.unwrap().contains("pinned hub"));
    // The name is 127.0.0.1 here: under a CA that may sign more than this hub, it counts.
    assert!(call(Trust::CaFile(pem)).await.is_err());
}
