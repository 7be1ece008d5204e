//! Rows of the maps, one file a map.
//!
//! Bytes on the wire stay bytes: addresses and ports are kept in network order. Every row is `repr(C)`
//! without padding, and its size is asserted beside it. A row that others may write while it is read
//! holds its changing parts in single words, each written whole.

mod address;
mod backend;
mod bytes;
mod control;
mod counters;
mod event;
mod flow;
mod index;
mod nat;
mod node;
mod quic;
mod ring;
mod service;
mod source;
mod steer;

pub use address::{Addr, Prefix};
pub use backend::{Backend, BackendState, Egress, Mode, NextHop, OUTER_LEN, notes};
pub use bytes::Row;
pub use control::{Control, FlowMasks, features};
pub(crate) use counters::add;
pub use counters::{BackendCounters, ServiceCounters};
pub use event::{Event, EventKind};
pub use flow::{FLOW_WAYS, FlowLine};
pub use index::{BUCKET_SLOTS, Bucket, IndexSlot};
pub use nat::{NatEntry, NatState};
pub use node::{HASH_WORDS, NAT_ADDRESSES, Node};
pub use quic::QuicId;
pub use ring::{RingWord, Slot};
pub use service::{Service, service_flags};
pub use source::{SOURCE_WAYS, SourceLine};
pub use steer::{STEER_FORMS, STEER_SLOTS, STEER_TAKERS};

/// The version of all layouts together. Pins live in a folder with this number, so that a binary never
/// reads rows that another layout wrote.
pub const ABI_VERSION: u32 = 2;

/// Names of the maps and programs inside the object.
pub mod names {
    pub const INDEX: &str = "INDEX";
    pub const SERVICES: &str = "SERVICES";
    pub const BACKENDS: &str = "BACKENDS";
    pub const RINGS: &str = "RINGS";
    pub const FLOWS: &str = "FLOWS";
    pub const NAT: &str = "NAT";
    pub const SOURCES: &str = "SOURCES";
    pub const PREFIXES: &str = "PREFIXES";
    pub const DENY: &str = "DENY";
    pub const LINKS: &str = "LINKS";
    pub const QUIC: &str = "QUIC";
    pub const BACKEND_COUNTERS: &str = "BACKEND_COUNTERS";
    pub const SERVICE_COUNTERS: &str = "SERVICE_COUNTERS";
    pub const REASON_COUNTERS: &str = "REASON_COUNTERS";
    pub const EVENTS: &str = "EVENTS";
    pub const CONTROL: &str = "CONTROL";
    /// Destinations that `statex backend` takes encapsulation off for.
    pub const DECAP: &str = "DECAP";
    /// The constants of [`super::Node`], written before the program is loaded.
    pub const NODE: &str = "NODE";

    /// The XDP program of a node.
    pub const PROGRAM_NODE: &str = "statex";
    /// The XDP program of a backend.
    pub const PROGRAM_BACKEND: &str = "statex_backend";
    /// The tc egress program that sends marked health probes as a client's packet would go.
    pub const PROGRAM_PROBE: &str = "statex_probe";

    /// The program that steers QUIC datagrams to workers, in an object of its own, and its maps.
    pub const PROGRAM_STEER: &str = "statex_steer";
    pub const SOCKETS: &str = "SOCKETS";
    pub const TAKERS: &str = "TAKERS";
    pub const FORMS: &str = "FORMS";
}

/// The upper half of the mark on a health probe's socket; the lower half is the backend id.
pub const PROBE_MARK: u32 = 0x5700_0000;
