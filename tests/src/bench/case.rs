//! The paths of the data plane, what goes in, what must come out, and what it may cost.

use std::fmt;
use std::net::IpAddr;

use statex_common::abi::NatEntry;

use super::measure::Outcome;
use super::proof::Proof;
use super::scene;
use crate::doubles::{Memory, NAT_FIRST_PORT};
use crate::packet::{Frame, tcp, udp};

/// The first flow's client. Benchmarks have 198.18.0.0/15 (RFC 2544), and 2001:2::/48 (RFC 5180).
const CLIENT: &str = "198.18.0.1:40000";
const CLIENT_V6: &str = "[2001:2::1]:40000";

/// XDP's verdicts.
const PASS: u32 = 2;
const TX: u32 = 3;

/// How many flows take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flows {
    Number(u64),
    /// Each packet is the first of a flow.
    Unique,
}

impl Flows {
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Unique => u64::MAX,
        }
    }

    /// Packets until each flow is known and confirmed by a second one, which those need twice that find
    /// their place taken; for unique flows, until the table is full.
    pub(super) fn opening(self) -> u32 {
        match self {
            Self::Number(number) => 4 * number as u32,
            Self::Unique => 8_000_000,
        }
    }
}

impl fmt::Display for Flows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Unique => f.pad("unique"),
        }
    }
}

/// The backend's answer to the packet of the one flow that the tables know.
pub(super) type Reply = fn(&Memory) -> Option<Vec<u8>>;

/// One path.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) flows: Flows,
    /// The first flow's packet.
    pub(super) frame: Vec<u8>,
    /// Measures the backend's answer to the packet instead, once the packet has opened the flow.
    pub(super) reply: Option<Reply>,
    pub(super) proof: Proof,
    verdict: u32,
    /// Bytes that the encapsulation adds.
    grows: u32,
    /// Most that it may cost, in multiples of the encapsulation floor.
    pub(super) goal: Option<f64>,
}

impl Case {
    /// What every run must give.
    pub(super) fn outcome(&self) -> Outcome {
        Outcome { verdict: self.verdict, length: self.frame.len() as u32 + self.grows }
    }
}

/// The packet that the floors are measured with.
pub(super) fn floor() -> Case {
    case("encap_floor", Flows::Number(1), segment(CLIENT, scene::TCP), Proof::Known, 20, 1.0)
}

/// All paths, the ones that matter most first.
pub(super) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for (flows, goal) in [(1, 2.8), (4096, 3.8), (65_536, 6.4), (1_000_000, 8.0)] {
        let frame = segment(CLIENT, scene::TCP);
        cases.push(case("tcp4_ipip_known", Flows::Number(flows), frame, Proof::Known, 20, goal));
    }
    for (flows, goal) in [(1, 2.8), (4096, 3.8)] {
        let frame = filled(udp(CLIENT, scene::UDP));
        cases.push(case("udp4_ipip_known", Flows::Number(flows), frame, Proof::Known, 20, goal));
    }
    for (flows, goal) in [(1, 3.4), (4096, 4.6)] {
        let frame = segment(CLIENT_V6, scene::TCP_V6);
        cases.push(case("tcp6_ipip_known", Flows::Number(flows), frame, Proof::Known, 40, goal));
    }
    let (new, new_v6) = (tcp(CLIENT, scene::TCP).syn(), tcp(CLIENT_V6, scene::TCP_V6).syn());
    cases.push(case("tcp4_ipip_new", Flows::Unique, filled(new), Proof::Inserted, 20, 9.0));
    cases.push(case("tcp6_ipip_new", Flows::Unique, filled(new_v6), Proof::Inserted, 40, 10.4));
    let flood = filled(tcp(CLIENT, scene::FLOODED).syn());
    cases.push(case("tcp4_ipip_flood", Flows::Unique, flood, Proof::Stateless, 20, 3.0));
    for (flows, goal) in [(1, 3.0), (4096, 4.0)] {
        let frame = udp(CLIENT, scene::QUIC).quic_short(&scene::connection_id(7));
        cases.push(case("quic4_short", Flows::Number(flows), frame, Proof::ByConnectionId, 20, goal));
    }
    let one = Flows::Number(1);
    cases.push(case("tcp4_gue_known", one, segment(CLIENT, scene::GUE), Proof::Known, 28, 3.2));
    let nobody = case("no_service", one, segment(CLIENT, scene::NOBODY), Proof::NotOurs, 0, 0.8);
    cases.push(Case { verdict: PASS, ..nobody });
    cases.push(case("tcp4_l2_known", one, segment(CLIENT, scene::L2), Proof::Known, 0, 2.2));
    let nat = || segment(CLIENT, scene::NAT);
    cases.push(case("tcp4_nat_to_backend", one, nat(), Proof::Known, 0, 3.6));
    let back = case("tcp4_nat_to_client", one, nat(), Proof::Returned, 0, 3.6);
    cases.push(Case { reply: Some(answer), ..back });
    cases
}

fn case(
    name: &'static str,
    flows: Flows,
    frame: impl Into<Bytes>,
    proof: Proof,
    grows: u32,
    goal: f64,
) -> Case {
    let Bytes(frame) = frame.into();
    Case { name, flows, frame, reply: None, proof, verdict: TX, grows, goal: Some(goal) }
}

struct Bytes(Vec<u8>);

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<Frame> for Bytes {
    fn from(frame: Frame) -> Self {
        Self(frame.bytes())
    }
}

/// A later segment of a connection.
fn segment(from: &str, to: &str) -> Vec<u8> {
    filled(tcp(from, to))
}

/// The packet with a payload that makes it as long as all others.
fn filled(frame: Frame) -> Vec<u8> {
    let room = super::wrapper::FRAME - frame.bytes().len();
    frame.payload(vec![0x5a; room]).bytes()
}

/// What the backend answers to the one translated flow that the tables have.
fn answer(tables: &Memory) -> Option<Vec<u8>> {
    let (row, entry) = tables.nat.iter().enumerate().find(|(_, entry)| entry.key.get() != 0)?;
    let backend = &tables.backends[backend_of(entry)];
    let from = format!("{}:{}", IpAddr::from(backend.addr), u16::from_be_bytes(backend.port));
    let to = format!("{}:{}", scene::NAT_ADDRESS, NAT_FIRST_PORT + row as u16);
    Some(segment(&from, &to))
}

fn backend_of(entry: &NatEntry) -> usize {
    usize::from(entry.backend.get() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_packets_have_the_length_that_the_wrapper_writes() {
        assert!(all().iter().all(|case| case.frame.len() == super::super::wrapper::FRAME));
    }
}
