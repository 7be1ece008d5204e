//! A small HTTP/1.1 client for what the agent itself asks: webhooks, etcd, a model's endpoint. One request a
//! connection; everything is bounded.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Most bytes of an answer that are read.
const ANSWER: usize = 1 << 20;

/// An `http://` or `https://` address.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    uri: Uri,
    secure: bool,
    host: String,
    port: u16,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("is no URL: {error}"))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err("is no URL with http:// or https://".to_owned()),
        };
        let authority = uri.authority().ok_or("names no host")?;
        if authority.as_str().contains('@') {
            return Err("holds a user or password; give them by a header".to_owned());
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { uri, secure, host, port })
    }
}

impl Url {
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The same place with another path.
    ///
    /// # Errors
    /// The path cannot stand in a URL.
    pub fn at(&self, path: &str) -> Result<Self, String> {
        let base = self.uri.path().trim_end_matches('/');
        let scheme = if self.secure { "https" } else { "http" };
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        format!("{scheme}://{authority}{base}{path}").parse()
    }

    /// Where a `Location` leads from here (RFC 9110 §10.2.2): a whole URL, or a path from the root.
    ///
    /// # Errors
    /// It is neither.
    pub fn resolve(&self, location: &str) -> Result<Self, String> {
        if location.starts_with('/') && !location.starts_with("//") {
            let scheme = if self.secure { "https" } else { "http" };
            let authority = self.uri.authority().map_or("", |authority| authority.as_str());
            return format!("{scheme}://{authority}{location}").parse();
        }
        location.parse()
    }

    /// Whether it is the same host, port and scheme.
    pub fn is_same_place(&self, other: &Self) -> bool {
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port)
    }

    pub fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({})", self.uri)
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// The `Location` field.
    pub location: Option<String>,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    #[error("{url} did not answer within {} s", within.as_secs_f64())]
    TimedOut { url: String, within: Duration },
    #[error("{url} cannot be reached: {why}")]
    Unreachable { url: String, why: String },
    #[error("{url} broke off: {why}")]
    Broken { url: String, why: String },
}

/// A request.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub method: Method,
    pub url: &'a Url,
    /// Beside those that every request has.
    pub headers: Vec<(&'a str, String)>,
    pub body: Vec<u8>,
    /// For all of it, from the name's address to the last byte.
    pub within: Duration,
}

/// Asks, and reads the answer whole. An answer with whatever status is an answer.
///
/// # Errors
/// There was none.
pub async fn call(call: Call<'_>) -> Result<Answer, WebError> {
    let (url, within) = (call.url.to_string(), call.within);
    let asked = tokio::time::timeout(within, ask(call)).await;
    asked.unwrap_or(Err(WebError::TimedOut { url, within }))
}

async fn ask(call: Call<'_>) -> Result<Answer, WebError> {
    let url = call.url;
    let unreachable = |why: String| WebError::Unreachable { url: url.to_string(), why };
    let stream = TcpStream::connect((url.host.as_str(), url.port))
        .await
        .map_err(|error| unreachable(error.to_string()))?;
    if !url.secure {
        return exchange(stream, call).await;
    }
    let name = ServerName::try_from(url.host.clone()).map_err(|error| unreachable(error.to_string()))?;
    let connector = TlsConnector::from(tls().map_err(unreachable)?);
    let stream = connector.connect(name, stream).await.map_err(|error| unreachable(error.to_string()))?;
    exchange(stream, call).await
}

async fn exchange<S>(stream: S, call: Call<'_>) -> Result<Answer, WebError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let url = call.url;
    let broken = |why: String| WebError::Broken { url: url.to_string(), why };
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(error.to_string()))?;
    let mut request = Request::builder()
        .method(call.method)
        .uri(url.path())
        .header(header::HOST, url.uri.authority().map_or("", |authority| authority.as_str()))
        .header(header::USER_AGENT, concat!("statex/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close");
    for (name, value) in &call.headers {
        request = request.header(*name, value);
    }
    let request =
        request.body(Full::new(Bytes::from(call.body))).map_err(|error| broken(error.to_string()))?;
    let answered = async {
        let answer = sender.send_request(request).await.map_err(|error| broken(error.to_string()))?;
        let status = answer.status().as_u16();
        let location =
            answer.headers().get(header::LOCATION).and_then(|it| it.to_str().ok()).map(str::to_owned);
        let body = Limited::new(answer.into_body(), ANSWER).collect().await;
        let body = body.map_err(|error| broken(error.to_string()))?.to_bytes();
        Ok(Answer { status, location, body })
    };
    tokio::pin!(answered);
    tokio::select! {
        biased;
        answer = &mut answered => answer,
        // The connection may end in the same moment in which it delivers the answer.
        _ = connection => answered.await,
    }
}

