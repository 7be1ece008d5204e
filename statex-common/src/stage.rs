//! The rare pieces of a packet's way, which the kernel verifies each on its own.
//!
//! The verifier follows every path through a program. Cut into functions that it looks at once, whatever
//! leads to them, the whole stays small for it; and what is rare stays out of the way of what is common.
//! The common way answers how a packet leaves or which stage it is for, and leaves what it knows of the
//! packet. One stage runs after the other, each told by those before it; what lies in memory has no history
//! that the verifier would have to follow.
//!
//! ```text
//! common way ─┬─ OldFlow ─┬──────────────────────────┬─ Deliver ─ TooBig
//!             │           └─ SourceRate ─ NewFlow ───┤
//!             ├─ NatForward ─ SourceRate ─ NatOpen ─ NatForward
//!             ├─ NatBack                             │
//!             ├─ Icmp ─┬─ IcmpError ─┬───────────────┤
//!             │        │             └─ NatErrorForward
//!             │        └─ NatErrorBack               │
//!             ├─ LaterFragment ──────────────────────┘
//!             └─ FirstForLocal
//! ```

use crate::count::settle;
use crate::forward::{Seen, deliver};
use crate::packet::Packet;
use crate::parse::Fragment;
use crate::parse::transport::Transport;
use crate::reason::Reason;
use crate::rewrite::{Exit, icmp as reply, nat};
use crate::route::{self, Flow};
use crate::tables::Tables;
use crate::{count, fragment, guard, message};

/// A piece of the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Stage {
    /// TCP or UDP that the flow table may know from before it grew.
    OldFlow,
    /// Takes a token of the source prefix, for a flow that opens.
    SourceRate,
    /// TCP or UDP that the flow table does not know.
    NewFlow,
    NatForward,
    /// Gives a flow a port and a backend.
    NatOpen,
    NatBack,
    Icmp,
    /// An ICMP error about a flow.
    IcmpError,
    /// The same, when the flow is translated and the error comes from the client's side.
    NatErrorForward,
    /// The same, when it comes from the backend's side.
    NatErrorBack,
    LaterFragment,
    /// The first fragment of a datagram that goes up this node's own stack.
    FirstForLocal,
    /// A packet whose backend has been chosen.
    Deliver,
    /// A packet that does not fit the way to its backend.
    TooBig,
}

impl Stage {
    #[inline(always)]
    fn from_number(number: u8) -> Option<Self> {
        const ALL: [Stage; 14] = [
            Stage::OldFlow,
            Stage::SourceRate,
            Stage::NewFlow,
            Stage::NatForward,
            Stage::NatOpen,
            Stage::NatBack,
            Stage::Icmp,
            Stage::IcmpError,
            Stage::NatErrorForward,
            Stage::NatErrorBack,
            Stage::LaterFragment,
            Stage::FirstForLocal,
            Stage::Deliver,
            Stage::TooBig,
        ];
        ALL.into_iter().find(|stage| *stage as u8 == number)
    }

    /// Most that follow one another: a flow from before the table grew is none, opens, and does not fit.
    const MOST: usize = 5;
}

/// What is known of a packet so far; one stage leaves it to the next.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Told {
    pub seen: Seen,
    /// Of a TCP segment or UDP datagram with ports.
    pub transport: Transport,
    /// The flow's; of a fragment without ports, what all fragments have in common.
    pub fingerprint: u64,
    /// A service's id.
    pub service: u16,
    /// What the stage before has found: a backend's id (0: none), or the size that fits.
    pub value: u16,
}

/// What comes of a piece of the way: the packet's exit, or the stage that goes on with it.
///
/// One word, because that is what a function of an eBPF program can return. A stage that follows is told a
/// service (16 bits) and a value (16 bits).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Answer(pub u64);

impl Answer {
    const FOLLOWS: u64 = 1 << 63;

