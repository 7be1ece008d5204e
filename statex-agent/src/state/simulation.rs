//! Random histories against tables in memory: health, drains, next hops, reloads, failing writes, restarts.
//! The tables panic by themselves when a write leaves them so that a packet could go wrong.

use super::event::Event;
use super::fixture::{Rig, SIZES, Tables, address, config, hop, nobody_drained_is_named, pool, service};
use super::key::{BackendKey, ServiceKey};
use super::rings::{Rings, Spec};
use crate::health::Verdict;
use crate::kernel::image::Region;
use crate::kernel::neighbours::Fact;
use crate::kernel::next_hop::NextHop;
use proptest::prelude::*;
use statex_common::abi::Egress;
use std::collections::BTreeMap;
use std::time::Duration;

const BACKENDS: u8 = 6;

#[derive(Clone, Debug)]
enum Step {
    Health(u8, Verdict),
    Drain(u8, bool),
    /// Another MAC each time.
    Hop(u8, u8),
    LoseHop(u8),
    Configure(usize),
    /// The write after so many fails.
    Fail(usize),
    /// The agent dies at once, and another takes over.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let n = || 1..=BACKENDS;
    let verdict = prop_oneof![Just(Verdict::Dead), Just(Verdict::Alive)];
    prop_oneof![
        6 => (n(), verdict).prop_map(|(n, verdict)| Step::Health(n, verdict)),
        3 => (n(), any::<bool>()).prop_map(|(n, drain)| Step::Drain(n, drain)),
        2 => (n(), 1u8..9).prop_map(|(n, mac)| Step::Hop(n, mac)),
        1 => n().prop_map(Step::LoseHop),
        2 => (0..configurations().len()).prop_map(Step::Configure),
        2 => (0usize..12).prop_map(Step::Fail),
        1 => Just(Step::Restart),
    ]
}

fn configurations() -> Vec<String> {
    let https = |forward: &str| service("https", "tcp", &format!("forward = \"{forward}\""));
    let h3 = service("h3", "udp", "forward = \"gue\"\nquic = true");
    let net = https("l2")
        .replace("address = \"203.0.113.1\"", "prefix = \"203.0.112.0/24\"")
        .replace("https", "net");
    vec![
        pool(BACKENDS) + &https("ipip"),
        pool(3) + &https("ipip"),
        pool(BACKENDS) + &https("nat") + &h3,
        pool(BACKENDS).replace("name = \"web-2\"", "name = \"web-2\"\nweight = 300") + &https("ipip") + &net,
        pool(4) + &h3 + &net,
        pool(BACKENDS) + &https("gue") + "[encapsulation]\nipv4_source = \"10.1.0.0/16\"\n",
        String::new(),
    ]
}

fn history(steps: Vec<Step>) {
    let mut rig = Rig::on(Tables::new(SIZES), &configurations()[0]);
    let mut text = configurations()[0].clone();
    let mut generations = BTreeMap::new();
    for step in steps {
        match step {
            Step::Health(n, verdict) => rig.health(n, verdict),
            Step::Drain(n, drain) => rig.drain(n, drain),
            Step::Hop(n, mac) => {
                let next_hop = Ok(NextHop { mac: [2, 0, 0, 0, mac, n], ..hop(n) });
                if rig.state.wanted_hops().contains_key(&address(n)) {
                    rig.hear(Event::Kernel(Fact::NextHop { address: address(n), next_hop }));
                }
            }
            Step::LoseHop(n) => rig.lose_hop(n),
            Step::Configure(n) => {
                text = configurations()[n].clone();
                rig.hear(Event::Configured(config(&text)));
            }
            Step::Fail(writes) => {
                rig.tables.fake().failures = (0..writes).map(|_| false).chain([true]).collect();
            }
            Step::Restart => {
                let (verdicts, hops) = (rig.state.verdicts.clone(), rig.state.hops.clone());
                rig = Rig::on(rig.tables.clone(), &text);
                // Probes and neighbours tell the same again.
                (rig.state.verdicts, rig.state.hops) = (verdicts, hops);
            }
        }
        settle(&mut rig);
        nobody_drained_is_named(&rig.tables.fake());
        flows_find_a_living_backend(&rig);
        generations_go_on(&rig, &mut generations);
        assert_eq!(rig.step().changes, 0, "all was done");
    }
}

/// A failed step is tried again.
fn settle(rig: &mut Rig) {
    let first = rig.step();
    let outcome = if first.failed { rig.step() } else { first };
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
}

/// Each service that could serve does, by all slots; and whoever takes flows has all slots that it has in
/// the ring of all backends.
fn flows_find_a_living_backend(rig: &Rig) {
    let (desired, observed, tables) = (rig.desired(), rig.observed(), rig.tables.fake());
    for (key, ring) in &desired.rings {
        let row = &tables.image.services[&observed.services[key].id];
        let region = Region::from_word(row.ring.get());
        if !ring.seats.iter().any(|seat| seat.takes) {
            assert_eq!(region.len, 0, "nobody is left for {key}");
            continue;
        }
        let slots = &tables.rings[region.base as usize..][..region.len as usize];
        let id = |key: &BackendKey| observed.backends.get(key).map_or(0, |placed| placed.id);
        // All backends under made-up ids, by place.
        let named = observed.spec(ring);
        let everyone = Spec {
            seats: (1..).zip(&named.seats).map(|(id, seat)| super::rings::Seat { id, ..*seat }).collect(),
            ..named.clone()
        };
        for (slot, owner) in slots.iter().zip(Rings::default().slots(&everyone)) {
            let owner = named.seats[usize::from(owner) - 1].id;
            assert!(owner == 0 || owner == *slot, "a slot of {owner} is with {slot}");
            assert!(ring.seats.iter().any(|seat| seat.takes && id(&seat.backend) == *slot));
        }
    }
}

/// No identity's row is used again with the same id and generation after it was another's.
fn generations_go_on(rig: &Rig, seen: &mut BTreeMap<(u16, u8), (ServiceKey, BackendKey)>) {
    for (key, placed) in &rig.observed().backends {
        let generation = Egress::from_word(placed.row.egress.get()).generation;
        let owner = (key.service, *key);
        let before = seen.insert((placed.id, generation), owner);
        assert!(before.is_none_or(|before| before == owner), "{before:?} and {owner:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_flows_find_a_living_backend(steps in prop::collection::vec(step(), 1..40)) {
        history(steps);
    }
}

#[test]
fn a_week_of_flapping_uses_up_nothing() {
    let mut rig = Rig::new(&configurations()[0]);
    for flap in 0..5_000u32 {
        let verdict = if flap % 2 == 0 { Verdict::Dead } else { Verdict::Alive };
        rig.health(1 + (flap / 2 % 6) as u8, verdict);
        assert!(rig.step().problems.is_empty());
        rig.clock.advance(Duration::from_secs(120));
    }
    assert_eq!(rig.ring().len(), 251);
}
