//! Which backends take new flows: the ones that live, or all of them when none does.

use crate::config::Service;
use crate::health::Verdict;
use crate::health::influence::Admits;
use crate::state::key::BackendKey;
use crate::state::model::{Member, State};
use statex_common::abi::Backend;
use std::net::IpAddr;

/// What a service's ring is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    pub slots: u32,
    /// All backends that the configuration gives a weight, whether or not they take new flows just now:
    /// the ring of all of them is where each has its slots, and gets them back.
    pub seats: Vec<Seat>,
}

/// A backend's place in its service's ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    pub backend: BackendKey,
    /// See [`crate::kernel::ring::Member::key`].
    pub key: u64,
    pub weight: u32,
    /// What its health leaves of it, in parts of [`WHOLE`](crate::health::influence::Influence::WHOLE).
    pub share: u8,
    /// Whether it gets new flows now.
    pub takes: bool,
}

/// The ring of a service. Its backends come with their rows, where they have one.
///
/// New flows go to backends that are neither drained, dead nor ejected and that can be reached. If there is
/// none of them, then to those that are ejected, and if there is none of these, and the pool may fail open,
/// to all that can be reached, dead or not: the checks may be wrong, and if they are not, nothing is lost. If nothing can be reached, as when the node's only
/// interface is down, then to all that live: the ring does not change for an outage that hits all alike.
pub(super) fn ring(state: &State, service: &Service, members: &[(Member<'_>, Option<Backend>)]) -> Ring {
    let weighted: Vec<_> = members.iter().filter(|(member, _)| member.backend.weight > 0).collect();
    let chances: Vec<Chance> = weighted.iter().map(|(member, row)| Chance::of(state, member, row)).collect();

    let ladder: [fn(&Chance) -> bool; 5] = [
        |it| it.lives && it.reached && it.admitted,
        |it| it.lives && it.reached,
        |it| it.open && it.reached,
        |it| it.lives,
        |it| it.open,
    ];
    let step = ladder.iter().find(|step| chances.iter().any(|it| it.given && step(it)));

    let seats = weighted.iter().zip(&chances).map(|((member, _), it)| Seat {
        backend: member.key,
        key: identity(member.backend.address, member.backend.port.unwrap_or(0)),
        weight: member.backend.weight,
        share: state.influence(&member.name()).share,
        takes: it.given && step.is_some_and(|step| step(it)),
    });
    Ring { slots: service.ring_slots, seats: seats.collect() }
}

/// What speaks for a backend.
struct Chance {
    /// It may take new flows at all: it has a row and is not drained.
    given: bool,
    lives: bool,
    /// Its health does not keep new flows away.
    admitted: bool,
    /// There is no trouble on the way to it.
    reached: bool,
    /// Its pool may fail open.
    open: bool,
}

impl Chance {
    fn of(state: &State, member: &Member<'_>, row: &Option<Backend>) -> Self {
        let hop = state.hops.get(&member.backend.address);
        Self {
            given: row.is_some() && !state.is_drained(member.backend, &member.name()),
            admitted: state.influence(&member.name()).admits != Admits::None,
            lives: state.verdict(member) != Verdict::Dead,
            reached: hop.is_some_and(|hop| hop.trouble.is_none()),
            open: member.pool.health.as_ref().is_some_and(|health| health.fail_open),
        }
    }
}

/// FNV-1a of a backend's address and port: the same on all nodes, and in all services that have its pool.
fn identity(address: IpAddr, port: u16) -> u64 {
    let ip = match address {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    let bytes = ip.into_iter().chain(port.to_be_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
