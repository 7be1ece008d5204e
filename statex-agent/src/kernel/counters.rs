//! What the programs count, read at the moment of asking: per CPU in the kernel, added up here.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aya::{
    Ebpf,
    maps::{MapData, MapError, PerCpuArray, PerCpuValues},
    util::nr_cpus,
};
use statex_common::{
    Reason,
    abi::{BackendCounters, FLOW_WAYS, FlowLine, Row, ServiceCounters, names},
    flow::State,
    shared::Shared,
};

use super::{load::LoadError, rows::Rows};

const BACKEND: usize = size_of::<BackendCounters>();
const SERVICE: usize = size_of::<ServiceCounters>();

/// Lines of the flow table that are mapped at a time: the table may be larger than the agent should look.
const LINES: u32 = 1 << 15;

/// Readers of all counters.
pub struct Counters {
    backends: Mutex<PerCpuArray<MapData, [u8; BACKEND]>>,
    services: Mutex<PerCpuArray<MapData, [u8; SERVICE]>>,
    reasons: PerCpuArray<MapData, u64>,
    flows: Rows<FlowLine>,
}

/// Entries of the flow table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowCount {
    pub confirmed: u64,
    pub unconfirmed: u64,
    /// How many there is room for.
    pub capacity: u64,
}

impl Counters {
    /// Takes the maps out of a loaded object whose programs are loaded, too.
    ///
    /// # Errors
    ///
    /// A map is missing or laid out otherwise.
    pub fn take(object: &mut Ebpf) -> Result<Self, LoadError> {
        let mut take = |name: &'static str| object.take_map(name).ok_or(LoadError::NoMap(name));
        Ok(Self {
            backends: Mutex::new(take(names::BACKEND_COUNTERS)?.try_into()?),
            services: Mutex::new(take(names::SERVICE_COUNTERS)?.try_into()?),
            reasons: take(names::REASON_COUNTERS)?.try_into()?,
            flows: Rows::new(names::FLOWS, take(names::FLOWS)?)?,
        })
    }

    /// Of one backend row.
    pub fn backend(&self, id: u32) -> Result<BackendCounters, MapError> {
        let sum = BackendCounters::default();
        for cpu in locked(&self.backends).get(&id, 0)?.iter() {
            let cpu = BackendCounters::from_bytes(*cpu);
            add(&sum.packets, &cpu.packets);
            add(&sum.bytes, &cpu.bytes);
            add(&sum.new_flows, &cpu.new_flows);
            add(&sum.returned, &cpu.returned);
        }
        Ok(sum)
    }

    /// Of one service row. The rate's window means nothing in a sum and stays 0.
    pub fn service(&self, id: u32) -> Result<ServiceCounters, MapError> {
        let sum = ServiceCounters::default();
        for cpu in locked(&self.services).get(&id, 0)?.iter() {
            let cpu = ServiceCounters::from_bytes(*cpu);
            add(&sum.new_flows, &cpu.new_flows);
            add(&sum.stateless, &cpu.stateless);
            add(&sum.refused, &cpu.refused);
            add(&sum.quic_routed, &cpu.quic_routed);
            add(&sum.quic_unknown, &cpu.quic_unknown);
            add(&sum.rehashed, &cpu.rehashed);
            add(&sum.local, &cpu.local);
        }
        Ok(sum)
    }

    /// Packets that ended for this reason.
    pub fn reason(&self, reason: Reason) -> Result<u64, MapError> {
        Ok(self.reasons.get(&(reason as u32), 0)?.iter().sum())
    }

    /// Counts the flow table through.
    ///
    /// # Errors
    ///
    /// The table cannot be mapped.
    pub fn flows(&self) -> std::io::Result<FlowCount> {
        let mut count =
            FlowCount { capacity: u64::from(self.flows.len()) * FLOW_WAYS as u64, ..FlowCount::default() };
        for first in (0..self.flows.len()).step_by(LINES as usize) {
            let visit = self.flows.visit(first..first.saturating_add(LINES))?;
            for line in visit.rows().filter_map(|line| visit.get(line)) {
                for key in &line.keys {
                    match State::of(key.get()) {
                        State::Free => {}
                        State::Unconfirmed => count.unconfirmed += 1,
                        State::Confirmed | State::Closing => count.confirmed += 1,
                    }
                }
            }
        }
        Ok(count)
    }

    /// The rows of the flow table.
    pub fn flow_lines(&self) -> Rows<FlowLine> {
        self.flows.clone()
    }

    /// Starts a backend row's counters again from 0: its id was given to another backend.
    pub fn clear_backend(&self, id: u32) -> Result<(), MapError> {
        clear(&self.backends, id)
    }

    /// Starts a service row's counters again from 0.
    pub fn clear_service(&self, id: u32) -> Result<(), MapError> {
        clear(&self.services, id)
    }
}

fn add(sum: &Shared<u64>, part: &Shared<u64>) {
    sum.set(sum.get().wrapping_add(part.get()));
}

fn clear<const N: usize>(map: &Mutex<PerCpuArray<MapData, [u8; N]>>, id: u32) -> Result<(), MapError> {
    let cpus = nr_cpus().map_err(|(_, error)| MapError::IoError(error))?;
    let zeros = PerCpuValues::try_from(vec![[0; N]; cpus]).map_err(MapError::IoError)?;
    locked(map).set(id, zeros, 0)
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
