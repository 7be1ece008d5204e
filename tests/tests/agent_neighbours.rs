//! Next hops by netlink, in network namespaces. Needs root.

use std::net::IpAddr;
use std::time::Duration;

use statex_agent::kernel::links::Mac;
use statex_agent::kernel::neighbours::{Fact, Wanted, watch};
use statex_agent::kernel::next_hop::{Fixed, NextHop, Unreachable};
use statex_tests::lab::{Namespace, ip};
use tokio::sync::{mpsc, watch as latest};
use tokio::time::timeout;

const NODE_MAC: &str = "02:00:00:00:00:01";
const PEER: Mac = [2, 0, 0, 0, 0, 2];
/// Longer than the kernel's three probes take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node and its neighbour, joined by veth: 10.1.0.1 and 10.1.0.2, fd01::1 and fd01::2.
struct Pair {
    node: Namespace,
    peer: Namespace,
}

impl Pair {
    fn new() -> Self {
        let node = Namespace::new().expect("this test makes network namespaces and needs root");
        let peer = Namespace::new().unwrap();
        let place = peer.place();
        let there = place.net().display();
        let make = format!(
            "link add eth0 address {NODE_MAC} type veth peer name eth0 address 02:00:00:00:00:02 netns {there}"
        );
        ip(&node, &make).unwrap();
        ip(&node, "link set eth0 up\naddr add 10.1.0.1/24 dev eth0\naddr add fd01::1/64 dev eth0 nodad")
            .unwrap();
        ip(&peer, "link set eth0 up\naddr add 10.1.0.2/24 dev eth0\naddr add fd01::2/64 dev eth0 nodad")
            .unwrap();
        Self { node, peer }
    }

    /// Runs the loop on the node, for these addresses; `script` sees what it tells.
    fn watch(&self, wanted: &[(&str, Option<Fixed>)], script: impl AsyncFnOnce(&Self, &mut Facts) + Send) {
        let wanted: Wanted = wanted.iter().map(|(text, fixed)| (address(text), fixed.clone())).collect();
        self.node.run(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (sender, facts) = mpsc::channel(64);
                let (want, wanted) = latest::channel(wanted);
                let work = watch(wanted, sender, Duration::from_millis(500));
                let mut facts = Facts { facts, want };
                tokio::select! {
                    ended = work => panic!("the loop ended: {ended:?}"),
                    () = script(self, &mut facts) => {}
                }
            });
        });
    }
}

struct Facts {
    facts: mpsc::Receiver<Fact>,
    want: latest::Sender<Wanted>,
}

impl Facts {
    /// The next thing that is told of an address.
    async fn of(&mut self, text: &str) -> Result<NextHop, Unreachable> {
        let told = async {
            loop {
                match self.facts.recv().await.unwrap() {
                    Fact::NextHop { address: told, next_hop } if told == address(text) => return next_hop,
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("nothing was told of {text}"))
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn neighbours_are_asked_for_and_found() {
    Pair::new().watch(&[("10.1.0.2", None), ("fd01::2", None)], async |_, facts| {
        let hop = facts.of("10.1.0.2").await.unwrap();
        assert_eq!((hop.mac, hop.source_mac), (PEER, [2, 0, 0, 0, 0, 1]));
        assert_eq!((hop.source, hop.mtu, hop.vlan), (Some(address("10.1.0.1")), 1500, None));
        assert_eq!(facts.of("fd01::2").await.unwrap().mac, PEER);
    });
}

#[test]
fn gateway_stands_for_what_is_behind_it_and_route_changes_are_followed() {
    let pair = Pair::new();
    ip(&pair.peer, "addr add 10.1.0.3/24 dev eth0").unwrap();
    ip(&pair.node, "route add 10.7.0.0/16 via 10.1.0.2 mtu 1400").unwrap();
    pair.watch(&[("10.7.0.9", None)], async |pair, facts| {
        assert_eq!(facts.of("10.7.0.9").await.map(|hop| (hop.mac, hop.mtu)), Ok((PEER, 1400)));
        ip(&pair.node, "route change 10.7.0.0/16 via 10.1.0.3").unwrap();
        assert_eq!(facts.of("10.7.0.9").await.map(|hop| (hop.mac, hop.mtu)), Ok((PEER, 1500)));
        ip(&pair.node, "route del 10.7.0.0/16").unwrap();
        assert_eq!(facts.of("10.7.0.9").await, Err(Unreachable::NoRoute(address("10.7.0.9"))));
    });
}

#[test]
fn neighbour_that_changes_its_mac_in_silence_is_found() {
    Pair::new().watch(&[("10.1.0.2", None)], async |pair, facts| {
        assert_eq!(facts.of("10.1.0.2").await.unwrap().mac, PEER);
        pair.peer.set_sysctls(&[("net/ipv4/conf/eth0/arp_notify", "0")]).unwrap();
        ip(&pair.peer, "link set eth0 address 02:00:00:00:00:77").unwrap();
        assert_eq!(facts.of("10.1.0.2").await.unwrap().mac, [2, 0, 0, 0, 0, 0x77]);
    });
}

#[test]
fn silent_neighbour_is_unresolved_only_after_it_had_time() {
    Pair::new().watch(&[("10.1.0.9", None)], async |pair, facts| {
        let silent = Unreachable::Unresolved { neighbour: address("10.1.0.9"), interface: "eth0".into() };
        assert_eq!(facts.of("10.1.0.9").await, Err(silent));
        ip(&pair.peer, "addr add 10.1.0.9/24 dev eth0").unwrap();
        assert_eq!(facts.of("10.1.0.9").await.unwrap().mac, PEER);
    });
}

#[test]
fn link_down_and_up_again() {
    let pair = Pair::new();
    ip(&pair.node, "route add 10.7.0.0/16 via 10.1.0.2").unwrap();
    pair.watch(&[("10.7.0.9", None)], async |pair, facts| {
        assert_eq!(facts.of("10.7.0.9").await.unwrap().mac, PEER);
        ip(&pair.peer, "link set eth0 down").unwrap();
        facts.of("10.7.0.9").await.unwrap_err();
        ip(&pair.peer, "link set eth0 up").unwrap();
        assert_eq!(facts.of("10.7.0.9").await.unwrap().mac, PEER);
    });
}

#[test]
fn own_and_forbidden_addresses_are_said_to_be_so() {
    let pair = Pair::new();
    ip(&pair.node, "route add blackhole 10.8.0.0/16").unwrap();
    pair.watch(&[("10.1.0.1", None), ("10.8.0.1", None)], async |_, facts| {
        assert_eq!(facts.of("10.1.0.1").await, Err(Unreachable::Local(address("10.1.0.1"))));
        assert_eq!(facts.of("10.8.0.1").await, Err(Unreachable::Forbidden(address("10.8.0.1"))));
    });
}

#[test]
fn fixed_next_hop_wins_and_new_wishes_are_heard() {
    let fixed = Fixed { mac: [2, 5, 5, 5, 5, 5], interface: Some("eth0".into()) };
    Pair::new().watch(&[("203.0.113.9", Some(fixed))], async |_, facts| {
        assert_eq!(facts.of("203.0.113.9").await.unwrap().mac, [2, 5, 5, 5, 5, 5]);
        facts.want.send_replace(Wanted::from([(address("10.1.0.2"), None)]));
        assert_eq!(facts.of("10.1.0.2").await.unwrap().mac, PEER);
    });
}
