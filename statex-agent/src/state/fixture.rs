//! A node for tests: a configuration, its world, and tables in memory that are checked after every write.

use super::desired::{Desired, desired};
use super::event::Event;
use super::key::{BackendName, ServiceKey};
use super::model::State;
use super::observed::Observed;
use super::reconcile::{Outcome, Reconciler};
use crate::clock::Clock;
use crate::config::{Config, parse};
use crate::health::{Report, Verdict};
use crate::kernel::fake::Fake;
use crate::kernel::image::{Image, Kernel, Region, Sizes, TableError, Write};
use crate::kernel::neighbours::Fact;
use crate::kernel::next_hop::{NextHop, Unreachable};
use statex_common::abi::{Backend, BackendState, Egress, HASH_WORDS, Node, notes, service_flags};
use statex_common::shared::Fixed;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub(super) const SIZES: Sizes = Sizes { services: 64, backends: 256, ring_slots: 4096 };

/// What a test adds services and pools to.
const HEAD: &str = r#"
    [node]
    interfaces = ["eth0"]
    ipv4 = "192.0.2.10"
    ipv6 = "2001:db8::10"
    [nat]
    addresses = ["192.0.2.11"]
    [[quic.id]]
    rotation = 0
    server_id_bytes = 4
    nonce_bytes = 6
"#;

/// A pool of backends 198.51.100.1 and so on, probed through the tunnel.
pub(super) fn pool(backends: u8) -> String {
    let backend = |n| {
        format!(
            "[[pool.backend]]\nname = \"web-{n}\"\naddress = \"198.51.100.{n}\"\nserver_id = \"000000{n:02x}\"\n"
        )
    };
    let backends: String = (1..=backends).map(backend).collect();
    format!("[[pool]]\nname = \"web\"\n{backends}[pool.health]\ninterval = \"2s\"\n")
}

/// One service of that pool.
pub(super) fn service(name: &str, protocol: &str, rest: &str) -> String {
    format!(
        "[[service]]\nname = \"{name}\"\naddress = \"203.0.113.1\"\nport = 443\nprotocol = \"{protocol}\"\n\
         pool = \"web\"\nring_slots = 251\n{rest}\n"
    )
}

/// The service `https` with so many backends.
pub(super) fn https(backends: u8) -> String {
    format!("{}{}", pool(backends), service("https", "tcp", "forward = \"ipip\""))
}

pub(super) fn config(text: &str) -> Arc<Config> {
    let parsed = parse(&format!("{HEAD}{text}"), Path::new("test.toml"), &|_| None);
    Arc::new(parsed.unwrap_or_else(|errors| panic!("{errors}")))
}

pub(super) fn address(n: u8) -> IpAddr {
    [198, 51, 100, n].into()
}

pub(super) fn hop(n: u8) -> NextHop {
    NextHop {
        interface: 2,
        vlan: None,
        mac: [2, 0, 0, 0, 1, n],
        source_mac: [2, 0, 0, 0, 0, 2],
        source: Some([192, 0, 2, 10].into()),
        mtu: 1500,
    }
}

/// A node with its tables.
pub(super) struct Rig {
    pub(super) state: State,
    pub(super) reconciler: Reconciler,
    pub(super) clock: Clock,
    pub(super) tables: Tables,
}

impl Rig {
    /// Empty tables, and next hops for backends 1 to 50 that need one.
    pub(super) fn new(text: &str) -> Self {
        let mut rig = Self::on(Tables::new(SIZES), text);
        for n in 1..=50 {
            if rig.state.wanted_hops().contains_key(&address(n)) {
                rig.hear(Event::Kernel(Fact::NextHop { address: address(n), next_hop: Ok(hop(n)) }));
            }
        }
        rig
    }

    /// An agent that starts on tables as they are.
    pub(super) fn on(tables: Tables, text: &str) -> Self {
        let clock = Clock::by_hand();
        clock.advance(Duration::from_secs(1));
        let reconciler = Reconciler::open(Box::new(tables.clone()), clock.now()).unwrap();
        let mut state = State::new(config(text), 2);
        state.apply(Event::Found(reconciler.found()));
        Self { state, reconciler, clock, tables }
    }

    pub(super) fn hear(&mut self, event: Event) {
        self.state.apply(event);
    }

    pub(super) fn health(&mut self, n: u8, verdict: Verdict) {
        let keys: BTreeSet<_> = super::targets::targets(&self.state, |_| Some(1))
            .into_iter()
            .map(|target| target.key)
            .filter(|key| *key.backend == *format!("web-{n}"))
            .collect();
        keys.into_iter().for_each(|key| self.hear(Event::Health(Report { key, verdict })));
    }

    pub(super) fn lose_hop(&mut self, n: u8) {
        let next_hop = Err(Unreachable::NoRoute(address(n)));
        self.hear(Event::Kernel(Fact::NextHop { address: address(n), next_hop }));
    }

    pub(super) fn drain(&mut self, n: u8, drain: bool) {
        let names = vec![BackendName { pool: "web".into(), backend: format!("web-{n}") }];
        self.hear(if drain { Event::Drain(names) } else { Event::Undrain(names) });
    }

    pub(super) fn desired(&self) -> Desired {
        desired(&self.state)
    }

    /// One step; then time goes on by far more than anything waits for.
    pub(super) fn step(&mut self) -> Outcome {
        let outcome = self.reconciler.step(&self.desired(), &self.clock);
        self.clock.advance(Duration::from_secs(10));
        outcome
    }

