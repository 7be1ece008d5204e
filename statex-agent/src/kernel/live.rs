//! The tables of a loaded object as the reconciler sees them: [`Kernel`] over real maps.

use std::{io, mem::offset_of, sync::Arc};

use aya::maps::MapError;
use statex_common::abi::{Addr, Backend, Control, Egress, Node, QuicId, RingWord, Service, Slot, names};

use super::{
    counters::Counters,
    image::{Image, Kernel, Region, Sizes, TableError, Write},
    links::Mac,
    tables::Tables,
};

/// The maps that the agent writes.
pub struct Live {
    tables: Tables,
    counters: Arc<Counters>,
    node: Node,
}

impl Live {
    /// `node` holds the constants that the object was loaded with.
    pub fn new(tables: Tables, counters: Arc<Counters>, node: Node) -> Self {
        Self { tables, counters, node }
    }

    fn put_service(&mut self, id: u16, row: &Service) -> io::Result<()> {
        let index = u32::from(id);
        let visit = self.tables.services.visit(index..index + 1)?;
        let before = visit.get(index).ok_or(io::ErrorKind::InvalidInput)?;
        if (before.addr, before.port, before.protocol) != (row.addr, row.port, row.protocol) {
            self.counters.clear_service(index).map_err(io::Error::other)?;
        }
        // The ring word comes last: it is what makes the row forward packets.
        visit.put_last(index, row, offset_of!(Service, ring));
        Ok(())
    }

    fn put_backend(&mut self, id: u16, row: &Backend) -> io::Result<()> {
        let index = u32::from(id);
        let visit = self.tables.backends.visit(index..index + 1)?;
        let before = visit.get(index).ok_or(io::ErrorKind::InvalidInput)?;
        let generation = |row: &Backend| Egress::from_word(row.egress.get()).generation;
        if generation(&before) != generation(row) || before.addr == Addr::UNSPECIFIED {
            self.counters.clear_backend(index).map_err(io::Error::other)?;
        }
        visit.put_last(index, row, offset_of!(Backend, egress));
        Ok(())
    }

    fn put_slots(&mut self, region: Region, backends: &[u16]) -> io::Result<()> {
        let words = region.base / 2..region.base / 2 + (backends.len() as u32).div_ceil(2);
        let visit = self.tables.rings.visit(words.clone())?;
        if visit.rows() != words {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let slot = |backend: Option<&u16>| Slot { primary: backend.copied().unwrap_or(0), secondary: 0 };
        for (word, pair) in words.zip(backends.chunks(2)) {
            visit.put_word(word, 0, RingWord::pack(slot(pair.first()), slot(pair.get(1))));
        }
        Ok(())
    }

    fn read_all(&mut self) -> Result<Image, TableError> {
        let tables = &self.tables;
        let mut image = Image::default();
        let services = tables.services.visit(0..tables.services.len());
        let services = services.map_err(|error| failed(names::SERVICES, error))?;
        for id in services.rows() {
            if let Some(row) = services.get(id).filter(|row| row.flags.get() != 0) {
                image.services.insert(id as u16, row);
            }
        }
        let backends = tables.backends.visit(0..tables.backends.len());
        let backends = backends.map_err(|error| failed(names::BACKENDS, error))?;
        for id in backends.rows() {
            // A free row tells the generation that its id was last used with.
            if let Some(row) = backends.get(id).filter(|row| row.egress.get() != 0) {
                image.backends.insert(id as u16, row);
            }
        }
        let index = tables.index.visit(0..tables.index.len());
        let index = index.map_err(|error| failed(names::INDEX, error))?;
        image.index = index.rows().filter_map(|bucket| index.get(bucket)).collect();
        let prefixes = tables.prefixes.entries().map_err(|error| map_failed(names::PREFIXES, error))?;
        image.prefixes = prefixes.into_iter().collect();
        let deny = tables.deny.entries().map_err(|error| map_failed(names::DENY, error))?;
        image.deny = deny.into_iter().map(|(net, _)| net).collect();
        for entry in tables.links.iter() {
            let (interface, word) = entry.map_err(|error| map_failed(names::LINKS, error))?;
            image.links.insert(interface, mac_of(word));
        }
        for rotation in 0..QuicId::ROTATIONS {
            let word = tables.quic.get(&rotation, 0);
            image.quic[rotation as usize] = word.map_err(|error| map_failed(names::QUIC, error))?;
        }
        let control = tables.control.get(0).map_err(|error| failed(names::CONTROL, error))?;
        image.features = control.map_or(0, |control| control.features.get());
        Ok(image)
    }
}

impl Kernel for Live {
    fn sizes(&self) -> Sizes {
        Sizes {
            services: self.tables.services.len(),
            backends: self.tables.backends.len(),
            ring_slots: self.tables.rings.len() * 2,
        }
    }

