//! Who runs the replicas of a pool, and what backends report of themselves.

use std::path::PathBuf;
use std::time::Duration;

use super::{Secret, Words};
use crate::web::Url;

/// `[pool.workload]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub runner: Runner,
    /// Until a replica has stopped by itself.
    pub stop_within: Duration,
    /// Until the flows of a replica that drains have ended.
    pub drain_within: Duration,
    /// From start to serving.
    pub ready_within: Duration,
    /// How a replica is asked to help itself.
    pub hook: Option<Hook>,
}

/// Who runs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runner {
    /// Containers of a compose service.
    Docker { socket: PathBuf, project: String, service: String },
    /// Units of a template, such as `api@.service`; `bus` is a D-Bus address, `None` the system's.
    Systemd { unit: String, bus: Option<String> },
    /// Processes that the agent starts itself.
    Process { command: Vec<String>, replicas: u32 },
    /// Whatever answers at a URL.
    Webhook { url: Url, secret: Secret },
}

/// A way to ask a replica to help itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hook {
    /// A signal by name, such as `HUP`, to the replica's main process.
    Signal(String),
    /// A command on this host. It finds `STATEX_REPLICA`, `STATEX_NAME` and `STATEX_ADDRESS` in its environment.
    Command(Vec<String>),
    /// `POST`, with the replica in JSON.
    Url(Url),
}

/// `[pool.report]`: what backends are asked about themselves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Report {
    pub kind: ReportKind,
    pub port: u16,
    pub interval: Duration,
    pub timeout: Duration,
}

/// How they are asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReportKind {
    /// HAProxy's agent-check: a line, after `send` was sent.
    AgentCheck { send: Vec<u8> },
    /// JSON by HTTP.
    Json { path: String },
}

/// The word for a runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunnerKind {
    Docker,
    Systemd,
    Process,
    Webhook,
}

impl Words for RunnerKind {
    const KIND: &'static str = "executor";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("docker", Self::Docker),
        ("systemd", Self::Systemd),
        ("process", Self::Process),
        ("webhook", Self::Webhook),
    ];
}
