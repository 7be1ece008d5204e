//! What `/metrics` tells, as plain numbers.

/// What there is to tell at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    pub version: String,
    pub interfaces: Vec<Interface>,
    pub services: Vec<Service>,
    pub backends: Vec<Backend>,
    pub listeners: Vec<Listener>,
    pub routes: Vec<Route>,
    pub proxied: Vec<Proxied>,
    pub packets: Vec<Packets>,
    pub flows: Flows,
    /// Seconds that the kernel's tables have not been as wanted; 0 when they are.
    pub reconcile_lag: f64,
    pub reconcile_failures: u64,
    pub reloads_done: u64,
    pub reloads_refused: u64,
}

/// An interface and how the XDP program hangs there (`none` when it does not).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interface {
    pub name: String,
    pub mode: &'static str,
    pub up: bool,
}

/// A service's counters, added over all CPUs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    pub name: String,
    pub new_flows: u64,
    pub stateless: u64,
    pub refused: u64,
    pub rehashed: u64,
    pub quic_routed: u64,
    pub quic_unknown: u64,
    pub local: u64,
    pub ring_changes: u64,
}

/// A backend's counters within one service, added over all CPUs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backend {
    pub service: String,
    pub name: String,
    pub packets: u64,
    pub bytes: u64,
    pub new_flows: u64,
    pub returned: u64,
    pub weight: u32,
    /// None before the first health check.
    pub up: Option<bool>,
    pub draining: bool,
    /// From 0 (down) to 1 (well); None before it was judged.
    pub score: Option<f64>,
    /// Part of its configured weight that its health leaves it.
    pub share: f64,
    pub checks_passed: u64,
    pub checks_failed: u64,
}

/// A listener's counters, added over all workers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listener {
    pub name: String,
    /// Connections that are open.
    pub open: u64,
    pub accepted: u64,
    pub refused: u64,
    pub handshakes: u64,
    pub failed_handshakes: u64,
    pub requests: u64,
}

/// A route's counters, added over all workers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    pub name: String,
    /// By the first digit of the status, from 1 to 5.
    pub responses: [u64; 5],
    pub aborted: u64,
    pub received: u64,
    pub sent: u64,
}

/// A backend that the proxy speaks to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proxied {
    pub pool: String,
    pub name: String,
    /// None before the first health check.
    pub up: Option<bool>,
    pub draining: bool,
    pub checks_passed: u64,
    pub checks_failed: u64,
}

/// Packets that were not forwarded, by reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packets {
    pub reason: &'static str,
    pub verdict: &'static str,
    pub count: u64,
}

/// Entries of the flow table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flows {
    pub confirmed: u64,
    pub unconfirmed: u64,
    pub capacity: u64,
}

/// Whoever can take a [`Sample`].
pub trait Source: Send + Sync + 'static {
    fn sample(&self) -> Sample;
}