    fn node(&self) -> &Node {
        &self.node
    }

    fn read(&mut self) -> Result<Image, TableError> {
        self.read_all()
    }

    fn slots(&mut self, region: Region) -> Result<Vec<u16>, TableError> {
        let first = region.base / 2;
        let words = first..first + region.len.div_ceil(2);
        let failed = |error| failed(names::RINGS, error);
        let visit = self.tables.rings.visit(words.clone()).map_err(failed)?;
        if visit.rows() != words {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        }
        let slot = |slot: u32| visit.get((region.base + slot) / 2).map(|word| word.slot(slot).primary);
        Ok((0..region.len).filter_map(slot).collect())
    }

    fn write(&mut self, write: &Write) -> Result<(), TableError> {
        let tables = &mut self.tables;
        match write {
            Write::Service { id, row } => {
                self.put_service(*id, row).map_err(|error| failed(names::SERVICES, error))
            }
            Write::Ring { service, region } => {
                let index = u32::from(*service);
                put_word(&tables.services, index, offset_of!(Service, ring), region.word())
                    .map_err(|error| failed(names::SERVICES, error))
            }
            Write::Backend { id, row } => {
                self.put_backend(*id, row).map_err(|error| failed(names::BACKENDS, error))
            }
            Write::Slots { region, backends } => {
                self.put_slots(*region, backends).map_err(|error| failed(names::RINGS, error))
            }
            Write::Index { bucket, slot, word } => {
                put_word(&tables.index, *bucket, slot * size_of::<u64>(), *word)
                    .map_err(|error| failed(names::INDEX, error))
            }
            Write::Prefix { prefix, id } => match id {
                Some(id) => tables.prefixes.insert(*prefix, *id),
                None => tables.prefixes.remove(*prefix),
            }
            .map_err(|error| map_failed(names::PREFIXES, error)),
            Write::Deny { prefix, denied } => match denied {
                true => tables.deny.insert(*prefix, 1),
                false => tables.deny.remove(*prefix),
            }
            .map_err(|error| map_failed(names::DENY, error)),
            Write::Link { interface, mac } => match mac {
                Some(mac) => tables.links.insert(interface, word_of(*mac), 0),
                None => tables.links.remove(interface),
            }
            .map_err(|error| map_failed(names::LINKS, error)),
            Write::Quic { rotation, word } => {
                tables.quic.set(u32::from(*rotation), word, 0).map_err(|error| map_failed(names::QUIC, error))
            }
            Write::Features(features) => {
                put_word(&tables.control, 0, offset_of!(Control, features), *features)
                    .map_err(|error| failed(names::CONTROL, error))
            }
        }
    }
}

fn put_word<R: statex_common::abi::Row>(
    rows: &super::rows::Rows<R>,
    index: u32,
    offset: usize,
    word: u64,
) -> io::Result<()> {
    match rows.visit(index..index.saturating_add(1))?.put_word(index, offset, word) {
        true => Ok(()),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn word_of(mac: Mac) -> u64 {
    let [a, b, c, d, e, f] = mac;
    u64::from_ne_bytes([a, b, c, d, e, f, 0, 0])
}

fn mac_of(word: u64) -> Mac {
    let [a, b, c, d, e, f, _, _] = word.to_ne_bytes();
    [a, b, c, d, e, f]
}

fn failed(table: &'static str, error: io::Error) -> TableError {
    TableError { table, error }
}

fn map_failed(table: &'static str, error: MapError) -> TableError {
    let error = match error {
        MapError::SyscallError(error) => error.io_error,
        other => io::Error::other(other),
    };
    TableError { table, error }
}
