//! From a configuration to packets: the rows that the agent writes, read by the packet path itself.

#![allow(clippy::unwrap_used)] // a test panics rather than returning an error

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use statex_agent::clock::Clock;
use statex_agent::config::{Config, parse};
use statex_agent::health::{Report, Verdict as Health};
use statex_agent::kernel::fake::Fake;
use statex_agent::kernel::image::{Image, Kernel, Region, Sizes, TableError, Write};
use statex_agent::kernel::neighbours::Fact;
use statex_agent::kernel::next_hop::NextHop;
use statex_agent::kernel::shape::Shape;
use statex_agent::state::desired::desired;
use statex_agent::state::event::Event;
use statex_agent::state::model::State;
use statex_agent::state::reconcile::Reconciler;
use statex_agent::state::targets::targets;
use statex_common::Verdict;
use statex_common::abi::{Addr, Control, HASH_WORDS, Node, Prefix, QuicId, RingWord, Slot};
use statex_common::shared::Shared;
use statex_tests::doubles::{Bytes, Memory, World};
use statex_tests::harness::{DataPlane, Host, Side};
use statex_tests::packet::{Frame, Mac, ip, tcp, udp};

const SIZES: Sizes = Sizes { services: 64, backends: 64, ring_slots: 8192 };

/// Two backends of each family, one service of each kind.
const CONFIG: &str = r#"
[node]
interfaces = ["eth0"]
ipv4 = "10.0.0.1"
ipv6 = "2001:db8:a::1"
[limits]
flows = 1280
[nat]
addresses = ["10.0.0.7"]
ports = "20000-20099"
[deny]
prefixes = ["198.18.0.0/15"]
[[quic.id]]
rotation = 0
server_id_bytes = 2
nonce_bytes = 8

[[pool]]
name = "v4"
[[pool.backend]]
name = "a"
address = "10.1.0.1"
server_id = "0a01"
[[pool.backend]]
name = "b"
address = "10.1.0.2"
server_id = "0a02"
[pool.health]
interval = "2s"
port = 80

[[pool]]
name = "v6"
[[pool.backend]]
address = "2001:db8:b::1"
"#;

fn service(name: &str, at: &str, rest: &str) -> String {
    format!("[[service]]\nname = \"{name}\"\n{at}\nring_slots = 251\n{rest}\n")
}

/// A service at 10.200.0.1:80 with pool `v4`.
fn web(forward: &str) -> String {
    let at = "address = \"10.200.0.1\"\nport = 80\nprotocol = \"tcp\"";
    service("web", at, &format!("forward = \"{forward}\"\npool = \"v4\""))
}

/// An agent without a kernel.
struct Agent {
    state: State,
    reconciler: Reconciler,
    tables: Tables,
    clock: Clock,
}

