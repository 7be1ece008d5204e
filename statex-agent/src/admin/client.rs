//! The command line's end of the control socket.

use std::{
    io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::status::{Done, Explanation, Healing, Problem, Status};

/// Why a request to the agent got no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("no statex runs here: {} does not exist (another one with --socket)", .0.display())]
    Absent(PathBuf),
    #[error("no statex runs here: nobody listens on {}", .0.display())]
    Dead(PathBuf),
    #[error("not allowed to open {}: be root, or among [control].users or [control].groups", .0.display())]
    Forbidden(PathBuf),
    #[error("cannot speak with {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} closed the connection: this user is not among [control].users and [control].groups", .0.display())]
    Refused(PathBuf),
    #[error("{}{}", .0.error, .0.details.iter().map(|line| format!("\n  {line}")).collect::<String>())]
    Problem(Problem),
    /// The configuration was read again and is wrong.
    #[error("{}{}", .0.error, .0.details.iter().map(|line| format!("\n  {line}")).collect::<String>())]
    Invalid(Problem),
    #[error("the agent's answer makes no sense: {0}")]
    Nonsense(String),
}

/// A connection to a running agent.
#[derive(Debug)]
pub struct Client {
    sender: http1::SendRequest<Empty<Bytes>>,
    path: PathBuf,
}

impl Client {
    /// Opens the control socket. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the socket and what to do.
    pub async fn connect(path: &Path) -> Result<Self, ClientError> {
        let path = path.to_owned();
        let stream = match UnixStream::connect(&path).await {
            Ok(stream) => stream,
            Err(error) => {
                return Err(match error.kind() {
                    io::ErrorKind::NotFound => ClientError::Absent(path),
                    io::ErrorKind::ConnectionRefused => ClientError::Dead(path),
                    io::ErrorKind::PermissionDenied => ClientError::Forbidden(path),
                    _ => ClientError::Io { path, error },
                });
            }
        };
        match http1::handshake(TokioIo::new(stream)).await {
            Ok((sender, connection)) => {
                tokio::spawn(connection);
                Ok(Self { sender, path })
            }
            Err(_) => Err(ClientError::Refused(path)),
        }
    }

    pub async fn status(&mut self) -> Result<Status, ClientError> {
        self.ask(Method::GET, "/status").await
    }

    /// Starts (`drain`) or ends the drain of a backend.
    pub async fn drain(&mut self, backend: &str, drain: bool) -> Result<Done, ClientError> {
        let verb = if drain { "drain" } else { "undrain" };
        self.ask(Method::POST, &format!("/{verb}/{}", segment(backend))).await
    }

    /// Why a backend is as it is.
    pub async fn explain(&mut self, backend: &str) -> Result<Vec<Explanation>, ClientError> {
        self.ask(Method::GET, &format!("/explain/{}", segment(backend))).await
    }

    pub async fn healing(&mut self) -> Result<Healing, ClientError> {
        self.ask(Method::GET, "/heal").await
    }

    /// Tells healing what is wanted: `on`, `off`, `resume`, or an answer to what it asks.
    pub async fn heal(&mut self, order: &str, id: Option<&str>) -> Result<Done, ClientError> {
        let id = id.map(|id| format!("/{}", segment(id))).unwrap_or_default();
        self.ask(Method::POST, &format!("/heal/{order}{id}")).await
    }

    pub async fn reload(&mut self) -> Result<Done, ClientError> {
        self.ask(Method::POST, "/reload").await
    }

    /// Makes the agent stop and leave the data plane to this process.
    pub async fn hand_over(&mut self) -> Result<Done, ClientError> {
        self.ask(Method::POST, "/hand-over").await
    }

    /// Hands every line of `GET /events` to `each` until it says no or the agent stops.
    pub async fn events(&mut self, mut each: impl FnMut(&str) -> bool) -> Result<(), ClientError> {
        let mut body = self.send(Method::GET, "/events").await?.into_body();
        let mut buffer = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            buffer.extend_from_slice(frame.data_ref().map_or(&[][..], |bytes| bytes));
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                if !each(String::from_utf8_lossy(&line[..end]).as_ref()) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn ask<T: DeserializeOwned>(&mut self, method: Method, path: &str) -> Result<T, ClientError> {
        let response = self.send(method, path).await?;
        let status = response.status();
        let body = response.into_body().collect().await;
        let bytes = body.map_err(|error| ClientError::Nonsense(error.to_string()))?.to_bytes();
        let nonsense = |error: serde_json::Error| ClientError::Nonsense(error.to_string());
        if status == StatusCode::OK {
            return serde_json::from_slice(&bytes).map_err(nonsense);
        }
        let problem = serde_json::from_slice(&bytes).map_err(nonsense)?;
        Err(match status {
            StatusCode::UNPROCESSABLE_ENTITY => ClientError::Invalid(problem),
            _ => ClientError::Problem(problem),
        })
    }

    async fn send(&mut self, method: Method, path: &str) -> Result<Response<Incoming>, ClientError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "statex")
            .body(Empty::new())
            .map_err(|error| ClientError::Nonsense(error.to_string()))?;
        self.sender.send_request(request).await.map_err(|_| ClientError::Refused(self.path.clone()))
    }
}