    /// The packet is for another stage, which is told the id of a service.
    #[inline(always)]
    pub(crate) fn next(stage: Stage, service: u16) -> Self {
        Self(Self::FOLLOWS | (stage as u64) << 32 | service as u64)
    }

    /// What the stage is told besides.
    #[inline(always)]
    pub(crate) fn with(self, value: u16) -> Self {
        Self(self.0 | (value as u64) << 16)
    }

    /// Whether a stage follows; else [`Answer::exit`] says how the packet leaves.
    #[inline(always)]
    pub(crate) fn goes_on(self) -> bool {
        self.0 & Self::FOLLOWS != 0
    }

    #[inline(always)]
    pub fn exit(self) -> Exit {
        Exit::from_word(self.0)
    }
}

impl From<Exit> for Answer {
    #[inline(always)]
    fn from(exit: Exit) -> Self {
        Self(exit.word())
    }
}

/// Sends a packet on from where the common way has left it; `answer` names the first stage.
#[inline(always)]
pub fn follow<P: Packet, T: Tables>(
    packet: &mut P,
    tables: &T,
    told: &mut Told,
    answer: Answer,
    vlan: u16,
) -> Exit {
    told.seen.vlan = vlan;
    let mut answer = answer;
    for _ in 0..Stage::MOST {
        let Some(stage) = Stage::from_number((answer.0 >> 32) as u8) else { break };
        (told.service, told.value) = (answer.0 as u16, (answer.0 >> 16) as u16);
        answer = packet.apart(tables, stage, told);
        if !answer.goes_on() {
            return answer.exit();
        }
    }
    settle(tables, Reason::TableMissing)
}

impl Stage {
    /// Runs the piece on a frame whose tags are off.
    #[inline(always)]
    pub fn run<P: Packet, T: Tables>(self, packet: &mut P, tables: &T, told: &mut Told) -> Answer {
        self.answer(packet, tables, told).unwrap_or_else(|reason| settle(tables, reason).into())
    }

    #[inline(always)]
    fn answer<P: Packet, T: Tables>(
        self,
        packet: &mut P,
        tables: &T,
        told: &mut Told,
    ) -> Result<Answer, Reason> {
        match self {
            Stage::OldFlow => route::old_flow(tables, told),
            Stage::SourceRate => guard::source_rate(tables, told),
            Stage::NewFlow => route::new_flow(tables, told),
            Stage::NatForward => nat::forward(packet, tables, told),
            Stage::NatOpen => nat::open(packet, tables, told),
            Stage::NatBack => nat::back(packet, tables, told).map(Answer::from),
            Stage::Icmp => message::to_address(packet, tables, told),
            Stage::IcmpError => message::error(packet, tables, told),
            Stage::NatErrorForward => nat::error::forward(packet, tables, told).map(Answer::from),
            Stage::NatErrorBack => nat::error::back(packet, tables, told).map(Answer::from),
            Stage::LaterFragment => fragment::follow_first(packet, tables, told),
            Stage::FirstForLocal => {
                fragment::remember(tables, &told.seen.ip, 0);
                count::local(tables, told.service);
                Err(Reason::Local)
            }
            Stage::Deliver => {
                if told.seen.ip.fragment == Fragment::First {
                    fragment::remember(tables, &told.seen.ip, told.value);
                }
                let chosen = route::alive(tables, told.value).ok_or(Reason::NoBackend)?;
                deliver(packet, tables, &told.seen, chosen, (told.fingerprint >> 32) as u32)
            }
            Stage::TooBig => Err(reply::too_big(packet, &told.seen, told.value)),
        }
    }
}

impl Told {
    /// The flow of a packet with ports.
    #[inline(always)]
    pub(crate) fn flow<'a, T: Tables>(&self, tables: &'a T) -> Result<Flow<'a>, Reason> {
        let service = tables.service(self.service as u32).ok_or(Reason::TableMissing)?;
        let (transport, fingerprint) = (self.transport, self.fingerprint);
        Ok(Flow { id: self.service, service, transport, fingerprint })
    }
}
