//! One packet spec: a world, packets into it one after another, and what must come of each.

use std::time::Duration;

use statex_common::abi::EventKind;
use statex_common::{Reason, Verdict};

use crate::doubles::World;
use crate::harness::Side;
use crate::packet::{Frame, checksum};

/// A description, a world, and what happens in it in turn.
#[derive(Clone)]
pub struct Spec {
    pub name: &'static str,
    pub side: Side,
    pub world: World,
    pub steps: Vec<Step>,
    /// Frames too short for `BPF_PROG_TEST_RUN` can be tried on the host only.
    pub host_only: bool,
}

#[derive(Clone)]
pub enum Step {
    /// This frame comes, and this must come of it.
    Packet(Vec<u8>, Box<Expect>),
    /// Frames of which only the traces that they leave matter.
    Flood(Vec<Vec<u8>>),
    /// The agent writes other rows.
    Change(fn(&mut World)),
    /// Time passes.
    Time(Duration),
}

/// What must come of one frame.
#[derive(Clone)]
pub struct Expect {
    pub verdict: Verdict,
    /// `None`: the frame that came, or nothing where it is dropped.
    pub frame: Option<Frame>,
    /// What is counted beside; no other reason may be.
    pub reason: Option<Reason>,
    /// Counters that must grow by so much.
    pub counts: Vec<(&'static str, u64)>,
    /// Flow events that must be told, and the backend that each names.
    pub events: Vec<(EventKind, u16)>,
    /// Fields that the data plane may choose.
    pub any: Vec<Any>,
}

/// A field whose value follows from a secret hash, so that no spec can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Any {
    /// The UDP source port of GUE.
    GueSource,
    /// The flow label of an outer IPv6 header.
    FlowLabel,
    /// The lower half of the outer IPv4 source, whose header's checksum must be right all the same, or the
    /// last four bytes of the outer IPv6 source.
    OuterSource,
}

/// Begins a spec for the program of a node.
pub fn spec(name: &'static str) -> Spec {
    Spec { name, side: Side::Node, world: World::new(), steps: Vec::new(), host_only: false }
}

impl Spec {
    #[must_use]
    pub fn given(mut self, world: World) -> Self {
        self.world = world;
        self
    }

    /// The spec is for the program of a backend.
    #[must_use]
    pub fn on_backend(mut self) -> Self {
        self.side = Side::Backend;
        self
    }

    /// The spec is for a node's health probes to the backend with this id.
    #[must_use]
    pub fn probing(mut self, backend: u16) -> Self {
        self.side = Side::Probe(backend);
        self
    }

    #[must_use]
    pub fn host_only(mut self) -> Self {
        self.host_only = true;
        self
    }

    #[must_use]
    pub fn packet(mut self, frame: &Frame, expect: Expect) -> Self {
        self.steps.push(Step::Packet(frame.bytes(), Box::new(expect)));
        self
    }

    /// `count` frames, made from their number.
    #[must_use]
    pub fn flood(mut self, count: u16, frame: impl Fn(u16) -> Frame) -> Self {
        self.steps.push(Step::Flood((0..count).map(|number| frame(number).bytes()).collect()));
        self
    }

    #[must_use]
    pub fn then(mut self, change: fn(&mut World)) -> Self {
        self.steps.push(Step::Change(change));
        self
    }

    #[must_use]
    pub fn after(mut self, seconds: u64) -> Self {
        // The data plane's second is 2^30 ns.
        self.steps.push(Step::Time(Duration::from_nanos(seconds << 30)));
        self
    }
}

/// The frame leaves by the interface that it came by, as `frame`.
pub fn transmits(frame: &Frame) -> Expect {
    Expect::new(Verdict::Transmit, Some(frame), None)
}

/// The frame leaves by another interface, as `frame`.
pub fn redirects(interface: u32, frame: &Frame) -> Expect {
    Expect::new(Verdict::Redirect(interface), Some(frame), None)
}

/// The frame goes up the stack as it came.
pub fn passes(reason: Reason) -> Expect {
    Expect::new(Verdict::Pass, None, Some(reason))
}

/// The frame goes up the stack as `frame`.
pub fn passes_as(reason: Reason, frame: &Frame) -> Expect {
    Expect::new(Verdict::Pass, Some(frame), Some(reason))
}

pub fn drops(reason: Reason) -> Expect {
    Expect::new(Verdict::Drop, None, Some(reason))
}

/// The frame is dropped, and nothing counted.
pub fn refuses() -> Expect {
    Expect::new(Verdict::Drop, None, None)
}

/// The node answers by itself, with `frame`.
pub fn answers(reason: Reason, frame: &Frame) -> Expect {
    Expect::new(Verdict::Transmit, Some(frame), Some(reason))
}

impl Expect {
    fn new(verdict: Verdict, frame: Option<&Frame>, reason: Option<Reason>) -> Self {
        Self {
            verdict,
            frame: frame.cloned(),
            reason,
            counts: Vec::new(),
            events: Vec::new(),
            any: Vec::new(),
        }
    }

    /// The counter grows by so much; for names see [`Counts`](crate::harness::Counts).
    #[must_use]
    pub fn counting(mut self, name: &'static str, count: u64) -> Self {
        self.counts.push((name, count));
        self
    }

    #[must_use]
    pub fn telling(mut self, kind: EventKind, backend: u16) -> Self {
        self.events.push((kind, backend));
        self
    }

    #[must_use]
    pub fn any(mut self, field: Any) -> Self {
        self.any.push(field);
        self
    }
}

impl Any {
    /// Sets the field to zero, so that frames are compared without it.
    pub fn erase(self, frame: &mut [u8]) {
        let tagged = |at: usize| matches!(frame.get(at..at + 2), Some([0x81, 0x00] | [0x88, 0xa8]));
        let ip = (12..).step_by(4).find(|at| !tagged(*at)).unwrap_or(12) + 2;
        match self {
            Any::FlowLabel => {
                if let Some([_, label @ ..]) = frame.get_mut(ip..ip + 4) {
                    label[0] &= 0xf0;
                    label[1..].fill(0);
                }
            }
            Any::GueSource => {
                let header = if frame.get(ip).is_some_and(|first| first >> 4 == 6) { 40 } else { 20 };
                if let Some(port) = frame.get_mut(ip + header..ip + header + 2) {
                    port.fill(0);
                }
            }
            Any::OuterSource if frame.get(ip).is_some_and(|first| first >> 4 == 6) => {
                if let Some(source) = frame.get_mut(ip + 8..ip + 24) {
                    source[12..].fill(0);
                }
            }
            Any::OuterSource => {
                if let Some(header) = frame.get_mut(ip..ip + 20) {
                    if checksum(header) == 0 {
                        header[10..12].fill(0);
                    }
                    header[14..16].fill(0);
                }
            }
        }
    }
}
