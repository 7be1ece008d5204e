//! The node itself and its surroundings: interfaces, pins, control socket, log.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::Words;

/// `[node]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Tells nodes apart in metrics and messages; the host's name where none is given.
    pub name: String,
    /// A free label.
    pub region: String,
    /// Interfaces whose packets the data plane sees; at least one, each once.
    pub interfaces: Vec<String>,
    pub attach: Attach,
    /// Folder in a BPF file system that maps and links are pinned in.
    pub pins: PathBuf,
    pub on_stop: OnStop,
    /// `None`: made at the first start and kept in the pins.
    pub hash_secret: Option<Secret>,
    /// Source address of what the node itself sends over IPv4 (probes, outer headers, ICMP errors).
    /// `None`: the interface's.
    pub ipv4: Option<Ipv4Addr>,
    /// The same over IPv6.
    pub ipv6: Option<Ipv6Addr>,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            name: String::new(),
            region: String::new(),
            interfaces: Vec::new(),
            attach: Attach::Auto,
            pins: PathBuf::from("/sys/fs/bpf/statex"),
            on_stop: OnStop::Keep,
            hash_secret: None,
            ipv4: None,
            ipv6: None,
        }
    }
}

/// How the XDP program is attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attach {
    /// In the driver where it can, else generic.
    #[default]
    Auto,
    /// In the driver, or not at all.
    Native,
    /// In the kernel's network stack: slow, but works on every interface.
    Generic,
}

impl Words for Attach {
    const KIND: &'static str = "attach mode";
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("native", Self::Native), ("generic", Self::Generic)];
}

/// What becomes of the data plane when the agent is asked to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStop {
    /// It goes on forwarding.
    #[default]
    Keep,
    /// Programs are detached and pins removed.
    Remove,
}

impl Words for OnStop {
    const KIND: &'static str = "choice";
    const WORDS: &'static [(&'static str, Self)] = &[("keep", Self::Keep), ("remove", Self::Remove)];
}

/// Key material of the flow hash, 16 bytes or more. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(crate) Vec<u8>);

impl Secret {
    /// Fewest bytes of a secret.
    pub const MIN_LEN: usize = 16;

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `[control]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// The unix socket of the control API.
    pub socket: PathBuf,
    /// Names of the users that may use it, beside root.
    pub users: Vec<String>,
    /// Names of the groups whose members may use it.
    pub groups: Vec<String>,
}

impl Default for Control {
    fn default() -> Self {
        Self { socket: PathBuf::from("/run/statex/statex.sock"), users: Vec::new(), groups: Vec::new() }
    }
}

/// `[log]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    pub level: LogLevel,
    pub format: LogFormat,
    /// The data plane logs every verdict; for debugging only.
    pub packets: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl Words for LogLevel {
    const KIND: &'static str = "log level";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Text,
    /// One object a line.
    Json,
}

impl Words for LogFormat {
    const KIND: &'static str = "log format";
    const WORDS: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}
