//! Sizes of the kernel's tables and how long flows are remembered.

use std::time::Duration;

/// `[limits]`: the sizes that maps are created with. They take effect when maps are created, so a change
/// needs new maps, not a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows of services; each address in use takes one more, and so does each [`super::Nat`] address.
    pub services: u32,
    /// Rows of backends: one a backend of one service. A pool of 10 that two services share takes 20.
    pub backends: u32,
    /// Flows remembered, over all CPUs. Rounded up to what the table's lines allow.
    pub flows: u32,
    /// Slots of all rings together. A new ring is written beside the old one, so there must be room for
    /// the largest twice.
    pub ring_slots: u32,
    /// Source prefixes whose rate is watched.
    pub sources: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { services: 1024, backends: 16_384, flows: 2_097_152, ring_slots: 8_388_608, sources: 65_536 }
    }
}

/// `[timeouts]`. All between one second and eight hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// A UDP flow that was silent for so long is hashed again.
    pub udp_idle: Duration,
    /// A TCP flow that was silent for so long makes room for any other.
    pub tcp_idle: Duration,
    /// A translated TCP flow keeps its port for so long after its last packet (RFC 5382 §5: at least
    /// 2 h 4 min).
    pub nat_tcp_established: Duration,
    /// As long as nothing has come back from the backend.
    pub nat_tcp_opening: Duration,
    /// After a FIN or RST.
    pub nat_tcp_closing: Duration,
    /// A translated UDP flow that was answered (RFC 4787 §4.3: at least 2 min).
    pub nat_udp: Duration,
    /// A translated UDP flow that was not answered yet.
    pub nat_udp_opening: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            udp_idle: seconds(30),
            tcp_idle: seconds(3600),
            nat_tcp_established: seconds(7440),
            nat_tcp_opening: seconds(30),
            nat_tcp_closing: seconds(30),
            nat_udp: seconds(120),
            nat_udp_opening: seconds(30),
        }
    }
}
