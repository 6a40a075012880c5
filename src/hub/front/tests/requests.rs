//! What everyone may have of the hub, and with which headers.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{Request, StatusCode};

use super::support::{Http1, Http2, TestPort};
use crate::hub::front::{Binaries, Limits, join};

#[tokio::test]
async fn the_ca_comes_with_its_fingerprint() {
    let port = TestPort::start(Limits::default()).await;
    let response = port.get("/ca.pem").await;
    assert_eq!(response.body(), &port.certificates.ca_pem());
    assert_eq!(
        response.headers()["x-fingerprint-sha256"],
        port.certificates.ca_fingerprint().as_str()
    );
}

#[tokio::test]
async fn the_join_script_is_what_the_line_expects() {
    let port = TestPort::start(Limits::default()).await;
    let response = port.get("/join.sh").await;
    assert_eq!(response.body(), join::script());
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn health_is_alive_and_readiness_says_why_not() {
    let port = TestPort::start(Limits::default()).await;
    assert_eq!(port.get("/healthz").await.status(), StatusCode::OK);
    let ready = port.get("/readyz").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.body(), "the database is being restored\n");
}

#[tokio::test]
async fn an_attachment_comes_in_pieces_to_be_kept() {
    let port = TestPort::start(Limits::default()).await;
    let response = port.get("/attachments/Tools/1/tool.sh?Signature=x").await;
    assert_eq!(response.body(), "first and last");
    assert_eq!(response.headers()[CONTENT_LENGTH], "14");
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"tool.sh\"");
    assert_eq!(response.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn the_binary_comes_whole_with_its_length_and_a_missing_one_names_the_remedy() {
    let program = tempfile::NamedTempFile::new().unwrap();
    let content: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    std::fs::write(program.path(), &content).unwrap();
    let port = TestPort::start_with(Limits::default(), |data| Binaries::with_own(program.path().into(), data)).await;
    let own = format!("/binaries/{}/roadstead", Binaries::own_architecture());
    let response = port.get(&own).await;
    assert_eq!(response.body(), &content);
    assert_eq!(response.headers()[CONTENT_LENGTH], "300000");
    let head = port.send(Request::head(&own).header("host", "localhost"), "").await;
    assert_eq!((head.headers()[CONTENT_LENGTH].as_bytes(), head.body().len()), (&b"300000"[..], 0));

    let missing = port.get("/binaries/riscv64/roadstead").await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert!(
        std::str::from_utf8(missing.body())
            .unwrap()
            .contains("DATA/binaries/riscv64/roadstead")
    );
    assert_eq!(port.get("/binaries/..%2f../roadstead").await.status(), StatusCode::NOT_FOUND);
    let sums = port.get("/binaries/SHA256SUMS").await;
    let line = format!("  {}/roadstead\n", Binaries::own_architecture());
    assert!(sums.body().ends_with(line.as_bytes()));
}

#[tokio::test]
async fn every_answer_is_fenced() {
    let port = TestPort::start(Limits::default()).await;
    for path in ["/", "/healthz", "/assets/none.js", "/live", "/ca.pem"] {
        let response = port.get(path).await;
        let headers = response.headers();
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert_eq!(
            policy,
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
             font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            "{path}"
        );
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert!(!headers.contains_key("strict-transport-security"));
    }
}

#[tokio::test]
async fn a_name_with_the_standard_port_to_itself_is_pinned_to_tls() {
    let port = TestPort::start(Limits::default()).await;
    let mut client = Http2::over(port.connect_tls(&["h2"]).await.unwrap()).await;
    let named = client.send(Request::get("https://hub.example.com/healthz"), "").await.unwrap();
    assert!(named.headers().contains_key("strict-transport-security"));
    let other = client.send(Request::get("https://hub.example.com:7400/healthz"), "").await.unwrap();
    assert!(!other.headers().contains_key("strict-transport-security"));
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let port = TestPort::start(Limits::default()).await;
    let refused = port.send(Request::put("/").header("host", "localhost"), "x").await;
    assert_eq!(
        (refused.status(), &refused.headers()[ALLOW]),
        (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD, POST".parse().unwrap())
    );
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let port = TestPort::start(Limits::default()).await;
    let mut client = Http1::over(port.connect().await).await;
    let head = client
        .send(Request::head("/join.sh").header("host", "localhost"), "")
        .await
        .unwrap();
    assert_eq!(head.headers()[CONTENT_LENGTH], join::script().len().to_string().as_str());
    assert_eq!(head.headers()[CONTENT_TYPE], "text/x-shellscript; charset=utf-8");
    assert!(head.body().is_empty());
    let again = client.send(Request::get("/healthz").header("host", "localhost"), "").await.unwrap();
    assert_eq!(again.body(), "ok\n");
}
