//! Plans lead from any observed tables to the desired ones, by safe steps only.

use super::*;
use crate::config::Destination;
use crate::health::Verdict;
use crate::kernel::image::{Region, Sizes, Write};
use crate::kernel::neighbours::Fact;
use crate::kernel::next_hop::NextHop;
use crate::state::event::Event;
use crate::state::fixture::{
    Rig, SIZES, Tables, address, config, hop, https, nobody_drained_is_named, pool, service,
};
use statex_common::abi::{BackendState, features};

fn names(plan: &Plan) -> Vec<&'static str> {
    let name = |change: &Change| match change {
        Change::Service { .. } => "service",
        Change::DropService { .. } => "drop service",
        Change::Backend { .. } => "backend",
        Change::Free { .. } => "free",
        Change::Publish { .. } => "publish",
        Change::Unpublish { .. } => "unpublish",
        Change::Table(Write::Index { .. }) => "index",
        Change::Table(Write::Prefix { .. }) => "prefix",
        Change::Table(_) => "table",
    };
    let mut names: Vec<_> = plan.changes.iter().map(name).collect();
    names.dedup();
    names
}

fn planned(rig: &Rig) -> Plan {
    plan(&rig.desired(), rig.observed(), rig.clock.now())
}

fn settled(text: &str) -> Rig {
    let mut rig = Rig::new(text);
    let outcome = rig.step();
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    rig
}

#[test]
fn a_service_is_found_only_when_it_is_whole() {
    let rig = Rig::new(&https(3));
    assert_eq!(names(&planned(&rig)), ["service", "backend", "publish", "index", "table"]);
}

#[test]
fn tables_as_wanted_need_no_change() {
    let rig = settled(&https(3));
    assert_eq!(names(&planned(&rig)), [""; 0]);
}

#[test]
fn a_ring_lets_go_of_the_dead_before_they_die() {
    let mut rig = settled(&https(3));
    rig.health(2, Verdict::Dead);
    assert_eq!(names(&planned(&rig)), ["publish", "backend"]);
}

#[test]
fn a_backend_lives_before_a_ring_leads_to_it() {
    let mut rig = settled(&https(3));
    rig.health(2, Verdict::Dead);
    rig.step();
    rig.health(2, Verdict::Alive);
    assert_eq!(names(&planned(&rig)), ["backend", "publish"]);
}

#[test]
fn a_service_that_goes_is_forgotten_first() {
    let mut rig = settled(&https(3));
    rig.hear(Event::Configured(config("")));
    assert_eq!(names(&planned(&rig)), ["index", "unpublish", "free", "drop service"]);
}

#[test]
fn the_last_backend_empties_the_ring() {
    let mut rig = settled(&https(1).replace("interval = \"2s\"", "interval = \"2s\"\nfail_open = false"));
    rig.health(1, Verdict::Dead);
    assert_eq!(names(&planned(&rig)), ["unpublish", "backend"]);
    rig.step();
    assert!(rig.ring().is_empty());
}

#[test]
fn a_new_mac_is_one_write_to_one_row() {
    let mut rig = settled(&https(3));
    let next_hop = Ok(NextHop { mac: [2, 9, 9, 9, 9, 9], ..hop(2) });
    rig.hear(Event::Kernel(Fact::NextHop { address: address(2), next_hop }));
    let plan = planned(&rig);
    assert!(matches!(&plan.changes[..], [Change::Backend { id, .. }] if *id == rig.row(2).0));
}

#[test]
fn a_new_outer_header_needs_a_new_row() {
    let mut rig = settled(&https(2));
    let before = rig.row(1).0;
    rig.hear(Event::Configured(config(
        &https(2).replace("[[pool]]", "[encapsulation]\nipv4_source = \"10.7.0.0/16\"\n[[pool]]"),
    )));
    assert_eq!(names(&planned(&rig)), ["backend", "publish", "free"]);
    rig.step();
    assert_ne!(rig.row(1).0, before);
    assert_eq!(names(&planned(&rig)), [""; 0]);
}

#[test]
fn rows_of_another_mode_never_meet_the_flags_of_this_one() {
    let mut rig = settled(&https(2));
    rig.hear(Event::Configured(config(&https(2).replace("\"ipip\"", "\"nat\""))));
    let names = names(&planned(&rig));
    let place = |name| names.iter().position(|other| *other == name).unwrap();
    assert!(place("unpublish") < place("service") && place("service") < place("publish"), "{names:?}");
    rig.step();
    assert_eq!(rig.ring().len(), 251);
}

#[test]
fn drained_rows_live_on_with_a_note() {
    let mut rig = settled(&https(3));
    rig.drain(2, true);
    rig.step();
    assert_eq!((rig.egress(2).state, rig.row(2).1.notes.get()), (BackendState::Alive as u8, 1));
    assert!(!rig.ring().contains(&2));
    nobody_drained_is_named(&rig.tables.fake());
}

