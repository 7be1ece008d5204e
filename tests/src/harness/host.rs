//! The packet path as a plain function call.

use std::time::Duration;

use statex_common::abi::Event;
use statex_common::{Reason, Verdict, decap, forward, probe};

use super::{Counts, DataPlane, Outcome, Side};
use crate::doubles::{Bytes, Memory, World};

pub struct Host {
    tables: Memory,
}

impl Host {
    pub fn new(tables: Memory) -> Self {
        Self { tables }
    }

    pub fn tables(&mut self) -> &mut Memory {
        &mut self.tables
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new(World::new().tables())
    }
}

impl DataPlane for Host {
    fn reset(&mut self, tables: &Memory) {
        self.tables = tables.clone();
    }

    fn adopt(&mut self, tables: &Memory) {
        self.tables.adopt(tables.clone());
    }

    fn send(&mut self, side: Side, frame: &[u8]) -> Outcome {
        let mut packet = Bytes::new(frame);
        let verdict = match side {
            Side::Node => forward::forward(&mut packet, &self.tables),
            Side::Backend => decap::decap(&mut packet, &self.tables),
            Side::Probe(backend) => probe::send(&mut packet, &self.tables, backend).unwrap_or(Verdict::Drop),
        };
        Outcome { verdict, frame: packet.frame().to_vec() }
    }

    fn pass_time(&mut self, time: Duration) {
        self.tables.pass_time(time);
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (reason, counter) in Reason::ALL.iter().zip(&self.tables.reason_counters) {
            counts.reason(*reason, counter.get());
        }
        for (id, row) in self.tables.backend_counters.iter().enumerate() {
            counts.backend(id, row);
        }
        for row in &self.tables.service_counters {
            counts.service(row);
        }
        counts
    }

    fn events(&mut self) -> Vec<Event> {
        self.tables.events.take()
    }

    fn state(&self) -> Memory {
        self.tables.clone()
    }
}
