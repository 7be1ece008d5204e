//! Access logs.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::meant::Words;

/// `[[access_log]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    pub name: String,
    pub format: LogFormat,
    pub to: LogTarget,
    /// Names of listeners; empty: all that speak HTTP.
    pub listeners: Vec<String>,
    pub addresses: AddressPrivacy,
    /// Addresses are kept whole where the request has this cookie, whatever else is said.
    pub consent: Option<Consent>,
    /// Lines that wait to be written; what comes beyond is counted and lost.
    pub queue: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// As nginx and Apache name it, with more behind.
    #[default]
    Combined,
    /// One object a line.
    Json,
}

impl Words for LogFormat {
    const KIND: &'static str = "format";
    const WORDS: &'static [(&'static str, Self)] = &[("combined", Self::Combined), ("json", Self::Json)];
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Opened again when the configuration is read again.
    File(PathBuf),
    Stdout,
    /// RFC 5424: by UDP, or to the host's own socket.
    Syslog(Option<SocketAddr>),
}

/// What becomes of a client's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressPrivacy {
    #[default]
    Keep,
    /// To /24 or /48.
    Truncate,
    /// To a keyed hash whose key changes with the day.
    Hash,
    Omit,
}

impl Words for AddressPrivacy {
    const KIND: &'static str = "choice";
    const WORDS: &'static [(&'static str, Self)] =
        &[("keep", Self::Keep), ("truncate", Self::Truncate), ("hash", Self::Hash), ("omit", Self::Omit)];
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub cookie: String,
    /// `None`: any.
    pub value: Option<String>,
}