/// A name as a path segment: what is not unreserved gets percent signs (RFC 3986 §2.1).
fn segment(name: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures_util::future::BoxFuture;
    use tokio::sync::broadcast;

    use super::{
        super::{
            api::{Control, HealOrder, Refused, Socket, SocketError},
            peer::Allowed,
        },
        *,
    };

    /// An agent that knows one backend.
    struct Scripted {
        drained: Mutex<Vec<(String, bool)>>,
        events: broadcast::Sender<Arc<str>>,
    }

    impl Control for Scripted {
        fn status(&self) -> BoxFuture<'_, Status> {
            let status = Status { version: "9".into(), settled: true, ..Status::default() };
            Box::pin(async { status })
        }

        fn drain(&self, name: String, drain: bool) -> BoxFuture<'_, Result<String, Refused>> {
            Box::pin(async move {
                if name != "web [1]" {
                    return Err(Refused::Unknown(format!("no backend \"{name}\"")));
                }
                self.drained.lock().unwrap().push((name, drain));
                Ok("drained".into())
            })
        }

        fn explain(&self, name: String) -> BoxFuture<'_, Result<Vec<Explanation>, Refused>> {
            Box::pin(async { Ok(vec![Explanation { backend: name, ..Explanation::default() }]) })
        }

        fn healing(&self) -> BoxFuture<'_, Result<Healing, Refused>> {
            Box::pin(async { Ok(Healing { leads: true, fence: Some(7), ..Healing::default() }) })
        }

        fn heal(&self, order: HealOrder, _: String) -> BoxFuture<'_, Result<String, Refused>> {
            Box::pin(async move { Ok(format!("{order:?}")) })
        }

        fn reload(&self) -> BoxFuture<'_, Result<String, Refused>> {
            let errors = vec!["services[0].port: 0 is no port".into()];
            Box::pin(async { Err(Refused::Invalid("1 error".into(), errors)) })
        }

        fn hand_over(&self) -> BoxFuture<'_, Result<String, Refused>> {
            Box::pin(async { Ok("stopped".into()) })
        }

        fn events(&self) -> broadcast::Receiver<Arc<str>> {
            self.events.subscribe()
        }
    }

    struct Running {
        folder: tempfile::TempDir,
        agent: Arc<Scripted>,
    }

    impl Running {
        fn start() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let agent = Arc::new(Scripted { drained: Mutex::default(), events: broadcast::channel(4).0 });
            let socket = Socket::bind(&folder.path().join("s"), &Allowed::default()).unwrap();
            let control = agent.clone();
            tokio::spawn(async move { socket.serve(Allowed::default(), control).await });
            Self { folder, agent }
        }

        async fn client(&self) -> Client {
            Client::connect(&self.folder.path().join("s")).await.unwrap()
        }
    }

    #[tokio::test]
    async fn status_comes_back_as_it_was_sent() {
        let status = Running::start().client().await.status().await.unwrap();
        assert_eq!((status.version.as_str(), status.settled), ("9", true));
    }

    #[tokio::test]
    async fn names_with_odd_characters_arrive_whole() {
        let running = Running::start();
        running.client().await.drain("web [1]", true).await.unwrap();
        assert_eq!(*running.agent.drained.lock().unwrap(), [("web [1]".to_owned(), true)]);
    }

    #[tokio::test]
    async fn explanations_come_back_as_they_were_given() {
        let explained = Running::start().client().await.explain("web [1]").await.unwrap();
        assert_eq!(explained[0].backend, "web [1]");
    }

    #[tokio::test]
    async fn healing_is_shown_and_told() {
        let mut client = Running::start().client().await;
        assert_eq!(client.healing().await.unwrap().fence, Some(7));
        let told = client.heal("approve", Some("restart-1 [a/b]")).await.unwrap().done;
        assert_eq!(told, format!("{:?}", HealOrder::Answer { id: "restart-1 [a/b]".into(), yes: true }));
        assert_eq!(client.heal("off", None).await.unwrap().done, "Switch(false)");
    }

    #[tokio::test]
    async fn refusals_carry_every_cause() {
        let mut client = Running::start().client().await;
        let unknown = client.drain("db", true).await.unwrap_err().to_string();
        assert_eq!(unknown, "no backend \"db\"");
        let invalid = client.reload().await.unwrap_err().to_string();
        assert_eq!(invalid, "1 error\n  services[0].port: 0 is no port");
    }

    #[tokio::test]
    async fn unknown_paths_are_problems_not_hangups() {
        let mut client = Running::start().client().await;
        let error = client.ask::<Done>(Method::GET, "/flow").await.unwrap_err();
        assert_eq!(error.to_string(), "there is no /flow here");
        let error = client.ask::<Done>(Method::GET, "/reload").await.unwrap_err();
        assert_eq!(error.to_string(), "GET /reload is no request; see `statex --help`");
    }

    #[tokio::test]
    async fn events_stream_line_by_line() {
        let running = Running::start();
        let mut client = running.client().await;
        let agent = running.agent.clone();
        let feed = tokio::spawn(async move {
            while agent.events.send("{\"n\":1}".into()).is_err() {
                tokio::task::yield_now().await;
            }
        });
        let mut seen = Vec::new();
        let each = |line: &str| {
            seen.push(line.to_owned());
            false
        };
        client.events(each).await.unwrap();
        feed.await.unwrap();
        assert_eq!(seen, ["{\"n\":1}"]);
    }

    #[tokio::test]
    async fn missing_socket_says_that_nobody_runs() {
        let error = Client::connect(Path::new("/nonexistent/statex.sock")).await.unwrap_err();
        assert!(error.to_string().starts_with("no statex runs here"), "{error}");
    }

    #[tokio::test]
    async fn stale_socket_file_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let live = Socket::bind(&path, &Allowed::default()).unwrap();
        let second = Socket::bind(&path, &Allowed::default()).unwrap_err();
        assert!(matches!(second, SocketError::InUse(_)), "{second}");
        drop(live);
        assert!(!path.exists(), "removed on the way out");
    }

    #[tokio::test]
    async fn a_file_in_the_way_is_never_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, "precious").unwrap();
        let error = Socket::bind(&path, &Allowed::default()).unwrap_err();
        assert!(matches!(error, SocketError::NotASocket(_)), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
