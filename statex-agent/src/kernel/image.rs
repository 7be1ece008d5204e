//! The tables that the agent owns, as rows, and the one way to write them.

use super::links::Mac;
use ipnet::IpNet;
use statex_common::abi::{Backend, Bucket, Node, QuicId, Service};
use std::collections::{BTreeMap, BTreeSet};

/// Slots of `RINGS` that are next to each other; a ring's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region {
    /// First slot. Even, since two slots share a word.
    pub base: u32,
    /// 0: no ring.
    pub len: u32,
}

impl Region {
    pub const EMPTY: Self = Self { base: 0, len: 0 };

    /// The word that a service's row names its ring by.
    pub fn word(self) -> u64 {
        Service::ring_word(self.base, self.len)
    }

    pub fn from_word(word: u64) -> Self {
        Self { base: word as u32, len: (word >> 32) as u32 }
    }
}

/// How many rows the tables have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Rows of `SERVICES`, row 0 included, which is never used.
    pub services: u32,
    /// Rows of `BACKENDS`, row 0 included, which is never used.
    pub backends: u32,
    /// Slots of `RINGS`.
    pub ring_slots: u32,
}

/// Everything that the tables hold, but the rings' slots.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// By id; rows of zeros may be left out.
    pub services: BTreeMap<u16, Service>,
    /// By id; rows of zeros may be left out.
    pub backends: BTreeMap<u16, Backend>,
    /// All buckets of `INDEX`; a power of two.
    pub index: Vec<Bucket>,
    /// Virtual prefixes and their ids.
    pub prefixes: BTreeMap<IpNet, u32>,
    pub deny: BTreeSet<IpNet>,
    /// By interface index.
    pub links: BTreeMap<u32, Mac>,
    /// Words of [`QuicId`].
    pub quic: [u64; QuicId::ROTATIONS as usize],
    /// Of [`statex_common::abi::features`].
    pub features: u64,
}

/// One step of a change. Steps are applied in their order, and packets pass between any two of them: each
/// word must be written whole, and be seen by all CPUs before the next step begins.
#[derive(Clone, Debug)]
pub enum Write {
    /// A service's row, its ring word included. Fields that are not shared words differ from what is there
    /// only while `INDEX` does not lead to the row.
    Service { id: u16, row: Service },
    /// The one word of a service's row that publishes a ring, or takes it back.
    Ring { service: u16, region: Region },
    /// A backend's row. Its [`Egress`](statex_common::abi::Egress) word must be the last to be written:
    /// it carries generation and state, which say that the rest is valid. Fields that are not shared words
    /// differ from what is there only while the state there is `Free`. A new generation begins with
    /// counters of 0.
    Backend { id: u16, row: Backend },
    /// Backend ids of a region's slots, from its first slot on; no published ring has the region.
    Slots { region: Region, backends: Vec<u16> },
    /// One slot of a bucket of `INDEX`, a word of [`IndexSlot`](statex_common::abi::IndexSlot).
    Index { bucket: u32, slot: usize, word: u64 },
    /// A virtual prefix's id; `None` removes the prefix.
    Prefix { prefix: IpNet, id: Option<u32> },
    /// Adds a prefix to the deny list, or takes it off.
    Deny { prefix: IpNet, denied: bool },
    /// An interface's MAC; `None` removes it.
    Link { interface: u32, mac: Option<Mac> },
    /// A word of [`QuicId`].
    Quic { rotation: u8, word: u64 },
    /// Of [`statex_common::abi::features`].
    Features(u64),
}

/// A table could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("table {table}: {error}")]
pub struct TableError {
    /// Of [`statex_common::abi::names`].
    pub table: &'static str,
    pub error: std::io::Error,
}

/// The tables of a loaded object. `state/reconcile.rs` alone holds one.
pub trait Kernel: Send {
    fn sizes(&self) -> Sizes;

    /// The constants that the programs were loaded with.
    fn node(&self) -> &Node;

    /// Reads all rows.
    ///
    /// # Errors
    /// A table cannot be read.
    fn read(&mut self) -> Result<Image, TableError>;

    /// Reads the backend ids of a region's slots.
    ///
    /// # Errors
    /// `RINGS` cannot be read, or ends before the region does.
    fn slots(&mut self, region: Region) -> Result<Vec<u16>, TableError>;

    /// Takes one step.
    ///
    /// # Errors
    /// The table is full, or cannot be written. Nothing was written then.
    fn write(&mut self, write: &Write) -> Result<(), TableError>;
}