/// Trusts what the host trusts.
fn tls() -> Result<Arc<rustls::ClientConfig>, String> {
    static CONFIG: OnceLock<Result<Arc<rustls::ClientConfig>, String>> = OnceLock::new();
    let make = || {
        let mut roots = rustls::RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err("this host has no certificate authorities (package ca-certificates)".to_owned());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    };
    CONFIG.get_or_init(make).clone()
}

/// A server for tests: answers each connection's request by what `answer` makes of it, head and body in one.
#[cfg(test)]
pub(crate) mod scripted {
    use std::sync::{Arc, Mutex};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    pub(crate) struct Server {
        pub(crate) url: String,
        /// The requests that came.
        pub(crate) asked: Arc<Mutex<Vec<String>>>,
    }

    /// `answer` gets the request and how many came before it; an empty answer is none, ever.
    pub(crate) async fn server(answer: impl Fn(&str, usize) -> String + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (asked.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (seen, answer) = (seen.clone(), answer.clone());
                tokio::spawn(async move {
                    let request = request(&mut stream).await;
                    let before = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    let answer = answer(&request, before);
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Server { url, asked }
    }

    async fn request(stream: &mut tokio::net::TcpStream) -> String {
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length =
                    head.split("content-length: ").nth(1).and_then(|it| it.split_whitespace().next());
                if body.len() >= length.and_then(|it| it.parse().ok()).unwrap_or(0) {
                    return text;
                }
            }
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => return text,
                Ok(len) => bytes.extend_from_slice(&piece[..len]),
            }
        }
    }

    /// An answer with a body.
    pub(crate) fn with(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::scripted::{server, with};
    use super::*;

    async fn get(url: &str, millis: u64) -> Result<Answer, WebError> {
        let url: Url = url.parse().unwrap();
        let within = Duration::from_millis(millis);
        call(Call {
            method: Method::GET,
            url: &url,
            headers: vec![("x-a", "1".into())],
            body: Vec::new(),
            within,
        })
        .await
    }

    #[tokio::test]
    async fn an_answer_comes_whole_whatever_its_status() {
        let server = server(|_, _| with("418 I'm a teapot", "short")).await;
        let answer = get(&format!("{}/a?b=c", server.url), 5000).await.unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (418, "short"));
        let asked = server.asked.lock().unwrap()[0].clone();
        assert!(asked.starts_with("GET /a?b=c HTTP/1.1\r\n") && asked.contains("x-a: 1"), "{asked}");
    }

    #[tokio::test]
    async fn silence_ends_in_time() {
        let server = server(|_, _| String::new()).await;
        assert!(matches!(get(&server.url, 100).await, Err(WebError::TimedOut { .. })));
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut() {
        let server = server(|_, _| with("200 OK", &"x".repeat(ANSWER + 1))).await;
        assert!(matches!(get(&server.url, 5000).await, Err(WebError::Broken { .. })));
    }

    #[tokio::test]
    async fn nobody_there_is_told_so() {
        assert!(matches!(get("http://127.0.0.1:1/", 5000).await, Err(WebError::Unreachable { .. })));
    }

    #[test]
    fn urls_are_read_strictly() {
        for wrong in ["", "etcd:2379", "ftp://a", "http://", "https://user:secret@a/", "http://a b"] {
            assert!(wrong.parse::<Url>().is_err(), "{wrong}");
        }
        let url: Url = "https://[::1]:8443/base/".parse().unwrap();
        assert_eq!(
            (url.host(), url.port, url.at("/v3").unwrap().to_string().as_str()),
            ("::1", 8443, "https://[::1]:8443/base/v3")
        );
    }
}
