//! How a pool's backends are probed.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Words;

/// `[pool.health]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub probe: Probe,
    pub via: Via,
    /// Time from the start of one probe to that of the next.
    pub interval: Duration,
    /// A probe without an answer for so long has failed; never longer than the interval.
    pub timeout: Duration,
    /// A dead backend is alive after so many good probes in a row.
    pub rise: u32,
    /// A live backend is dead after so many failed probes in a row.
    pub fall: u32,
    /// `None`: the backend's port, or else the service's.
    pub port: Option<u16>,
    /// When all backends look dead, all are used.
    pub fail_open: bool,
}

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Connects.
    Tcp,
    /// `GET` by HTTP/1.1.
    Http {
        path: String,
        /// Value of the `Host` field; `None`: the address and port that the probe goes to.
        host: Option<String>,
        expect_status: RangeInclusive<u16>,
    },
    /// Sends a datagram and waits for one.
    Udp {
        send: Vec<u8>,
        /// What the answer must begin with; empty: any answer will do.
        expect: Vec<u8>,
    },
}

/// The way of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// To the virtual address, through the tunnel, as a client's packet would go.
    #[default]
    Service,
    /// To the backend's own address.
    Direct,
}

impl Words for Via {
    const KIND: &'static str = "way of a probe";
    const WORDS: &'static [(&'static str, Self)] = &[("service", Self::Service), ("direct", Self::Direct)];
}