impl Agent {
    fn new(services: &str) -> Self {
        let config = config(services);
        let key =
            std::array::from_fn::<u64, HASH_WORDS, _>(|n| (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let node = Shape::of(&config, &key).node;
        let tables = Tables { fake: Arc::new(Mutex::new(Fake::new(node, SIZES))), node };
        let clock = Clock::by_hand();
        let reconciler = Reconciler::open(Box::new(tables.clone()), clock.now()).unwrap();
        let mut agent = Self { state: State::new(config, 1), reconciler, tables, clock };
        agent.learn_ways();
        agent
    }

    /// What the kernel would tell of routes and neighbours.
    fn learn_ways(&mut self) {
        for address in self.state.wanted_hops().into_keys() {
            let next_hop = Ok(NextHop {
                interface: Bytes::INTERFACE,
                vlan: None,
                mac: mac(address).0,
                source_mac: Mac::NODE.0,
                source: None,
                mtu: 1500,
            });
            self.state.apply(Event::Kernel(Fact::NextHop { address, next_hop }));
        }
    }

    fn reload(&mut self, services: &str) {
        self.state.apply(Event::Configured(config(services)));
        self.learn_ways();
    }

    fn health(&mut self, backend: &str, verdict: Health) {
        for target in targets(&self.state, |_| Some(1)) {
            if *target.key.backend == *backend {
                self.state.apply(Event::Health(Report { key: target.key, verdict }));
            }
        }
    }

    fn drain(&mut self, backend: &str) {
        self.state.apply(Event::Drain(self.state.named(backend)));
    }

    /// The tables after all is done.
    fn tables(&mut self) -> Memory {
        let outcome = self.reconciler.step(&desired(&self.state), &self.clock);
        assert_eq!(outcome.problems, [""; 0]);
        self.clock.advance(Duration::from_secs(1));
        self.tables.memory()
    }

    /// A data plane that works by the tables.
    fn host(&mut self) -> Host {
        Host::new(self.tables())
    }
}

fn config(services: &str) -> Arc<Config> {
    let text = format!("{CONFIG}{services}");
    Arc::new(parse(&text, Path::new("test.toml"), &|_| None).unwrap_or_else(|errors| panic!("{errors}")))
}

/// The MAC of a backend: its address's last byte.
fn mac(address: IpAddr) -> Mac {
    let last = match address {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(v6) => v6.octets()[15],
    };
    Mac([2, 0, 0, 0, 9, last])
}

/// Tables that a reconciler writes and a test reads.
#[derive(Clone)]
struct Tables {
    fake: Arc<Mutex<Fake>>,
    node: Node,
}

impl Tables {
    fn memory(&self) -> Memory {
        let fake = self.fake.lock().unwrap();
        let image = &fake.image;
        let lines = self.node.flow_mask.get() as usize + 1;
        let mut world = World { nat_addresses: vec!["10.0.0.7".parse().unwrap()], ..World::new() };
        world.settings.nat_ports = 100;
        let mut memory = world.tables();
        memory.node = self.node;
        memory.control = Control { features: Shared::new(image.features), ..Control::default() };
        memory.index = image.index.clone();
        memory.services = (0..64).map(|id| image.services.get(&id).cloned().unwrap_or_default()).collect();
        memory.backends = (0..64).map(|id| image.backends.get(&id).cloned().unwrap_or_default()).collect();
        let slot = |id: u16| Slot { primary: id, secondary: 0 };
        let words = fake.rings.chunks(2).map(|pair| RingWord::pack(slot(pair[0]), slot(pair[1])));
        memory.rings = words.map(|word| RingWord(Shared::new(word))).collect();
        memory.quic = image.quic.iter().map(|word| QuicId(Shared::new(*word))).collect();
        memory.prefixes = image.prefixes.iter().map(|(net, id)| (prefix(*net), *id)).collect();
        memory.deny = image.deny.iter().map(|net| prefix(*net)).collect::<HashSet<_>>();
        memory.links = HashMap::new();
        memory.flows = vec![Default::default(); lines];
        memory.decap = HashSet::from([
            prefix("10.200.0.0/16".parse().unwrap()),
            prefix("2001:db8:f::/64".parse().unwrap()),
        ]);
        memory.events = RefCell::default();
        memory
    }
}

fn prefix(net: ipnet::IpNet) -> Prefix {
    let family = if net.addr().is_ipv4() { 96 } else { 0 };
    Prefix { bits: family + u32::from(net.prefix_len()), addr: Addr::from(net.addr()) }
}

impl Kernel for Tables {
    fn sizes(&self) -> Sizes {
        SIZES
    }
    fn node(&self) -> &Node {
        &self.node
    }
    fn read(&mut self) -> Result<Image, TableError> {
        self.fake.lock().unwrap().read()
    }
    fn slots(&mut self, region: Region) -> Result<Vec<u16>, TableError> {
        self.fake.lock().unwrap().slots(region)
    }
    fn write(&mut self, write: &Write) -> Result<(), TableError> {
        self.fake.lock().unwrap().write(write)
    }
}

fn syn(port: u16) -> Frame {
    tcp(&format!("192.0.2.1:{port}"), "10.200.0.1:80").syn()
}

/// Which backend of pool `v4` a packet goes to, by its MAC; `None` if it is not sent.
fn backend(host: &mut Host, frame: &Frame) -> Option<u8> {
    let outcome = host.send(Side::Node, &frame.bytes());
    let sent = outcome.verdict == Verdict::Transmit && outcome.frame[..5] == [2, 0, 0, 0, 9];
    sent.then(|| outcome.frame[5])
}

/// How many of 1,000 new flows each backend gets.
fn spread(host: &mut Host) -> HashMap<Option<u8>, usize> {
    let mut spread = HashMap::new();
    for port in 1000..2000 {
        *spread.entry(backend(host, &syn(port))).or_default() += 1;
    }
    spread
}

#[test]
fn ipip_carries_the_packet_to_the_backend() {
    let mut host = Agent::new(&web("ipip")).host();
    let chosen = backend(&mut host, &syn(1)).unwrap();
    let outer = ip("10.0.0.1", &format!("10.1.0.{chosen}")).dont_fragment().carry(&syn(1));
    let expected = outer.sent(Mac::NODE, Mac([2, 0, 0, 0, 9, chosen]));
    let got = host.send(Side::Node, &syn(1).bytes()).frame;
    assert_eq!(statex_tests::packet::diff(&expected.bytes(), &got), None);
}

#[test]
fn backends_get_back_what_the_client_sent_by_either_tunnel() {
    let v6 = |forward: &str| {
        let at = "address = \"2001:db8:f::1\"\nport = 80\nprotocol = \"udp\"";
        service("v6", at, &format!("forward = \"{forward}\"\npool = \"v6\""))
    };
    let query = udp("[2001:db8:c::1]:4000", "[2001:db8:f::1]:80").payload("query");
    for forward in ["ipip", "gue"] {
        let mut host = Agent::new(&(web(forward) + &v6(forward))).host();
        for frame in [syn(1), query.clone()] {
            let outside = host.send(Side::Node, &frame.bytes());
            assert_eq!(outside.verdict, Verdict::Transmit, "{forward}");
            let inside = host.send(Side::Backend, &outside.frame);
            assert_eq!(
                (inside.verdict, &inside.frame[14..]),
                (Verdict::Pass, &frame.ip_bytes()[..]),
                "{forward}"
            );
        }
    }
}

#[test]
fn l2_changes_the_mac_only() {
    let mut host = Agent::new(&web("l2")).host();
    let outcome = host.send(Side::Node, &syn(1).bytes());
    assert_eq!((outcome.verdict, &outcome.frame[14..]), (Verdict::Transmit, &syn(1).ip_bytes()[..]));
    assert_eq!(outcome.frame[6..12], Mac::NODE.0);
}

#[test]
fn nat_goes_there_and_back() {
    let mut host = Agent::new(&web("nat")).host();
    let there = host.send(Side::Node, &syn(1).bytes());
    assert_eq!((there.verdict, &there.frame[26..30]), (Verdict::Transmit, &[10, 0, 0, 7][..]));
    let (backend, port) = (there.frame[33], u16::from_be_bytes([there.frame[34], there.frame[35]]));
    let answer = tcp(&format!("10.1.0.{backend}:80"), &format!("10.0.0.7:{port}"));
    let back = host.send(Side::Node, &answer.bytes());
    let expected = tcp("10.200.0.1:80", "192.0.2.1:1");
    assert_eq!((back.verdict, &back.frame[26..38]), (Verdict::Transmit, &expected.bytes()[26..38]));
}

#[test]
fn any_port_of_any_address_of_a_prefix_is_served() {
    let at = "prefix = \"10.200.0.0/24\"\nport = \"any\"\nprotocol = \"tcp\"";
    let mut host = Agent::new(&service("net", at, "forward = \"ipip\"\npool = \"v4\"")).host();
    for to in ["10.200.0.1:80", "10.200.0.77:65535"] {
        assert!(backend(&mut host, &tcp("192.0.2.1:1", to).syn()).is_some(), "{to}");
    }
    assert_eq!(backend(&mut host, &tcp("192.0.2.1:1", "10.200.1.1:80").syn()), None);
}

#[test]
fn quic_connection_ids_name_their_backend() {
    let at = "address = \"10.200.0.1\"\nport = 443\nprotocol = \"udp\"";
    let mut host = Agent::new(&service("h3", at, "forward = \"ipip\"\nquic = true\npool = \"v4\"")).host();
    for server in [1, 2] {
        let id = [&[0x0a, 0x0a, server][..], &[0x5e; 8]].concat();
        let frame = udp("192.0.2.1:4000", "10.200.0.1:443").quic_short(&id);
        assert_eq!(backend(&mut host, &frame), Some(server));
    }
}

#[test]
fn denied_sources_and_packets_for_nobody_are_told_apart() {
    let mut host = Agent::new(&web("ipip")).host();
    let denied = tcp("198.18.0.9:1", "10.200.0.1:80").syn();
    assert_eq!(host.send(Side::Node, &denied.bytes()).verdict, Verdict::Drop);
    let foreign = tcp("192.0.2.1:1", "192.0.2.77:80").syn();
    assert_eq!(host.send(Side::Node, &foreign.bytes()).verdict, Verdict::Pass);
}

#[test]
fn flows_are_spread_evenly() {
    let spread = spread(&mut Agent::new(&web("ipip")).host());
    assert!(spread[&Some(1)] > 400 && spread[&Some(2)] > 400 && spread.len() == 2, "{spread:?}");
}

#[test]
fn a_drain_keeps_running_flows_and_takes_no_new_ones() {
    let mut agent = Agent::new(&web("ipip"));
    let mut host = agent.host();
    let port = (1..).find(|port| backend(&mut host, &syn(*port)) == Some(1)).unwrap();
    agent.drain("a");
    host.adopt(&agent.tables());
    assert_eq!(backend(&mut host, &tcp(&format!("192.0.2.1:{port}"), "10.200.0.1:80")), Some(1));
    assert_eq!(spread(&mut host), HashMap::from([(Some(2), 1000)]));
}

#[test]
fn flows_of_the_dead_move_and_others_stay() {
    let mut agent = Agent::new(&web("ipip"));
    let mut host = agent.host();
    let before: Vec<_> = (1..200).map(|port| backend(&mut host, &syn(port))).collect();
    agent.health("a", Health::Dead);
    host.adopt(&agent.tables());
    let ack = |port: u16| tcp(&format!("192.0.2.1:{port}"), "10.200.0.1:80");
    assert!((1..200).all(|port| backend(&mut host, &ack(port)) == Some(2)));
    agent.health("a", Health::Alive);
    host.reset(&agent.tables());
    assert_eq!((1..200).map(|port| backend(&mut host, &syn(port))).collect::<Vec<_>>(), before);
}

#[test]
fn nobody_gets_flows_that_were_with_the_last_owner_of_an_id() {
    let mut agent = Agent::new(&web("ipip"));
    let mut host = agent.host();
    assert!(backend(&mut host, &syn(1)).is_some());
    agent.reload("");
    host.adopt(&agent.tables());
    assert_eq!(host.send(Side::Node, &syn(1).bytes()).verdict, Verdict::Pass);
    let other = web("ipip").replace("10.200.0.1", "10.200.0.2");
    agent.reload(&other);
    host.adopt(&agent.tables());
    assert_eq!(backend(&mut host, &syn(1)), None);
    assert!(backend(&mut host, &tcp("192.0.2.1:1", "10.200.0.2:80").syn()).is_some());
}
