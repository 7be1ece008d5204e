//! What is read back of tables that another agent has left.

use crate::health::Verdict;
use crate::kernel::neighbours::Fact;
use crate::kernel::next_hop::NextHop;
use crate::state::event::Event;
use crate::state::fixture::{Rig, address, config, hop, https, pool, service};
use crate::state::reconcile::Extent;
use statex_common::abi::Row;

/// Services of every kind.
fn many() -> String {
    let services = [
        service("https", "tcp", "forward = \"ipip\""),
        service("h3", "udp", "forward = \"gue\"\nquic = true"),
        service("nat", "tcp", "forward = \"nat\"").replace("443", "8443"),
        service("net", "tcp", "forward = \"l2\"")
            .replace("address = \"203.0.113.1\"", "prefix = \"203.0.112.0/24\""),
    ];
    pool(5)
        + &services.concat()
        + "[[service]]\nname = \"own\"\naddress = \"203.0.113.9\"\nport = 80\nprotocol = \"tcp\"\nforward = \"local\"\n"
}

/// The next agent on the same tables.
fn restarted(rig: &Rig, text: &str) -> Rig {
    Rig::on(rig.tables.clone(), text)
}

#[test]
fn a_restart_changes_nothing() {
    let mut rig = Rig::new(&many());
    assert_eq!(rig.step().problems, [""; 0]);
    let mut next = restarted(&rig, &many());
    let writes = rig.tables.fake().writes;
    assert_eq!(next.step(), crate::state::reconcile::Outcome::default());
    assert_eq!(rig.tables.fake().writes, writes);
}

#[test]
fn the_dead_and_the_drained_are_remembered() {
    let mut rig = Rig::new(&many());
    rig.health(2, Verdict::Dead);
    rig.drain(4, true);
    rig.step();
    let mut next = restarted(&rig, &many());
    assert_eq!(next.step().changes, 0);
    assert_eq!(next.state.drained.len(), 1);
    assert!(!next.ring().contains(&2) && !next.ring().contains(&4));
}

#[test]
fn facts_that_come_again_change_nothing() {
    let mut rig = Rig::new(&many());
    rig.step();
    let mut next = restarted(&rig, &many());
    for n in 1..=5 {
        next.hear(Event::Kernel(Fact::NextHop { address: address(n), next_hop: Ok(hop(n)) }));
    }
    assert_eq!(next.step().changes, 0);
}

#[test]
fn generations_go_on_after_a_restart() {
    let mut rig = Rig::new(&https(2));
    rig.step();
    rig.hear(Event::Configured(config(&https(1))));
    rig.step();
    let mut next = restarted(&rig, &https(2));
    next.hear(Event::Kernel(Fact::NextHop { address: address(2), next_hop: Ok(hop(2)) }));
    next.step();
    // The tables themselves check that no generation is used twice.
    assert_eq!(next.row(2).0, 3, "ids that were never used come first");
}

#[test]
fn an_agent_that_died_half_way_is_succeeded() {
    let whole = {
        let mut rig = Rig::new(&many());
        rig.step();
        rig.tables.fake().writes
    };
    for written in 0..whole {
        let mut rig = Rig::new(&many());
        rig.tables.fake().failures = (0..written).map(|_| false).chain([true]).collect();
        rig.reconciler.step(&rig.desired(), &rig.clock);
        let mut next = restarted(&rig, &many());
        for n in 1..=5 {
            next.hear(Event::Kernel(Fact::NextHop { address: address(n), next_hop: Ok(hop(n)) }));
        }
        next.step();
        assert_eq!(next.step(), crate::state::reconcile::Outcome::default(), "after {written} writes");
        assert_eq!(next.observed().backends.len(), 20);
    }
}

#[test]
fn an_agent_that_died_while_removing_is_succeeded() {
    let last = |rig: &mut Rig| {
        rig.hear(Event::Configured(config(&https(1))));
        rig.reconciler.step(&rig.desired(), &rig.clock);
    };
    for written in 0.. {
        let mut rig = Rig::new(&many());
        rig.step();
        rig.tables.fake().failures = (0..written).map(|_| false).chain([true]).collect();
        last(&mut rig);
        let through = !rig.tables.fake().failures.is_empty();
        let mut next = restarted(&rig, &https(1));
        next.step();
        assert_eq!(next.step().changes, 0);
        assert_eq!((next.observed().backends.len(), next.observed().retired.len()), (1, 0));
        if through {
            break;
        }
    }
}

#[test]
fn ways_are_read_back_from_rows() {
    let mut rig = Rig::new(&many());
    let tagged = NextHop { vlan: Some(7), interface: 5, mtu: 1400, ..hop(3) };
    rig.hear(Event::Kernel(Fact::NextHop { address: address(3), next_hop: Ok(tagged) }));
    rig.step();
    let found = rig.observed().found();
    assert_eq!(found.hops[&address(3)], tagged);
    assert_eq!(found.hops[&address(1)], hop(1));
}

#[test]
fn rows_written_by_others_are_seen_and_repaired() {
    let mut rig = Rig::new(&https(3));
    rig.step();
    let (id, before) = rig.row(2);
    rig.tables.fake().image.backends[&id].mtu.set(9);
    let outcome = rig.reconciler.verify(Extent::Rows, &rig.clock);
    assert_eq!(outcome.problems, ["someone else has written to BACKENDS; repairing"]);
    rig.step();
    assert_eq!(rig.row(2).1.to_bytes(), before.to_bytes());
}

#[test]
fn slots_written_by_others_are_seen_and_repaired() {
    let mut rig = Rig::new(&https(3));
    rig.step();
    let before = rig.ring();
    let id = rig.row(1).0;
    rig.tables.fake().rings[..100].fill(id);
    assert!(rig.reconciler.verify(Extent::Everything, &rig.clock).failed);
    rig.step();
    assert_eq!(rig.ring(), before);
}
