//! The control socket: HTTP/1.1 with JSON on a unix socket.
//!
//! | request | answer |
//! |---|---|
//! | `GET /status` | [`Status`] |
//! | `GET /explain/BACKEND` | a list of [`Explanation`] |
//! | `POST /drain/BACKEND`, `POST /undrain/BACKEND` | [`Done`] |
//! | `GET /heal` | [`Healing`] |
//! | `POST /heal/off`, `/heal/on`, `/heal/resume`, `/heal/approve/ID`, `/heal/reject/ID` | [`Done`] |
//! | `POST /reload` | [`Done`], or 422 with every error of the configuration |
//! | `POST /hand-over` | [`Done`]: the agent stops, the data plane stays, another agent goes on with it |
//! | `GET /events` | one JSON object a line, until the peer closes |

use std::{
    io,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    os::unix::net::UnixStream as StdUnixStream,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    header,
};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{Semaphore, broadcast},
};

use super::{
    http::{self, Body, json},
    peer::Allowed,
    status::{Done, Explanation, Healing, Problem, Status},
};

/// Connections at one time; more wait.
const CONNECTIONS: usize = 64;

/// Why a request was not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing here has that name; says which names there are.
    Unknown(String),
    /// What was asked cannot be: one line, then every cause.
    Invalid(String, Vec<String>),
    /// It should have worked.
    Failed(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(line) | Self::Failed(line) => f.write_str(line),
            Self::Invalid(line, causes) => write!(f, "{line}: {}", causes.join("; ")),
        }
    }
}

/// What a person tells healing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealOrder {
    Switch(bool),
    /// Goes on after the breaker has opened, or after a person was called.
    Resume,
    Answer {
        id: String,
        yes: bool,
    },
}

impl HealOrder {
    /// Reads what stands behind `/heal/`.
    fn read(text: &str) -> Option<Self> {
        match (text, text.split_once('/')) {
            ("on", _) => Some(Self::Switch(true)),
            ("off", _) => Some(Self::Switch(false)),
            ("resume", _) => Some(Self::Resume),
            (_, Some(("approve", id))) => Some(Self::Answer { id: plain(id)?, yes: true }),
            (_, Some(("reject", id))) => Some(Self::Answer { id: plain(id)?, yes: false }),
            _ => None,
        }
    }
}

/// What the control socket asks of the rest of the agent.
pub trait Control: Send + Sync + 'static {
    fn status(&self) -> BoxFuture<'_, Status>;
    /// Starts or ends the drain of a backend; the answer says what has changed.
    fn drain(&self, backend: String, drain: bool) -> BoxFuture<'_, Result<String, Refused>>;
    /// Why a backend is as it is, and what would change it.
    fn explain(&self, backend: String) -> BoxFuture<'_, Result<Vec<Explanation>, Refused>>;
    /// What healing is doing.
    fn healing(&self) -> BoxFuture<'_, Result<Healing, Refused>>;
    /// Tells healing what a person wants; `by` is that person.
    fn heal(&self, order: HealOrder, by: String) -> BoxFuture<'_, Result<String, Refused>>;
    fn reload(&self) -> BoxFuture<'_, Result<String, Refused>>;
    /// Stops the agent and leaves the data plane to another.
    fn hand_over(&self) -> BoxFuture<'_, Result<String, Refused>>;
    /// Events from now on, each one JSON object.
    fn events(&self) -> broadcast::Receiver<Arc<str>>;
}

/// A control socket that is bound; the file goes when this is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: std::os::unix::net::UnixListener,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "control socket not removed");
        }
    }
}

/// Why the control socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("{} answers already: another statex runs with this control socket", .0.display())]
    InUse(PathBuf),
    #[error("{} exists and is no socket; remove it or choose another path", .0.display())]
    NotASocket(PathBuf),
    #[error("cannot make the control socket {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
}

impl Socket {
    /// Binds the path. A socket file that nobody listens on is replaced.
    ///
    /// # Errors
    ///
    /// See [`SocketError`].
    pub fn bind(path: &Path, allowed: &Allowed) -> Result<Self, SocketError> {
        let failed = |error| SocketError::Io { path: path.to_owned(), error };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
            Ok(found) if !found.file_type().is_socket() => {
                return Err(SocketError::NotASocket(path.to_owned()));
            }
            Ok(_) if StdUnixStream::connect(path).is_ok() => {
                return Err(SocketError::InUse(path.to_owned()));
            }
            Ok(_) => std::fs::remove_file(path).map_err(failed)?,
        }
        let listener = std::os::unix::net::UnixListener::bind(path).map_err(failed)?;
        let socket = Self { listener, path: path.to_owned() };
        socket.listener.set_nonblocking(true).map_err(failed)?;
        let mode = std::fs::Permissions::from_mode(allowed.file_mode());
        std::fs::set_permissions(path, mode).map_err(failed)?;
        Ok(socket)
    }

    /// Answers until it is dropped. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The socket could not be handed to the runtime.
    pub async fn serve(&self, allowed: Allowed, control: Arc<dyn Control>) -> io::Result<()> {
        let listener = UnixListener::from_std(self.listener.try_clone()?)?;
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, _)) if admitted(&stream, &allowed) => {
                    let (control, peer) = (control.clone(), name_of(&stream));
                    tokio::spawn(async move {
                        http::serve(stream, |request| answer(&*control, &peer, request)).await;
                        drop(place);
                    });
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "accepting on the control socket failed");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
}

