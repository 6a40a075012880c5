//! HTTP on a unix socket: programs of this node read parameters, hub or no hub.
//!
//! `GET /parameters/app/db/host` answers one, `GET /parameters?path=/app` all below a path.
//!
//! *Who may*: the kernel says which user is at the other end ([`Caller`]). Root and the agent's user get everything, the users
//! named in the configuration what it names for them. *Against being used by a program that fetches whatever address it is
//! given*: there is no TCP port; a request must carry the header [`MARK`], which such a program does not set, and must not
//! carry one that a browser or a proxy adds.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, FORWARDED, HeaderName, HeaderValue, ORIGIN, REFERER, VIA};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use zeroize::Zeroizing;

use crate::agent::parameters::config::{Config, Reader, covers};
use crate::agent::parameters::{Held, NodeParameters};
use crate::model::parameter;
use crate::platform::users;
use crate::wire::parameters::{LOCAL_MARK, Value};

/// Programs of root and of the agent's user at once; more wait.
const OWN_CONNECTIONS: usize = 32;
/// Programs of any other user at once, and how many such users: more are hung up on, so that none of them keeps the rest out.
const OTHER_CONNECTIONS: usize = 8;
const OTHER_USERS: usize = 16;
/// For the head of a request to arrive, also on a connection that is kept.
const HEADER_LIMIT: Duration = Duration::from_secs(5);
/// For a whole connection: nobody keeps a place for ever.
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);
/// Until a socket that could not be had is tried again.
const RETRY: Duration = Duration::from_secs(30);

const MARK: HeaderName = HeaderName::from_static(LOCAL_MARK);
/// What a browser or a proxy adds.
const FOREIGN: [HeaderName; 6] = [
    ORIGIN,
    REFERER,
    VIA,
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("sec-fetch-site"),
];

/// What the user at the other end may ask for.
#[derive(Clone, Debug, PartialEq)]
enum Caller {
    Own,
    Named(Vec<String>),
}

/// What of the configuration says where to listen and for whom.
#[derive(Clone, PartialEq)]
struct Door {
    path: PathBuf,
    is_shared: bool,
    readers: Arc<Vec<Reader>>,
}

/// Listens while the configuration wants anything; `own` is the socket when it names none.
pub async fn serve(parameters: &NodeParameters, own: PathBuf, mut config: watch::Receiver<Config>) -> Infallible {
    loop {
        let door = door(&config.borrow_and_update(), &own);
        let Some(door) = door else {
            let _sender_lives_on = config.changed().await;
            continue;
        };
        tokio::select! {
            () = another_door(&mut config, &own, &door) => {}
            error = listen(parameters, &door) => {
                tracing::error!(socket = %door.path.display(), %error, "parameters are not served to local programs");
                tokio::select! {
                    () = another_door(&mut config, &own, &door) => {}
                    () = tokio::time::sleep(RETRY) => {}
                }
            }
        }
        let _it_may_not_be_there = remove_socket(&door.path);
    }
}

fn door(config: &Config, own: &Path) -> Option<Door> {
    (!config.paths.is_empty()).then(|| Door {
        path: config.socket.clone().unwrap_or_else(|| own.to_owned()),
        is_shared: !config.readers.is_empty(),
        readers: Arc::new(config.readers.clone()),
    })
}

async fn another_door(config: &mut watch::Receiver<Config>, own: &Path, now: &Door) {
    while door(&config.borrow_and_update(), own).as_ref() == Some(now) {
        let _sender_lives_on = config.changed().await;
    }
}

async fn listen(parameters: &NodeParameters, door: &Door) -> io::Error {
    let listener = match bind(door) {
        Ok(listener) => listener,
        Err(error) => return error,
    };
    let own = rustix::process::geteuid().as_raw();
    let mut places = Places::new(own);
    let mut serving = tokio::task::JoinSet::new();
    loop {
        while serving.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => return error,
        };
        let uid = match stream.peer_cred() {
            Ok(peer) => peer.uid(),
            Err(error) => {
                tracing::warn!(%error, "the kernel does not say who asks for parameters");
                continue;
            }
        };
        let Some(place) = places.take(uid).await else {
            tracing::debug!(uid, "a user asks for parameters on too many connections at once");
            continue;
        };
        let (parameters, readers) = (parameters.clone(), door.readers.clone());
        serving.spawn(async move {
            let served = connection(parameters, caller(uid, own, &readers, users::uid), stream);
            if tokio::time::timeout(CONNECTION_LIMIT, served).await.is_err() {
                tracing::debug!("a local program's connection was ended after its time");
            }
            drop(place);
        });
    }
}

/// How many connections each user has.
struct Places {
    own_uid: u32,
    own: Arc<Semaphore>,
    others: HashMap<u32, Arc<Semaphore>>,
}

