//! The object in the kernel: loaded, its maps filled, each frame given to it by `BPF_PROG_TEST_RUN`.

use std::time::Duration;

use anyhow::Context as _;
use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{Array, HashMap, MapData, PerCpuArray, RingBuf};
use aya::programs::{Program, TestRun as _, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader, VerifierLogLevel};
use statex_agent::kernel::object::OBJECT;
use statex_common::abi::{Addr, BackendCounters, Event, PROBE_MARK, Row, ServiceCounters, names};
use statex_common::{Reason, Verdict};

use super::{Counts, DataPlane, Outcome, Side};
use crate::doubles::Memory;

/// Longest frame that a test sends or gets.
const LONGEST_FRAME: usize = 16 * 1024;

/// The object, loaded with one set of constants.
pub struct Kernel {
    ebpf: Ebpf,
    /// The constants; other ones need another load.
    node: Vec<u8>,
    rows: Memory,
}

impl Kernel {
    /// Loads the object with the constants and table sizes of `tables`.
    ///
    /// # Errors
    /// What the kernel says: without root, that it is not allowed.
    pub fn load(tables: &Memory) -> anyhow::Result<Self> {
        anyhow::ensure!(
            nix::unistd::geteuid().is_root(),
            "loading eBPF needs root: run the tests of the kernel with sudo"
        );
        stay_on_this_cpu()?;
        let mut loader = EbpfLoader::new();
        loader.override_global(names::NODE, &tables.node, true);
        for (name, rows) in [
            (names::INDEX, tables.index.len()),
            (names::SERVICES, tables.services.len()),
            (names::BACKENDS, tables.backends.len()),
            (names::RINGS, tables.rings.len()),
            (names::FLOWS, tables.flows.len()),
            (names::NAT, tables.nat.len()),
            (names::SOURCES, tables.sources.len()),
            (names::BACKEND_COUNTERS, tables.backend_counters.len()),
            (names::SERVICE_COUNTERS, tables.service_counters.len()),
        ] {
            loader.map_max_entries(name, rows as u32);
        }
        let mut ebpf = loader.load(OBJECT).context("the object cannot be loaded")?;
        load_programs(&mut ebpf)?;
        let node = tables.node.to_bytes().as_ref().to_vec();
        let mut kernel = Self { ebpf, node, rows: tables.clone() };
        kernel.reset(tables);
        Ok(kernel)
    }

    /// Whether these tables can be taken over without another load.
    pub fn fits(&self, tables: &Memory) -> bool {
        self.node == tables.node.to_bytes().as_ref() && self.rows.nat.len() == tables.nat.len()
    }

    /// The program of a side, to be attached or tail-called.
    pub fn program_mut(&mut self, side: Side) -> &mut Xdp {
        let program = self.ebpf.program_mut(name_of(side)).expect("loaded with the object");
        program.try_into().expect("an XDP program")
    }

    fn write<R: Row>(&mut self, name: &str, rows: &[R])
    where
        R::Bytes: aya::Pod,
    {
        let map = self.ebpf.map_mut(name).unwrap_or_else(|| panic!("the object has no map {name}"));
        let mut map: Array<&mut MapData, R::Bytes> = map.try_into().expect("an array of such rows");
        for (index, row) in rows.iter().enumerate() {
            map.set(index as u32, row.to_bytes(), 0)
                .unwrap_or_else(|error| panic!("{name} {index}: {error}"));
        }
    }

    fn read<R: Row>(&self, name: &str) -> Vec<R>
    where
        R::Bytes: aya::Pod,
    {
        let map = self.ebpf.map(name).unwrap_or_else(|| panic!("the object has no map {name}"));
        let map: Array<&MapData, R::Bytes> = map.try_into().expect("an array of such rows");
        let row = |index| R::from_bytes(map.get(&index, 0).expect("a row within the map"));
        (0..map.len()).map(row).collect()
    }

