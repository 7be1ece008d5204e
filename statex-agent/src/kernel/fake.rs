//! The kernel's tables in plain memory: for tests, and for trying out a configuration without privileges.

use super::image::{Image, Kernel, Region, Sizes, TableError, Write};
use statex_common::abi::{Bucket, Node, names};
use std::collections::VecDeque;
use std::io;

/// Tables that do as they are told, or fail where told to.
#[derive(Clone, Debug)]
pub struct Fake {
    pub image: Image,
    /// Slots of `RINGS`.
    pub rings: Vec<u16>,
    pub node: Node,
    pub sizes: Sizes,
    /// Writes so far.
    pub writes: u64,
    /// Outcomes of the writes to come: `true` fails. Beyond its end all succeed.
    pub failures: VecDeque<bool>,
}

impl Fake {
    /// Empty tables; `node` must fit the number of buckets.
    pub fn new(node: Node, sizes: Sizes) -> Self {
        let buckets = node.index_mask.get() as usize + 1;
        let image = Image { index: vec![Bucket::default(); buckets], ..Image::default() };
        let rings = vec![0; sizes.ring_slots as usize];
        Self { image, rings, node, sizes, writes: 0, failures: VecDeque::new() }
    }

    fn region(&mut self, region: Region) -> Option<&mut [u16]> {
        self.rings.get_mut(region.base as usize..)?.get_mut(..region.len as usize)
    }

    /// `None` where the real table ends, too.
    fn put(&mut self, write: &Write) -> Option<()> {
        let image = &mut self.image;
        match write {
            Write::Service { id, row } if u32::from(*id) < self.sizes.services => {
                image.services.insert(*id, row.clone());
            }
            Write::Ring { service, region } => image.services.get_mut(service)?.ring.set(region.word()),
            Write::Backend { id, row } if u32::from(*id) < self.sizes.backends => {
                image.backends.insert(*id, row.clone());
            }
            Write::Slots { region, backends } => {
                self.region(Region { len: backends.len() as u32, ..*region })?.copy_from_slice(backends);
            }
            Write::Index { bucket, slot, word } => {
                image.index.get(*bucket as usize)?.0.get(*slot)?.set(*word);
            }
            Write::Prefix { prefix, id: Some(id) } => drop(image.prefixes.insert(*prefix, *id)),
            Write::Prefix { prefix, id: None } => drop(image.prefixes.remove(prefix)),
            Write::Deny { prefix, denied: true } => drop(image.deny.insert(*prefix)),
            Write::Deny { prefix, denied: false } => drop(image.deny.remove(prefix)),
            Write::Link { interface, mac: Some(mac) } => drop(image.links.insert(*interface, *mac)),
            Write::Link { interface, mac: None } => drop(image.links.remove(interface)),
            Write::Quic { rotation, word } => *image.quic.get_mut(usize::from(*rotation))? = *word,
            Write::Features(features) => image.features = *features,
            Write::Service { .. } | Write::Backend { .. } => return None,
        }
        Some(())
    }
}

impl Kernel for Fake {
    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn node(&self) -> &Node {
        &self.node
    }

    fn read(&mut self) -> Result<Image, TableError> {
        Ok(self.image.clone())
    }

    fn slots(&mut self, region: Region) -> Result<Vec<u16>, TableError> {
        let slots = self.region(region).map(|slots| slots.to_vec());
        slots.ok_or_else(|| failure(names::RINGS, io::ErrorKind::InvalidInput))
    }

    fn write(&mut self, write: &Write) -> Result<(), TableError> {
        if self.failures.pop_front() == Some(true) {
            return Err(failure(table(write), io::ErrorKind::OutOfMemory));
        }
        self.writes += 1;
        self.put(write).ok_or_else(|| failure(table(write), io::ErrorKind::InvalidInput))
    }
}

fn failure(table: &'static str, kind: io::ErrorKind) -> TableError {
    TableError { table, error: kind.into() }
}

fn table(write: &Write) -> &'static str {
    match write {
        Write::Service { .. } | Write::Ring { .. } => names::SERVICES,
        Write::Backend { .. } => names::BACKENDS,
        Write::Slots { .. } => names::RINGS,
        Write::Index { .. } => names::INDEX,
        Write::Prefix { .. } => names::PREFIXES,
        Write::Deny { .. } => names::DENY,
        Write::Link { .. } => names::LINKS,
        Write::Quic { .. } => names::QUIC,
        Write::Features(_) => names::CONTROL,
    }
}