    pub(super) fn observed(&self) -> &Observed {
        self.reconciler.observed()
    }

    /// The only service's ring, by the last byte of the backends' addresses.
    pub(super) fn ring(&self) -> Vec<u8> {
        let tables = self.tables.fake();
        let mut rings = tables.image.services.values().map(|row| Region::from_word(row.ring.get()));
        let ring = rings.find(|ring| ring.len > 0).unwrap_or_default();
        let slots = &tables.rings[ring.base as usize..][..ring.len as usize];
        slots.iter().map(|id| tables.image.backends[id].addr.0[3].to_ne_bytes()[3]).collect()
    }

    /// The row of a backend of service `https`.
    pub(super) fn row(&self, n: u8) -> (u16, Backend) {
        let key = ServiceKey::of(&self.state.config.services[0]);
        let mut rows = self.observed().backends.iter();
        let (_, placed) = rows.find(|(k, _)| k.service == key && k.address == address(n)).unwrap();
        (placed.id, self.tables.fake().image.backends[&placed.id].clone())
    }

    pub(super) fn egress(&self, n: u8) -> Egress {
        Egress::from_word(self.row(n).1.egress.get())
    }
}

/// Tables in memory that can be looked at while a reconciler has them, and that panic when a write leaves
/// them so that a packet could go wrong.
#[derive(Clone)]
pub(super) struct Tables {
    fake: Arc<Mutex<Fake>>,
    node: Node,
}

impl Tables {
    pub(super) fn new(sizes: Sizes) -> Self {
        let mut node = Node::NONE;
        node.hash_key = std::array::from_fn::<_, HASH_WORDS, _>(|n| {
            Fixed::new((n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
        });
        node.index_mask = Fixed::new(255);
        Self { fake: Arc::new(Mutex::new(Fake::new(node, sizes))), node }
    }

    pub(super) fn fake(&self) -> MutexGuard<'_, Fake> {
        self.fake.lock().unwrap()
    }
}

impl Kernel for Tables {
    fn sizes(&self) -> Sizes {
        self.fake().sizes
    }

    fn node(&self) -> &Node {
        &self.node
    }

    fn read(&mut self) -> Result<Image, TableError> {
        self.fake().read()
    }

    fn slots(&mut self, region: Region) -> Result<Vec<u16>, TableError> {
        self.fake().slots(region)
    }

    fn write(&mut self, write: &Write) -> Result<(), TableError> {
        let mut fake = self.fake();
        allowed(&fake, write);
        fake.write(write)?;
        consistent(&fake, write);
        Ok(())
    }
}

/// What the trait promises of each write.
fn allowed(fake: &Fake, write: &Write) {
    match write {
        Write::Backend { id, row } => {
            assert_ne!(*id, 0);
            let Some(before) = fake.image.backends.get(id) else { return };
            let (old, new) = (Egress::from_word(before.egress.get()), Egress::from_word(row.egress.get()));
            let ahead = (new.generation + Egress::GENERATIONS - old.generation) % Egress::GENERATIONS;
            match old.state == BackendState::Free as u8 {
                true => assert_eq!(ahead, 1, "an id is used again with the next generation: {write:?}"),
                false => assert_eq!(ahead, 0, "a row in use keeps its generation: {write:?}"),
            }
            let fixed = |row: &Backend| (row.outer, row.addr, row.port, row.server_id, row.service);
            if old.state != BackendState::Free as u8 && new.state != BackendState::Free as u8 {
                assert_eq!(fixed(before), fixed(row), "a row in use becomes another: {write:?}");
            }
        }
        Write::Slots { region, backends } => {
            assert_eq!((region.base % 2, region.len as usize), (0, backends.len()));
            let end = region.base + region.len;
            for row in fake.image.services.values() {
                let ring = Region::from_word(row.ring.get());
                let apart = end <= ring.base || ring.base + ring.len.next_multiple_of(2) <= region.base;
                assert!(ring.len == 0 || apart, "slots of a published ring are written: {write:?}");
            }
        }
        _ => {}
    }
}

/// No ring names a row that is not there, is dead, is drained, or belongs to another service.
fn consistent(fake: &Fake, write: &Write) {
    for (service, row) in &fake.image.services {
        let ring = Region::from_word(row.ring.get());
        assert!(ring.len == 0 || row.flags.get() & service_flags::LIVE != 0);
        let ids: BTreeSet<u16> =
            fake.rings[ring.base as usize..][..ring.len as usize].iter().copied().collect();
        for id in ids {
            let backend =
                fake.image.backends.get(&id).unwrap_or_else(|| panic!("no row {id} after {write:?}"));
            let egress = Egress::from_word(backend.egress.get());
            assert_eq!(egress.state, BackendState::Alive as u8, "row {id} after {write:?}");
            assert_eq!(backend.service, *service, "row {id} after {write:?}");
            assert_ne!(backend.interface.get(), 0, "row {id} after {write:?}");
        }
    }
}

/// No ring names a drained backend. (A backend that is being drained has its note before its ring.)
pub(super) fn nobody_drained_is_named(fake: &Fake) {
    for row in fake.image.services.values() {
        let ring = Region::from_word(row.ring.get());
        for id in &fake.rings[ring.base as usize..][..ring.len as usize] {
            assert_eq!(fake.image.backends[id].notes.get() & notes::DRAINED, 0, "row {id}");
        }
    }
}
