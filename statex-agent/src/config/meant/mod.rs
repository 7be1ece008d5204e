//! The configuration as meant: validated, defaults filled in, names resolved. The rest of the agent
//! reads these types and nothing else of the configuration.
//!
//! | file | tables of `statex.toml` |
//! |---|---|
//! | `node.rs` | `[node]`, `[control]`, `[metrics]`, `[log]`, `[events]` |
//! | `limits.rs` | `[limits]`, `[timeouts]` |
//! | `path.rs` | `[nat]`, `[encapsulation]`, `[[quic.id]]` |
//! | `pool.rs` | `[[pool]]`, `[[pool.backend]]` |
//! | `health.rs` | `[pool.health]` |
//! | `outlier.rs` | `[pool.outlier]` |
//! | `workload.rs` | `[pool.workload]`, `[pool.report]` |
//! | `heal.rs` | `[heal]`, `[pool.heal]` |
//! | `service.rs` | `[[service]]` |
//! | `proxy/` | `[proxy]`, `[[listener]]`, `[[route]]` and all that goes with them |

mod heal;
mod health;
mod limits;
mod node;
mod outlier;
mod path;
mod pool;
pub mod proxy;
mod service;
mod words;
mod workload;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use super::error::Problem;
pub use heal::{Alert, Budget, Heal, Healing, LeasePlace, Mode, Most, Window};
pub use health::{Health, Probe, Via};
pub use limits::{Limits, Timeouts};
pub use node::{Attach, Control, Log, LogFormat, LogLevel, Node, OnStop, Secret};
pub use outlier::Outlier;
pub use path::{Encapsulation, Nat, QuicId};
pub use pool::{Backend, BackendState, Mac, NextHop, Pool};
pub use service::{Affinity, Destination, Forward, PortMatch, Protocol, Service, SourceRate};
pub use words::Words;
pub use workload::{Hook, Report, ReportKind, Runner, RunnerKind, Workload};

/// Where metrics are served unless the configuration says otherwise.
pub const DEFAULT_METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9180);

/// The whole configuration of one node. Two that are equal ask for the same thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub node: Node,
    pub control: Control,
    /// Where `/metrics` is served; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    pub log: Log,
    pub limits: Limits,
    pub timeouts: Timeouts,
    pub nat: Nat,
    pub encapsulation: Encapsulation,
    /// Packets from these sources are dropped.
    pub deny: Vec<IpNet>,
    /// One flow event in so many is told; 0: none.
    pub event_sample: u32,
    pub healing: Healing,
    /// By rotation, each at most once.
    pub quic: Vec<QuicId>,
    /// In the order of the file; names are unique.
    pub pools: Vec<Pool>,
    /// In the order of the file; names are unique, and so are address, port and protocol together.
    pub services: Vec<Service>,
    pub proxy: proxy::Proxy,
    pub(super) warnings: Vec<Problem>,
}

impl Config {
    /// Whether packets are forwarded, which takes the kernel's help; otherwise only the proxy runs.
    pub fn forwards(&self) -> bool {
        !self.node.interfaces.is_empty()
    }

    /// The pool with this name. A service's, a route's and a listener's pool is always there.
    pub fn pool(&self, name: &str) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.name == name)
    }

    /// What is allowed but probably not meant, in the order of the file.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}
