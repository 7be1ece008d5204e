//! What the control socket says: the same types write it and read it.

use serde::{Deserialize, Serialize};

/// The answer to `GET /status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub interfaces: Vec<Interface>,
    pub services: Vec<Service>,
    #[serde(default)]
    pub listeners: Vec<Listener>,
    #[serde(default)]
    pub routes: Vec<Route>,
    #[serde(default)]
    pub pools: Vec<Pool>,
    /// True once the kernel's tables are as the configuration wants them.
    pub settled: bool,
    /// Seconds since they were not, while they are not.
    pub lag_seconds: f64,
    /// What stands in the way, newest last.
    pub problems: Vec<String>,
}

/// An interface that the node forwards on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interface {
    pub name: String,
    pub up: bool,
    /// How the XDP program really hangs there: `native`, `generic` or `offloaded`; absent when it
    /// does not.
    pub attached: Option<String>,
}

/// A service and who serves it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Service {
    pub name: String,
    /// Virtual address with port and protocol, as `192.0.2.1:443/tcp`.
    pub address: String,
    pub mode: String,
    pub new_flows: u64,
    pub backends: Vec<Backend>,
}

/// A backend within a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Backend {
    pub name: String,
    pub address: String,
    pub weight: u32,
    /// `up`, `down`, `ejected` for its failures, on `probation` after that, `draining`, or `unknown` before the first
    /// health check.
    pub state: String,
    /// Why it gets no flows, when it does not.
    pub why: Option<String>,
    /// Part of the ring's slots, from 0 to 1.
    pub share: f64,
    pub packets: u64,
    pub bytes: u64,
}

/// Where clients come in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    pub name: String,
    pub protocol: String,
    /// With ports.
    pub addresses: Vec<String>,
    /// Connections that are open.
    pub connections: u64,
    pub requests: u64,
}

/// What becomes of requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Route {
    pub name: String,
    /// As `pool api`, `files /srv/www`, `redirect` or `respond`.
    pub action: String,
    /// Responses by the first digit of their status, from 1 to 5.
    pub responses: [u64; 5],
    /// Responses that were broken off.
    pub aborted: u64,
}

/// Backends that the proxy speaks to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    pub name: String,
    pub backends: Vec<PoolBackend>,
}

/// A backend within a pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolBackend {
    pub name: String,
    /// With its port.
    pub address: String,
    pub weight: u32,
    /// `up`, `down`, `draining`, or `unknown` before the first health check.
    pub state: String,
    /// Why its health checks fail.
    pub why: Option<String>,
}

/// The answer to `GET /explain/BACKEND`: one for each backend of that name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    pub pool: String,
    pub backend: String,
    /// `well`, `saturated`, `slow`, `failing` or `down`.
    pub class: String,
    /// From 0 (down) to 1 (well).
    pub score: f64,
    /// Part of its configured weight that it has now.
    pub share: f64,
    /// One sentence.
    pub verdict: String,
    /// What is known, and since when.
    pub facts: Vec<String>,
    pub follows: Vec<String>,
    pub would_change: Vec<String>,
    /// What healing has decided about it last, and why.
    #[serde(default)]
    pub healing: Vec<String>,
}

/// The answer to `GET /heal`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Healing {
    /// Why nothing is healed at all.
    pub off: Option<String>,
    /// Whether this node is the one that heals.
    pub leads: bool,
    /// The number of its lease; it grows with every holder.
    pub fence: Option<u64>,
    /// Why the breaker is open.
    pub breaker: Option<String>,
    /// What a person is asked, by id.
    pub asked: Vec<Named>,
    /// Backends that are being healed, and how far that is.
    pub cases: Vec<Named>,
}

/// Something with a name, in a sentence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
    pub says: String,
}

/// The body of every answer that is not `200 OK`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// One line for a person.
    pub error: String,
    /// Every single cause, when there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// The answer to a request that changes something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// One line that says what has changed.
    pub done: String,
}