    /// Replaces all entries of a trie.
    fn write_trie<'a>(
        &mut self,
        name: &str,
        entries: impl Iterator<Item = (&'a statex_common::abi::Prefix, u32)>,
    ) {
        let map = self.ebpf.map_mut(name).unwrap_or_else(|| panic!("the object has no map {name}"));
        let mut map: LpmTrie<&mut MapData, Addr, u32> = map.try_into().expect("a trie of addresses");
        let old: Vec<Key<Addr>> = map.keys().filter_map(Result::ok).collect();
        for key in &old {
            map.remove(key).expect("the key was there");
        }
        for (prefix, value) in entries {
            map.insert(&Key::new(prefix.bits, prefix.addr), value, 0).expect("room in the trie");
        }
    }

    /// Sets the counters of every CPU to zero.
    fn clear_counters<V: aya::Pod>(&mut self, name: &str, zero: V) {
        let map = self.ebpf.map_mut(name).unwrap_or_else(|| panic!("the object has no map {name}"));
        let mut map: PerCpuArray<&mut MapData, V> = map.try_into().expect("counters of such rows");
        let cpus = aya::util::nr_cpus().expect("the number of CPUs");
        for index in 0..map.len() {
            let zeros = vec![zero; cpus].try_into().expect("a value for each CPU");
            map.set(index, zeros, 0).expect("a row within the map");
        }
    }

    /// Counters of this CPU, the only one that runs the program here.
    fn counters<V: aya::Pod>(&self, name: &str) -> impl Iterator<Item = V> {
        let map = self.ebpf.map(name).unwrap_or_else(|| panic!("the object has no map {name}"));
        let map: PerCpuArray<&MapData, V> = map.try_into().expect("counters of such rows");
        let cpu = nix::sched::sched_getcpu().expect("the CPU that runs this");
        (0..map.len()).map(move |index| map.get(&index, 0).expect("a row within the map")[cpu])
    }
}

fn name_of(side: Side) -> &'static str {
    match side {
        Side::Node => names::PROGRAM_NODE,
        Side::Backend => names::PROGRAM_BACKEND,
        Side::Probe(_) => names::PROGRAM_PROBE,
    }
}

impl DataPlane for Kernel {
    fn reset(&mut self, tables: &Memory) {
        assert!(self.fits(tables), "other constants need another load");
        self.adopt(tables);
        self.write(names::FLOWS, &tables.flows);
        self.write(names::NAT, &tables.nat);
        self.write(names::SOURCES, &tables.sources);
        self.clear_counters(names::BACKEND_COUNTERS, BackendCounters::default().to_bytes());
        self.clear_counters(names::SERVICE_COUNTERS, ServiceCounters::default().to_bytes());
        self.clear_counters(names::REASON_COUNTERS, 0u64);
        self.events();
    }

    fn adopt(&mut self, tables: &Memory) {
        self.write(names::BACKENDS, &tables.backends);
        self.write(names::RINGS, &tables.rings);
        self.write(names::SERVICES, &tables.services);
        self.write(names::INDEX, &tables.index);
        self.write(names::QUIC, &tables.quic);
        self.write(names::CONTROL, std::slice::from_ref(&tables.control));
        self.write_trie(names::PREFIXES, tables.prefixes.iter().map(|(prefix, id)| (prefix, *id)));
        self.write_trie(names::DENY, tables.deny.iter().map(|prefix| (prefix, 1)));
        self.write_trie(names::DECAP, tables.decap.iter().map(|prefix| (prefix, 1)));
        let links = self.ebpf.map_mut(names::LINKS).expect("the object has LINKS");
        let mut links: HashMap<&mut MapData, u32, u64> = links.try_into().expect("a hash of words");
        for (interface, mac) in &tables.links {
            links.insert(interface, mac, 0).expect("room in LINKS");
        }
        self.rows = tables.clone();
    }

