//! The data plane of a node: one loaded object, attached to the interfaces that the configuration names.

use std::{collections::BTreeMap, sync::Arc};

use aya::{
    Ebpf,
    maps::{MapData, RingBuf},
    programs::links::FdLink,
};
use aya_log::EbpfLogger;
use statex_common::abi::names;

use super::{
    attach::{AttachError, attach_pinned, unpin},
    counters::Counters,
    growth::Growth,
    links::{Link, Links},
    live::Live,
    load::{self, LoadError},
    pin::Pins,
    probes::Probes,
    shape::Shape,
    tables::{Tables, take_events},
};
use crate::config::Attach;

/// The programs of a node.
pub struct Plane {
    object: Ebpf,
    pins: Pins,
    /// By interface index. The pins hold the links, too, so dropping these changes nothing.
    held: BTreeMap<u32, FdLink>,
    probes: Probes,
}

/// The maps of a node, for those who read and write them.
pub struct Maps {
    pub live: Live,
    pub counters: Arc<Counters>,
    pub growth: Growth,
    pub events: RingBuf<MapData>,
    /// Writes what the programs have logged since the last call; None when they were built without logging.
    pub log: Option<Box<dyn FnMut() + Send>>,
}

impl Plane {
    /// Loads the object, over the pinned maps where they fit. Nothing is attached yet, and what is attached stays.
    ///
    /// # Errors
    ///
    /// See [`LoadError`].
    pub fn load(shape: &Shape, pins: Pins) -> Result<(Self, Maps), LoadError> {
        let mut object = load::open(shape, Some(&pins))?;
        load::xdp(&mut object, names::PROGRAM_NODE)?;
        load::classifier(&mut object, names::PROGRAM_PROBE)?;
        let counters = Arc::new(Counters::take(&mut object)?);
        let tables = Tables::take(&mut object)?;
        let events = take_events(&mut object)?;
        let log = EbpfLogger::init(&mut object)
            .ok()
            .map(|mut logger| -> Box<dyn FnMut() + Send> { Box::new(move || logger.flush()) });
        let growth = Growth::new(tables.control.clone(), counters.flow_lines(), &shape.node);
        let live = Live::new(tables, counters.clone(), shape.node);
        let maps = Maps { live, counters, growth, events, log };
        Ok((Self { object, pins, held: BTreeMap::new(), probes: Probes::default() }, maps))
    }

    /// Attaches to an interface, or puts the program in place of an older one there.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attach(&mut self, link: &Link, mode: Attach) -> Result<(), AttachError> {
        let refused =
            |error: LoadError| AttachError::Pin { interface: link.name.clone(), error: error.to_string() };
        let program = load::loaded_xdp(&mut self.object, names::PROGRAM_NODE).map_err(refused)?;
        // The pin alone holds the link now, so that it can be let go where it does not fit.
        self.held.remove(&link.index);
        let held = attach_pinned(program, link, mode, &self.pins.link(link.index))?;
        self.held.insert(link.index, held);
        Ok(())
    }

    /// Whether the interface has this object's program.
    pub fn attached(&self, index: u32) -> bool {
        self.held.contains_key(&index)
    }

    /// Lets marked health probes leave by these interfaces, and by no others.
    ///
    /// # Errors
    ///
    /// The kernel refuses the program on one of them.
    pub fn let_probes_leave_by(&mut self, links: &[Link]) -> Result<(), LoadError> {
        self.probes.set(&mut self.object, links)
    }

    /// Lets go of an interface that is gone; its link died with it.
    pub fn forget(&mut self, index: u32) {
        self.held.remove(&index);
        self.probes.forget(index);
        if let Err(error) = unpin(&self.pins.link(index)) {
            tracing::debug!(index, %error, "the pin of a link that is gone stays");
        }
    }

    /// Detaches from every interface that has a pinned link and is not among the wanted.
    ///
    /// # Errors
    ///
    /// The pins cannot be read.
    pub fn detach_others(&mut self, wanted: &[String], links: &Links) -> std::io::Result<()> {
        for index in self.pins.linked()? {
            let name = links.get(index).map(|link| link.name.as_str());
            if name.is_none_or(|name| !wanted.iter().any(|wanted| wanted == name)) {
                tracing::info!(interface = name.unwrap_or("that is gone"), index, "detached");
                self.forget(index);
            }
        }
        Ok(())
    }

    /// Says that this object's programs are attached: its maps take the place of older ones in the pins.
    ///
    /// # Errors
    ///
    /// The pins cannot be moved.
    pub fn commit(&self) -> std::io::Result<()> {
        self.pins.commit()
    }
}
