//! Who poses as the hub.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::support::TestPort;
use crate::base::Clock;
use crate::hub::certificates::Certificates;
use crate::hub::front::Binaries;

/// Somebody with a certificate of their own who answers for the hub.
pub struct Impostor {
    pub address: String,
    _data: TempDir,
}

impl Impostor {
    pub async fn posing(answers: HashMap<String, (StatusCode, Bytes)>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let certificates = Certificates::open(data.path(), &[], Clock::system().now()).unwrap();
        let mut config = (*certificates.server_config().unwrap()).clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = Arc::new(answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answers) = (acceptor.clone(), Arc::clone(&answers));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                        let found = answers.get(request.uri().path()).cloned();
                        let (status, body) = found.unwrap_or((StatusCode::NOT_FOUND, Bytes::from_static(b"nothing here")));
                        let response = Response::builder().status(status).body(Full::new(body)).unwrap();
                        async move { Ok::<_, std::convert::Infallible>(response) }
                    });
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, _data: data }
    }

    /// Forwards the hub's own answers, save one that is changed.
    pub async fn between(port: &TestPort, changed: &str, content: impl Into<Bytes>) -> Self {
        let own = format!("/binaries/{}/roadstead", Binaries::own_architecture());
        let mut answers = HashMap::new();
        for path in ["/join.sh", "/binaries/SHA256SUMS", own.as_str()] {
            let response = port.get(path).await;
            answers.insert(path.to_owned(), (response.status(), response.into_body()));
        }
        answers.insert(changed.to_owned(), (StatusCode::OK, content.into()));
        Self::posing(answers).await
    }
}