impl Places {
    fn new(own_uid: u32) -> Self {
        Self {
            own_uid,
            own: Arc::new(Semaphore::new(OWN_CONNECTIONS)),
            others: HashMap::new(),
        }
    }

    /// Waits for a place of root's and the agent's own; `None` for another user who has all of theirs. *Cancel*: nothing is lost.
    async fn take(&mut self, uid: u32) -> Option<OwnedSemaphorePermit> {
        if is_own(uid, self.own_uid) {
            return self.own.clone().acquire_owned().await.ok();
        }
        self.others.retain(|_, places| places.available_permits() < OTHER_CONNECTIONS);
        if self.others.len() >= OTHER_USERS && !self.others.contains_key(&uid) {
            return None;
        }
        let places = self
            .others
            .entry(uid)
            .or_insert_with(|| Arc::new(Semaphore::new(OTHER_CONNECTIONS)));
        places.clone().try_acquire_owned().ok()
    }
}

fn is_own(uid: u32, own: u32) -> bool {
    uid == 0 || uid == own
}

/// Under a name of its own until its mode is set, so that nobody connects before.
fn bind(door: &Door) -> io::Result<UnixListener> {
    let folder = door.path.parent().unwrap_or(Path::new("/"));
    if !folder.exists() {
        std::fs::DirBuilder::new().mode(0o755).create(folder)?;
    }
    remove_socket(&door.path)?;
    let mut fresh = door.path.clone().into_os_string();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    remove_socket(&fresh)?;
    let listener = UnixListener::bind(&fresh)?;
    let mode = if door.is_shared { 0o666 } else { 0o600 };
    let placed = std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(mode)).and_then(|()| std::fs::rename(&fresh, &door.path));
    if placed.is_err() {
        let _nobody_knows_it = std::fs::remove_file(&fresh);
    }
    placed.map(|()| listener)
}

/// Only a socket is removed: the configuration may name anything.
fn remove_socket(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => std::fs::remove_file(path),
        Ok(_) => Err(io::Error::other("something that is no socket lies there")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

async fn connection(parameters: NodeParameters, caller: Option<Caller>, stream: UnixStream) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(&request, caller.as_ref(), &parameters.held());
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a local program's connection ended early");
    }
}

fn caller(uid: u32, own: u32, readers: &[Reader], number: impl Fn(&str) -> Option<u32>) -> Option<Caller> {
    if is_own(uid, own) {
        return Some(Caller::Own);
    }
    let mine = readers.iter().filter(|reader| number(&reader.user) == Some(uid));
    let paths: Vec<String> = mine.flat_map(|reader| reader.paths.iter().cloned()).collect();
    (!paths.is_empty()).then_some(Caller::Named(paths))
}

fn answer<B>(request: &Request<B>, caller: Option<&Caller>, held: &Held) -> Response<Full<Bytes>> {
    let Some(caller) = caller else {
        return refuse(StatusCode::FORBIDDEN, "this user may not read parameters of this node");
    };
    if let Err(why) = check_headers(request.headers()) {
        return refuse(StatusCode::FORBIDDEN, why);
    }
    if request.method() != Method::GET {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "parameters are only read here");
    }
    find(request.uri().path(), request.uri().query(), caller, held)
}

fn check_headers(headers: &HeaderMap) -> Result<(), &'static str> {
    if headers.get(MARK).is_none_or(|value| value.as_bytes() != b"true") {
        return Err("the header `Roadstead-Local: true` is missing");
    }
    match FOREIGN.iter().any(|name| headers.contains_key(name)) {
        true => Err("a request that a browser or a proxy passes on is not answered"),
        false => Ok(()),
    }
}

fn find(path: &str, query: Option<&str>, caller: &Caller, held: &Held) -> Response<Full<Bytes>> {
    let missing = || refuse(StatusCode::NOT_FOUND, "this node does not have it");
    if let Some(name) = path.strip_prefix("/parameters/") {
        let found = held.get(&format!("/{name}")).filter(|value| caller.may_read(&value.name));
        return found.map_or_else(missing, |value| respond(StatusCode::OK, &shown(value)));
    }
    let below = query.map_or(Some("/"), |query| query.strip_prefix("path="));
    let below = below.and_then(|below| parameter::Path::parse(&below.replace("%2F", "/")));
    match below {
        Some(below) if path == "/parameters" => {
            let (from, until) = below.range();
            let visible = held.range(from..until).filter(|(name, _)| caller.may_read(name));
            let found: Vec<_> = visible.map(|(_, value)| shown(value)).collect();
            respond(StatusCode::OK, &json!({"Parameters": found}))
        }
        _ => missing(),
    }
}

