//! Where clients come in.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::meant::Words;

/// `[[listener]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub name: String,
    /// At least one, each once in the whole file.
    pub listen: Vec<SocketAddr>,
    pub protocol: ListenerProtocol,
    /// Of `http` and `https`; at least one there, else none.
    pub versions: Vec<Version>,
    /// Of `tcp` and `udp`; of `tls`, where names go that no route has.
    pub pool: Option<String>,
    /// Names of the certificates that are shown here; empty: all.
    pub certificates: Vec<String>,
    /// Whatever is not an ACME challenge is answered 301 to `https://`.
    pub redirect_to_https: bool,
    /// Value of `Alt-Svc` in every response (RFC 7838).
    pub alt_svc: Option<String>,
    pub proxy_protocol: ProxyProtocol,
    /// Peers that are believed what they say of the client.
    pub trusted_proxies: Vec<IpNet>,
    /// `%2F` and `%5C` in a path stay what they are; otherwise such requests are refused.
    pub encoded_slashes: bool,
    pub limits: ListenerLimits,
    pub timeouts: ListenerTimeouts,
    pub quic_retry: Retry,
}

impl Listener {
    /// Whether requests come in here, which take routes.
    pub fn is_http(&self) -> bool {
        matches!(self.protocol, ListenerProtocol::Http | ListenerProtocol::Https)
    }
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListenerProtocol {
    Http,
    Https,
    /// TLS that is not terminated here.
    Tls,
    Tcp,
    Udp,
}

impl Words for ListenerProtocol {
    const KIND: &'static str = "protocol";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("http", Self::Http),
        ("https", Self::Https),
        ("tls", Self::Tls),
        ("tcp", Self::Tcp),
        ("udp", Self::Udp),
    ];
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    H1,
    H2,
    H3,
}

impl Words for Version {
    const KIND: &'static str = "version of HTTP";
    const WORDS: &'static [(&'static str, Self)] = &[("h1", Self::H1), ("h2", Self::H2), ("h3", Self::H3)];
}

/// Whether connections begin with a PROXY header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxyProtocol {
    #[default]
    Off,
    /// Each must, and must come from one of these.
    Required(Vec<IpNet>),
}

/// When a client must show that it receives at its address before a QUIC connection costs anything
/// (RFC 9000 §8.1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retry {
    /// Under pressure.
    #[default]
    Auto,
    Always,
    Never,
}

impl Words for Retry {
    const KIND: &'static str = "choice";
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("always", Self::Always), ("never", Self::Never)];
}

/// `listener.limits`; all of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Connections at once.
    pub connections: u32,
    /// The same, of one client address; `None`: no limit.
    pub connections_per_address: Option<u32>,
    /// Bytes of a request's head.
    pub head: u32,
    /// Fields of a request.
    pub fields: u16,
    /// Bytes of a request's target.
    pub target: u32,
    /// Requests of one connection.
    pub requests: u32,
    /// Requests of one HTTP/2 or HTTP/3 connection at once.
    pub streams: u32,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            connections_per_address: None,
            head: 32 << 10,
            fields: 100,
            target: 8 << 10,
            requests: 10_000,
            streams: 128,
        }
    }
}

/// `listener.timeouts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerTimeouts {
    /// For the TLS or QUIC handshake, and a PROXY header before it.
    pub handshake: Duration,
    /// From the first byte of a request's head to its last.
    pub head: Duration,
    /// A connection without requests.
    pub idle: Duration,
    /// Between two pieces of a body, either way, that the client is the one to give or take.
    pub body: Duration,
    /// Of `tcp`, `tls` and `udp`: no byte either way.
    pub session: Duration,
}

impl Default for ListenerTimeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            handshake: seconds(10),
            head: seconds(15),
            idle: seconds(65),
            body: seconds(60),
            session: seconds(600),
        }
    }
}
