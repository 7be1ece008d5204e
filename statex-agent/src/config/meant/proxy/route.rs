//! Routes: which requests they take, and how those are treated.

use std::time::Duration;

use ipnet::IpNet;

use super::{Action, BackendHost, Compress, FieldChanges, Forwarded, Rewrite};

/// `[[route]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub name: String,
    /// Names of listeners; empty: all that speak HTTP.
    pub listeners: Vec<String>,
    pub matches: Matches,
    pub action: Action,
    pub rewrite: Option<Rewrite>,
    /// What a request gets before it is passed on.
    pub request_headers: FieldChanges,
    /// What a response gets before it is passed on, or answered.
    pub response_headers: FieldChanges,
    /// `Expires`, and `max-age` of `Cache-Control`, so long after the response.
    pub expires: Option<Duration>,
    /// Directives of `Cache-Control`.
    pub cache_control: Option<String>,
    /// Bytes of a request's body; `None`: no limit.
    pub max_body: Option<u64>,
    pub timeouts: RouteTimeouts,
    /// What a backend sees as the host.
    pub backend_host: BackendHost,
    /// What a backend is told of the client.
    pub forwarded: Vec<Forwarded>,
    /// Protocols that clients may go on with, in lower case.
    pub upgrade: Vec<String>,
    /// `CONNECT` is passed on.
    pub connect: bool,
    pub rate_limit: Option<RateLimit>,
    pub compress: Option<Compress>,
    /// Requests are told to the access logs.
    pub access_log: bool,
    /// Requests may come in early data: doing one twice does no harm (RFC 8470).
    pub early_data: bool,
}

/// What a route asks of a request; all of it must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matches {
    /// Any of these; at least one.
    pub hosts: Vec<Host>,
    pub path: Path,
    /// Any of these extensions of the last segment, in lower case and without dot; empty: all.
    pub extensions: Vec<String>,
    /// Any of these; empty: all.
    pub methods: Vec<http::Method>,
    pub headers: Vec<Condition>,
    pub query: Vec<Condition>,
    pub cookies: Vec<Condition>,
    /// Any of these; empty: all.
    pub clients: Vec<IpNet>,
}

/// What a route asks of a request's host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    Any,
    /// In lower case.
    Exact(String),
    /// Any name under this one, which is in lower case: `*.example.net` is `Under("example.net")`.
    Under(String),
}

/// What a route asks of a request's path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    Exact(String),
    /// Whole segments: `/api` holds `/api` and `/api/x`, but not `/apis`.
    Prefix(String),
    /// Somewhere in the path, unless it is anchored.
    Regex(String),
}

/// What a route asks of a field, a parameter or a cookie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Of a field: in lower case.
    pub name: String,
    pub wanted: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// That it is there; written `*`.
    Present,
    /// That it is not there; written `!`.
    Absent,
    Exact(String),
    /// Written `~` and the expression.
    Regex(String),
}

/// `route.timeouts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteTimeouts {
    /// From the end of a request to the head of its response.
    pub first_byte: Duration,
    /// Between two pieces that the backend is the one to give or take.
    pub between_bytes: Duration,
    /// For the whole body of a request; `None`: as long as it flows.
    pub body: Option<Duration>,
    /// A tunnel without a byte either way.
    pub tunnel: Duration,
}

impl Default for RouteTimeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { first_byte: seconds(60), between_bytes: seconds(60), body: None, tunnel: seconds(3600) }
    }
}

/// `route.rate_limit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub per: Per,
    /// Requests a second.
    pub rate: u32,
    /// Requests at once after a silence.
    pub burst: u32,
}

/// What a rate is counted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Per {
    /// Of the client: IPv4 whole, IPv6 by /64.
    Address,
    /// All requests of the route together.
    Route,
    /// The value of this field, in lower case.
    Header(String),
}
