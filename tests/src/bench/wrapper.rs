//! The programs that measure, in the kernel.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use aya::Ebpf;
use aya::maps::{Array, MapData, PerCpuArray, ProgramArray};
use aya::programs::{ProgramFd, TestRun as _, TestRunAttrs, TestRunOptions, Xdp};

use super::measure::{Outcome, Run};

/// Length of every packet, as the programs have it.
pub(super) const FRAME: usize = 82;
/// Bytes before the packet in the row that holds it.
const BEFORE: usize = 6;
const ROW: usize = BEFORE + FRAME;

/// The object `bench`, loaded.
pub(super) struct Wrapper {
    ebpf: Ebpf,
    /// Runs so far of each program other than the floor.
    repeats: u64,
}

impl Wrapper {
    /// # Errors
    /// When the object is not built, or the kernel refuses it.
    pub(super) fn load() -> Result<Self> {
        let object = object()?;
        let bytes = std::fs::read(&object).with_context(|| format!("cannot read {}", object.display()))?;
        let mut ebpf = Ebpf::load(&bytes).context("the object bench cannot be loaded")?;
        for (name, program) in ebpf.programs_mut() {
            let program: &mut Xdp = program.try_into()?;
            program.load().with_context(|| format!("the verifier refuses {name}"))?;
        }
        Ok(Self { ebpf, repeats: 0 })
    }

    pub(super) fn xdp(&mut self, name: &str) -> Result<&mut Xdp> {
        let program = self.ebpf.program_mut(name).with_context(|| format!("bench has no program {name}"))?;
        Ok(program.try_into()?)
    }

    pub(super) fn program(&mut self, name: &str) -> Result<ProgramFd> {
        Ok(self.xdp(name)?.fd()?.try_clone()?)
    }

    /// Has the next repeats give packets of so many flows, of which `frame` is the first one's.
    pub(super) fn packets(&mut self, frame: &[u8], flows: u64) -> Result<()> {
        ensure!(frame.len() == FRAME, "a packet of {} bytes instead of {FRAME}", frame.len());
        let mut row = [0; ROW];
        row[BEFORE..].copy_from_slice(frame);
        self.array::<[u8; ROW]>("TEMPLATE")?.set(0, row, 0)?;
        let mut turn = self.array::<u64>("TURN")?;
        turn.set(0, flows, 0)?;
        Ok(turn.set(1, 0, 0)?)
    }

    /// Gives a program so many packets.
    pub(super) fn repeat(&mut self, program: &ProgramFd, repeats: u32) -> Result<Run> {
        self.choose(program)?;
        let run = self.run(repeats)?;
        self.repeats += u64::from(repeats);
        Ok(run)
    }

    /// Gives the floor so many packets of the same flow: those of the program under test stay in turn.
    pub(super) fn calibrate(&mut self, floor: &ProgramFd, repeats: u32) -> Result<Run> {
        let next = self.array::<u64>("TURN")?.get(&1, 0)?;
        self.choose(floor)?;
        let run = self.run(repeats)?;
        self.array::<u64>("TURN")?.set(1, next, 0)?;
        Ok(run)
    }

    /// Packets that programs other than the floor were given so far.
    pub(super) fn repeats(&self) -> u64 {
        self.repeats
    }

    /// Sends so many frames out by the interface with this index, of the network namespace that the
    /// calling thread is in.
    pub(super) fn generate(&mut self, interface: u32, frames: u32) -> Result<()> {
        // `struct xdp_md`: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
        let words = [0, FRAME as u32, 0, interface, 0, 0];
        let context: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
        let options = TestRunOptions {
            data_in: Some(&[0; FRAME]),
            ctx_in: Some(&context),
            repeat: frames,
            attrs: TestRunAttrs::new().xdp_live_frames(64),
            ..TestRunOptions::default()
        };
        self.xdp("generator")?.test_run(options).context("the kernel does not send live frames")?;
        Ok(())
    }

    /// Frames that came to the sink so far, on all CPUs.
    pub(super) fn arrived(&self) -> Result<u64> {
        let map = self.ebpf.map("ARRIVED").context("bench has no map ARRIVED")?;
        let map: PerCpuArray<&MapData, u64> = map.try_into()?;
        Ok(map.get(&0, 0)?.iter().sum())
    }

    fn choose(&mut self, program: &ProgramFd) -> Result<()> {
        let map = self.ebpf.map_mut("UNDER_TEST").context("bench has no map UNDER_TEST")?;
        let mut slots: ProgramArray<&mut MapData> = map.try_into()?;
        Ok(slots.set(0, program, 0)?)
    }

    fn run(&mut self, repeat: u32) -> Result<Run> {
        let options = TestRunOptions { data_in: Some(&[0; FRAME]), repeat, ..TestRunOptions::default() };
        let result = self.xdp("wrapper")?.test_run(options).context("the kernel does not run the wrapper")?;
        let outcome = Outcome { verdict: result.return_value, length: result.data_size_out };
        Ok(Run { nanos: result.duration.as_nanos() as f64, outcome })
    }

    fn array<V: aya::Pod>(&mut self, name: &str) -> Result<Array<&mut MapData, V>> {
        let map = self.ebpf.map_mut(name).with_context(|| format!("bench has no map {name}"))?;
        Ok(map.try_into()?)
    }
}

/// Where `cargo xtask build-ebpf` leaves the object: `bpf/bench` in the folder that holds the running
/// program's own.
fn object() -> Result<PathBuf> {
    let running = std::env::current_exe()?;
    let mut folders = running.ancestors().skip(1).map(|folder| folder.join("bpf/bench"));
    folders
        .find(|path| path.is_file())
        .context("cannot find bpf/bench: build it with `cargo xtask build-ebpf`")
}