impl Caller {
    fn may_read(&self, name: &str) -> bool {
        match self {
            Self::Own => true,
            Self::Named(paths) => covers(paths, name),
        }
    }
}

fn shown(value: &Value) -> serde_json::Value {
    json!({"Name": value.name, "Type": value.kind, "Version": value.version, "Value": value.value.expose()})
}

fn refuse(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    respond(status, &json!({"message": why}))
}

fn respond(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let body = Zeroizing::new(body.to_string().into_bytes());
    let mut response = Response::new(Full::new(Bytes::from_owner(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;

    fn held() -> Held {
        let value = |name: &str| Value {
            name: name.into(),
            version: 1,
            kind: "String".into(),
            value: Secret::new("v".into()),
        };
        Arc::new(["/app/a", "/app/b/c", "/apple"].map(|n| (n.to_owned(), value(n))).into())
    }

    fn status(request: http::request::Builder, caller: Option<&Caller>) -> u16 {
        answer(&request.body(()).unwrap(), caller, &held()).status().as_u16()
    }

    fn get(path: &str) -> http::request::Builder {
        Request::get(path).header(MARK, "true")
    }

    #[tokio::test]
    async fn no_other_user_keeps_anybody_else_out() {
        let mut places = Places::new(1000);
        let mut taken = Vec::new();
        for uid in 2000..2100 {
            for _ in 0..=OTHER_CONNECTIONS {
                taken.extend(places.take(uid).await);
            }
        }
        assert_eq!(taken.len(), OTHER_CONNECTIONS * OTHER_USERS);
        assert!(places.take(1000).await.is_some() && places.take(0).await.is_some());
        taken.truncate(OTHER_CONNECTIONS - 1);
        assert!(places.take(2099).await.is_some(), "places that are free again are given to others");
        let last = places.take(2000).await;
        assert!(last.is_some() && places.take(2000).await.is_none());
    }

    #[test]
    fn one_or_all_below_a_path_are_found_and_nothing_else() {
        let status = |path| status(get(path), Some(&Caller::Own));
        assert_eq!(status("/parameters/app/a"), 200);
        assert_eq!(status("/parameters/none"), 404);
        assert_eq!(status("/parameters?path=/app"), 200);
        assert_eq!(status("/parameters?path=%2Fapp"), 200);
        assert_eq!(status("/parameters"), 200);
        assert_eq!(status("/other"), 404);
        assert_eq!(status("/parameters?path=nonsense"), 404);
        assert_eq!(status("/parameters?other=/app"), 404);
    }

    #[test]
    fn a_request_without_the_mark_or_through_a_proxy_is_refused() {
        let status = |request| status(request, Some(&Caller::Own));
        assert_eq!(status(Request::get("/parameters/app/a")), 403);
        assert_eq!(status(Request::get("/parameters/app/a").header(MARK, "no")), 403);
        for header in ["origin", "referer", "via", "forwarded", "x-forwarded-for", "sec-fetch-site"] {
            assert_eq!(status(get("/parameters/app/a").header(header, "x")), 403, "{header}");
        }
        assert_eq!(status(Request::post("/parameters/app/a").header(MARK, "true")), 405);
    }

    #[test]
    fn each_local_user_gets_what_is_named_for_them() {
        let readers = [
            Reader {
                user: "app".into(),
                paths: vec!["/app/a".into()],
            },
            Reader {
                user: "app".into(),
                paths: vec!["/apple".into()],
            },
        ];
        let number = |name: &str| (name == "app").then_some(33);
        let who = |uid| caller(uid, 7, &readers, number);
        assert_eq!((who(0), who(7)), (Some(Caller::Own), Some(Caller::Own)));
        assert_eq!(who(34), None);
        let app = who(33).unwrap();
        assert_eq!(status(get("/parameters/app/a"), Some(&app)), 200);
        assert_eq!(status(get("/parameters/app/b/c"), Some(&app)), 404);
        assert_eq!(status(get("/parameters/app/a"), None), 403);
        let all = find("/parameters", None, &app, &held());
        assert_eq!(all.status(), 200);
        let listed = held().keys().filter(|name| app.may_read(name)).count();
        assert_eq!(listed, 2);
    }

    #[tokio::test]
    async fn only_a_socket_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let door = Door {
            path: dir.path().join("made/s"),
            is_shared: true,
            readers: Arc::default(),
        };
        drop(bind(&door).unwrap());
        drop(bind(&door).unwrap());
        let mode = std::fs::metadata(&door.path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o666);
        let door = Door {
            path: dir.path().join("file"),
            ..door
        };
        std::fs::write(&door.path, "kept").unwrap();
        assert!(bind(&door).is_err());
        assert_eq!(std::fs::read_to_string(&door.path).unwrap(), "kept");
    }
}