fn admitted(stream: &UnixStream, allowed: &Allowed) -> bool {
    match stream.peer_cred() {
        Ok(peer) if allowed.admits(&peer) => true,
        Ok(peer) => {
            tracing::warn!(
                uid = peer.uid(),
                gid = peer.gid(),
                pid = peer.pid(),
                "control socket: peer refused"
            );
            false
        }
        Err(error) => {
            tracing::warn!(%error, "control socket: peer unknown, refused");
            false
        }
    }
}

/// Who is at the other end, for records.
fn name_of(stream: &UnixStream) -> String {
    let Ok(peer) = stream.peer_cred() else { return "unknown".to_owned() };
    let user = nix::unistd::User::from_uid(peer.uid().into());
    user.ok().flatten().map_or_else(|| format!("uid {}", peer.uid()), |user| user.name)
}

async fn answer(control: &dyn Control, peer: &str, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    let (place, argument) = match path[1..].split_once('/') {
        Some((place, argument)) => (place, Some(argument)),
        None => (path.trim_start_matches('/'), None),
    };
    match (request.method(), place, argument) {
        (&Method::GET, "status", None) => json(StatusCode::OK, &control.status().await),
        (&Method::GET, "events", None) => events(control.events()),
        (&Method::POST, "reload", None) => outcome(control.reload().await),
        (&Method::POST, "hand-over", None) => outcome(control.hand_over().await),
        (&Method::POST, "drain" | "undrain", Some(name)) if !name.is_empty() => match plain(name) {
            Some(name) => outcome(control.drain(name, place == "drain").await),
            None => problem(StatusCode::BAD_REQUEST, "the name is not valid UTF-8".to_owned()),
        },
        (&Method::GET, "explain", Some(name)) if !name.is_empty() => match plain(name) {
            Some(name) => match control.explain(name).await {
                Ok(explanations) => json(StatusCode::OK, &explanations),
                Err(refused) => outcome(Err(refused)),
            },
            None => problem(StatusCode::BAD_REQUEST, "the name is not valid UTF-8".to_owned()),
        },
        (&Method::GET, "heal", None) => match control.healing().await {
            Ok(healing) => json(StatusCode::OK, &healing),
            Err(refused) => outcome(Err(refused)),
        },
        (&Method::POST, "heal", Some(order)) => match HealOrder::read(order) {
            Some(order) => outcome(control.heal(order, peer.to_owned()).await),
            None => problem(StatusCode::NOT_FOUND, format!("there is no {path} here")),
        },
        (_, "status" | "events" | "explain" | "heal" | "reload" | "hand-over" | "drain" | "undrain", _) => {
            problem(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("{} {path} is no request; see `statex --help`", request.method()),
            )
        }
        _ => problem(StatusCode::NOT_FOUND, format!("there is no {path} here")),
    }
}

fn outcome(outcome: Result<String, Refused>) -> Response<Body> {
    let (status, error, details) = match outcome {
        Ok(done) => return json(StatusCode::OK, &Done { done }),
        Err(Refused::Unknown(error)) => (StatusCode::NOT_FOUND, error, Vec::new()),
        Err(Refused::Invalid(error, details)) => (StatusCode::UNPROCESSABLE_ENTITY, error, details),
        Err(Refused::Failed(error)) => (StatusCode::INTERNAL_SERVER_ERROR, error, Vec::new()),
    };
    json(status, &Problem { error, details })
}

fn problem(status: StatusCode, error: String) -> Response<Body> {
    json(status, &Problem { error, details: Vec::new() })
}

/// Events as they come, one a line. A reader that is too slow is told how many it has missed.
fn events(receiver: broadcast::Receiver<Arc<str>>) -> Response<Body> {
    let lines = stream::unfold(receiver, |mut receiver| async move {
        let line = match receiver.recv().await {
            Ok(event) => format!("{event}\n"),
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                format!("{{\"event\":\"missed\",\"count\":{missed}}}\n")
            }
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        Some((Ok(Frame::data(Bytes::from(line))), receiver))
    });
    let mut response = Response::new(StreamBody::new(lines).boxed_unsync());
    let kind = header::HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// A path segment without its percent signs (RFC 3986 §2.1).
fn plain(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        bytes.push(match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                rest = after;
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                u8::try_from(digit(high)? * 16 + digit(low)?).ok()?
            }
            (b'%', _) => return None,
            _ => *first,
        });
    }
    String::from_utf8(bytes).ok()
}