#[test]
fn ids_are_used_again_with_the_next_generation() {
    let sizes = Sizes { backends: 3, ..SIZES };
    let text = https(2);
    let mut rig = Rig::on(Tables::new(sizes), &text);
    let mut generations = Vec::new();
    for _ in 0..40 {
        for n in 1..=2 {
            rig.hear(Event::Kernel(Fact::NextHop { address: address(n), next_hop: Ok(hop(n)) }));
        }
        rig.step();
        generations.push(rig.egress(1).generation);
        rig.hear(Event::Configured(config("")));
        rig.step();
        rig.hear(Event::Configured(config(&text)));
    }
    assert_eq!(generations[..3], [1, 2, 3]);
    assert_eq!(generations[30..33], [31, 0, 1]);
}

#[test]
fn a_full_table_is_said_and_the_rest_served() {
    let mut rig = Rig::on(Tables::new(Sizes { backends: 3, ..SIZES }), &https(3));
    for n in 1..=3 {
        rig.hear(Event::Kernel(Fact::NextHop { address: address(n), next_hop: Ok(hop(n)) }));
    }
    let outcome = rig.step();
    assert_eq!(
        outcome.problems,
        ["198.51.100.3 of 203.0.113.1:443/tcp: the table of backends is full; raise limits.backends"]
    );
    assert_eq!(rig.ring().len(), 251);
    assert!(!rig.ring().contains(&3));
}

#[test]
fn without_room_for_a_second_ring_the_first_stays_whole() {
    let mut rig = Rig::on(Tables::new(Sizes { ring_slots: 400, ..SIZES }), &https(2));
    for n in 1..=2 {
        rig.hear(Event::Kernel(Fact::NextHop { address: address(n), next_hop: Ok(hop(n)) }));
    }
    rig.step();
    rig.health(2, Verdict::Dead);
    let outcome = rig.step();
    assert!(outcome.problems[0].contains("raise limits.ring_slots"), "{:?}", outcome.problems);
    // The row lives as long as a ring leads to it.
    assert_eq!(rig.egress(2).state, BackendState::Alive as u8);
}

#[test]
fn room_that_is_just_free_is_waited_for() {
    let mut rig = Rig::on(Tables::new(Sizes { ring_slots: 504, ..SIZES }), &https(2));
    for n in 1..=2 {
        rig.hear(Event::Kernel(Fact::NextHop { address: address(n), next_hop: Ok(hop(n)) }));
    }
    rig.step();
    for (verdict, waits) in [(Verdict::Dead, false), (Verdict::Alive, true)] {
        rig.health(2, verdict);
        let outcome = rig.reconciler.step(&rig.desired(), &rig.clock);
        assert_eq!(outcome.again_at.is_some(), waits);
    }
    rig.clock.advance(Duration::from_millis(20));
    assert_eq!(rig.step().again_at, None);
}

#[test]
fn prefixes_are_found_by_the_id_of_their_row() {
    let text = https(1).replace("address = \"203.0.113.1\"", "prefix = \"203.0.113.0/24\"");
    let mut rig = settled(&text);
    let (prefix, id) = rig.tables.fake().image.prefixes.first_key_value().map(|(p, id)| (*p, *id)).unwrap();
    let own = ServiceKey { destination: Destination::Prefix(prefix), port: 0, protocol: 0 };
    assert_eq!(u32::from(rig.observed().services[&own].id), id);
    assert_eq!(rig.tables.fake().image.features, features::PREFIXES);
    rig.hear(Event::Configured(config("")));
    rig.step();
    let image = rig.tables.fake().image.clone();
    assert_eq!((image.prefixes.len(), image.features), (0, 0));
}

#[test]
fn denied_prefixes_come_and_go() {
    let denied = "[deny]\nprefixes = [\"198.18.0.0/15\"]\n";
    let mut rig = settled("");
    rig.hear(Event::Configured(config(denied)));
    rig.step();
    let image = rig.tables.fake().image.clone();
    assert_eq!((image.deny.len(), image.features), (1, features::DENY));
    rig.hear(Event::Configured(config("")));
    rig.step();
    let image = rig.tables.fake().image.clone();
    assert_eq!((image.deny.len(), image.features), (0, 0));
}

#[test]
fn server_ids_are_found_and_follow_their_backend() {
    let text = pool(2) + &service("h3", "udp", "forward = \"ipip\"\nquic = true");
    let mut rig = settled(&text);
    let led = |rig: &Rig| {
        let observed = rig.observed();
        let hash = observed.hashes.of_server_id(&rig.row(1).1);
        observed.index.put(hash, rig.row(1).0) == Ok(None)
    };
    assert!(led(&rig));
    rig.hear(Event::Configured(config(
        &text.replace("server_id = \"00000001\"", "server_id = \"000000f1\""),
    )));
    rig.step();
    assert_eq!(rig.row(1).1.server_id, 0xf1);
    assert!(led(&rig));
    assert_eq!(names(&planned(&rig)), [""; 0]);
}

#[test]
fn region_words_survive_the_round_trip() {
    let region = Region { base: 70_000, len: 65_537 };
    assert_eq!(Region::from_word(region.word()), region);
}
