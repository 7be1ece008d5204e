//! Nothing that comes by the wire makes the packet path panic: not noise, not damaged packets, not any order of them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use statex_common::Reason;
use statex_tests::harness::{DataPlane as _, Host, Side, traffic};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_of_any_length(frames in vec(vec(any::<u8>(), 0..300), 1..20)) {
        feed(&frames);
    }

    #[test]
    fn noise_behind_an_ip_ethertype(frames in vec((any::<bool>(), vec(any::<u8>(), 0..300)), 1..20)) {
        let framed = |(v6, noise): &(bool, Vec<u8>)| {
            let ethertype: [u8; 2] = if *v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
            [&[2; 12][..], &ethertype, noise].concat()
        };
        feed(&frames.iter().map(framed).collect::<Vec<_>>());
    }

    #[test]
    fn damaged_packets_for_every_mode(frames in vec(traffic::frame(), 1..50)) {
        feed(&frames);
    }
}

fn feed(frames: &[Vec<u8>]) {
    let mut host = Host::new(traffic::world().tables());
    for frame in frames {
        host.send(Side::Node, frame);
        host.send(Side::Backend, frame);
    }
}

/// What random traffic shows is worth as much as the ways that it takes.
#[test]
fn random_traffic_takes_nearly_every_way() {
    let mut runner = TestRunner::deterministic();
    let mut host = Host::new(traffic::world().tables());
    for _ in 0..20_000 {
        let frame = traffic::frame().new_tree(&mut runner).expect("nothing is filtered").current();
        host.send(Side::Node, &frame);
        host.send(Side::Backend, &frame);
    }
    let counts = host.counts();
    let missing = Reason::ALL.iter().filter(|reason| counts.get(reason.label()) == 0);
    // These need a world with something missing.
    let absent = [Reason::NoBackend, Reason::NoNextHop, Reason::NoHeadroom, Reason::TableMissing];
    let missing: Vec<&Reason> = missing.filter(|reason| !absent.contains(reason)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