    fn send(&mut self, side: Side, frame: &[u8]) -> Outcome {
        let mut out = vec![0; LONGEST_FRAME];
        let context = context(side);
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut out),
            ctx_in: context.as_deref(),
            ..TestRunOptions::default()
        };
        let result = match self.ebpf.program(name_of(side)).expect("loaded with the object") {
            Program::Xdp(program) => program.test_run(options),
            Program::SchedClassifier(program) => program.test_run(options),
            _ => panic!("the object has programs for XDP and tc only"),
        };
        let result = result.expect("the kernel runs the program");
        out.truncate(result.data_size_out as usize);
        Outcome { verdict: verdict(side, result.return_value), frame: out }
    }

    /// The kernel's clock cannot be set; instead, what the tables remember is moved into the past.
    fn pass_time(&mut self, time: Duration) {
        let state = self.state();
        state.pass_time(time);
        self.write(names::FLOWS, &state.flows);
        self.write(names::NAT, &state.nat);
        self.write(names::SOURCES, &state.sources);
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (reason, count) in Reason::ALL.iter().zip(self.counters(names::REASON_COUNTERS)) {
            counts.reason(*reason, count);
        }
        for (id, row) in self.counters(names::BACKEND_COUNTERS).enumerate() {
            counts.backend(id, &BackendCounters::from_bytes(row));
        }
        for row in self.counters(names::SERVICE_COUNTERS) {
            counts.service(&ServiceCounters::from_bytes(row));
        }
        counts
    }

    fn events(&mut self) -> Vec<Event> {
        let map = self.ebpf.map_mut(names::EVENTS).expect("the object has EVENTS");
        let mut ring = RingBuf::try_from(map).expect("a ring buffer");
        let mut events = Vec::new();
        while let Some(record) = ring.next() {
            let bytes = record[..].try_into().expect("records are events");
            events.push(Event::from_bytes(bytes));
        }
        events
    }

    fn state(&self) -> Memory {
        Memory {
            flows: self.read(names::FLOWS),
            nat: self.read(names::NAT),
            sources: self.read(names::SOURCES),
            ..self.rows.clone()
        }
    }
}

/// How many instructions the verifier processed for each program.
///
/// # Errors
/// What the kernel says when the object cannot be loaded.
pub fn verifier_instructions(tables: &Memory) -> anyhow::Result<Vec<(&'static str, u32)>> {
    let mut loader = EbpfLoader::new();
    loader.override_global(names::NODE, &tables.node, true).verifier_log_level(VerifierLogLevel::STATS);
    let mut ebpf = loader.load(OBJECT)?;
    load_programs(&mut ebpf)?;
    let processed = |name| {
        let info = ebpf.program(name).expect("loaded with the object").info()?;
        Ok((name, info.verified_instruction_count().unwrap_or(0)))
    };
    PROGRAMS.into_iter().map(processed).collect()
}

const PROGRAMS: [&str; 3] = [names::PROGRAM_NODE, names::PROGRAM_BACKEND, names::PROGRAM_PROBE];

fn load_programs(ebpf: &mut Ebpf) -> anyhow::Result<()> {
    for name in PROGRAMS {
        let loaded = match ebpf.program_mut(name) {
            Some(Program::Xdp(program)) => program.load(),
            Some(Program::SchedClassifier(program)) => program.load(),
            _ => anyhow::bail!("the object has no program {name}"),
        };
        loaded.with_context(|| format!("the verifier refuses {name}"))?;
    }
    Ok(())
}

/// The start of the `__sk_buff` that a tc program finds: length, type, mark.
fn context(side: Side) -> Option<Vec<u8>> {
    match side {
        Side::Probe(backend) => {
            let mark = PROBE_MARK | u32::from(backend);
            Some([&[0; 8][..], &mark.to_ne_bytes()].concat())
        }
        Side::Node | Side::Backend => None,
    }
}

/// What a return value of XDP or tc means (`linux/bpf.h`, `linux/pkt_cls.h`).
fn verdict(side: Side, value: u32) -> Verdict {
    match (side, value) {
        (Side::Probe(_), 0) => Verdict::Transmit,
        (Side::Probe(_), 2) => Verdict::Drop,
        (Side::Probe(_), 7) => Verdict::Redirect(0),
        (Side::Node | Side::Backend, 1) => Verdict::Drop,
        (Side::Node | Side::Backend, 2) => Verdict::Pass,
        (Side::Node | Side::Backend, 3) => Verdict::Transmit,
        (Side::Node | Side::Backend, 4) => Verdict::Redirect(0),
        (_, other) => panic!("the program returned {other}"),
    }
}

/// Counters are per CPU, so a test stays on the one that it is on.
fn stay_on_this_cpu() -> anyhow::Result<()> {
    let mut set = nix::sched::CpuSet::new();
    set.set(nix::sched::sched_getcpu()?)?;
    Ok(nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &set)?)
}
