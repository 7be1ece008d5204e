//! The proxy, as meant.
//!
//! | file | tables of `statex.toml` |
//! |---|---|
//! | `listener.rs` | `[[listener]]` |
//! | `tls.rs` | `[tls]`, `[[certificate]]`, `[acme]` |
//! | `route.rs`, `action.rs`, `fields.rs` | `[[route]]`: what it matches, what becomes of a request, what is changed |
//! | `template.rs` | text with `{places}` |
//! | `upstream.rs` | what routes and listeners need of a `[[pool]]` |
//! | `log.rs` | `[[access_log]]` |

mod action;
mod fields;
mod listener;
mod log;
mod route;
mod template;
mod tls;
mod upstream;

use std::time::Duration;

pub use action::{Action, Coding, Compress, Files, Rewrite, Share, Symlinks};
pub use fields::{BackendHost, FieldChange, FieldChanges, Forwarded, Preset};
pub use listener::{
    Listener, ListenerLimits, ListenerProtocol, ListenerTimeouts, ProxyProtocol, Retry, Version,
};
pub use log::{AccessLog, AddressPrivacy, Consent, LogFormat, LogTarget};
pub use route::{Condition, Host, Matches, Path, Per, RateLimit, Route, RouteTimeouts, Wanted};
pub use template::{Part, Template, Variable};
pub use tls::{
    Acme, Certificate, CertificateSource, Challenge, ClientCertificates, Tls, TlsHost, TlsVersion,
};
pub use upstream::{
    BackendProtocol, BackendTls, Balance, Connections, DnsName, Retries, Sticky, Upstream, WhenDead,
};

/// Everything that the proxy goes by, beside the pools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Threads that serve requests; `None`: one for each CPU that the process may use.
    pub workers: Option<usize>,
    /// How long requests may take to end when the agent stops or their listener goes.
    pub stop_deadline: Duration,
    /// What the node's QUIC connection ids call it; empty: nothing.
    pub server_id: Vec<u8>,
    /// In the order of the file; names are unique.
    pub listeners: Vec<Listener>,
    pub tls: Tls,
    /// In the order of the file; names are unique.
    pub certificates: Vec<Certificate>,
    pub acme: Option<Acme>,
    /// In the order of the file; names are unique, and no two match the same requests equally well.
    pub routes: Vec<Route>,
    pub access_logs: Vec<AccessLog>,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            workers: None,
            stop_deadline: Duration::from_secs(30),
            server_id: Vec::new(),
            listeners: Vec::new(),
            tls: Tls::default(),
            certificates: Vec::new(),
            acme: None,
            routes: Vec::new(),
            access_logs: Vec::new(),
        }
    }
}

impl Proxy {
    /// Names of the pools that requests or connections go to, each perhaps more than once.
    pub fn pools(&self) -> impl Iterator<Item = &str> {
        let of_listeners = self.listeners.iter().filter_map(|listener| listener.pool.as_deref());
        of_listeners.chain(self.routes.iter().flat_map(|route| route.action.pools()))
    }
}
