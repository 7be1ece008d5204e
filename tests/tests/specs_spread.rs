//! Flows are spread over backends, paths and receive queues, each flow by itself staying where it is.

use std::collections::{BTreeMap, BTreeSet};

use statex_common::shared::Fixed;
use statex_tests::doubles::{Memory, ServicePlan, World};
use statex_tests::harness::{DataPlane as _, Host, Side};
use statex_tests::packet::{Frame, tcp};

const FLOWS: u16 = 1_000;

fn syn(flow: u16) -> Frame {
    tcp(&format!("192.0.2.1:{}", 10_000 + flow), "10.200.0.1:80").syn()
}

fn ack(flow: u16) -> Frame {
    syn(flow).flags(0x10)
}

fn web() -> ServicePlan {
    (1..=4).fold(ServicePlan::tcp("10.200.0.1:80"), |plan, host| plan.ipip(&format!("10.1.0.{host}")))
}

fn two_bytes(frame: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([frame[at], frame[at + 1]])
}

/// The outer destination of each flow's packets.
fn backends(tables: Memory) -> Vec<[u8; 4]> {
    let mut host = Host::new(tables);
    let backend = |flow| {
        let frame = host.send(Side::Node, &syn(flow).bytes()).frame;
        [frame[30], frame[31], frame[32], frame[33]]
    };
    (0..FLOWS).map(backend).collect()
}

#[test]
fn every_backend_gets_its_share() {
    let mut shares = BTreeMap::new();
    for backend in backends(World::new().with(web()).tables()) {
        *shares.entry(backend).or_insert(0) += 1;
    }
    assert_eq!(shares.len(), 4);
    assert!(shares.values().all(|flows| (200..300).contains(flows)), "{shares:?}");
}

#[test]
fn another_secret_spreads_flows_in_another_way() {
    let tables = World::new().with(web()).tables();
    let mut other = World::new().with(web()).tables();
    // The words of the ring's hash; those of `INDEX` must stay as the rows were placed.
    for word in &mut other.node.hash_key[11..16] {
        *word = Fixed::new(word.get().rotate_left(17) ^ 0x55);
    }
    let (ours, theirs) = (backends(tables), backends(other));
    let moved = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs).count();
    assert!((650..850).contains(&moved), "{moved} of {FLOWS} flows moved; 3 in 4 should");
}

#[test]
fn nodes_with_one_secret_agree_whatever_ids_they_gave_out() {
    let other_first = ServicePlan::tcp("10.200.0.9:80").ipip("10.1.0.99");
    let here = World::new().with(web()).tables();
    let there = World::new().with(other_first).with(web()).tables();
    assert_eq!(backends(here), backends(there));
}

#[test]
fn gue_source_ports_vary_with_the_flow_only() {
    let mut host = Host::new(World::new().with(ServicePlan::tcp("10.200.0.1:80").gue("10.1.0.1")).tables());
    let mut ports = BTreeSet::new();
    for flow in 0..FLOWS {
        let first = host.send(Side::Node, &syn(flow).bytes()).frame;
        let second = host.send(Side::Node, &ack(flow).bytes()).frame;
        assert_eq!(two_bytes(&first, 34), two_bytes(&second, 34));
        ports.insert(two_bytes(&first, 34));
    }
    // Dynamic ports (RFC 6335 §6); a few of a thousand meet by chance.
    assert!(ports.first().is_some_and(|port| *port >= 49_152), "{:?}", ports.first());
    assert!(ports.len() > 900, "{} ports", ports.len());
}

#[test]
fn outer_sources_vary_with_the_flow_only() {
    let world = World::new().with(ServicePlan::tcp("10.200.0.1:80").ipip("10.1.0.1"));
    let mut host = Host::new(world.settings(|s| s.outer_v4_vary = [0, 0, 0xff, 0xff]).tables());
    let mut sources = BTreeSet::new();
    for flow in 0..FLOWS {
        let first = host.send(Side::Node, &syn(flow).bytes()).frame;
        let second = host.send(Side::Node, &ack(flow).bytes()).frame;
        assert_eq!(first[26..30], second[26..30]);
        assert_eq!(first[26..28], [10, 0]);
        sources.insert(two_bytes(&first, 28));
    }
    assert!(sources.len() > 900, "{} sources", sources.len());
}
