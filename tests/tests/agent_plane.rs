//! Loading, pinning and attaching the real object, in a network namespace with a BPF file system of its own. Needs
//! root.

use std::path::Path;
use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use statex_agent::config::{Attach, Config};
use statex_agent::kernel::attach::AttachError;
use statex_agent::kernel::image::{Kernel, Region, Write};
use statex_agent::kernel::links::{Attached, Link};
use statex_agent::kernel::netlink::Netlink;
use statex_agent::kernel::pin::{Pins, remove_all};
use statex_agent::kernel::plane::{Maps, Plane};
use statex_agent::kernel::shape::Shape;
use statex_common::abi::{Addr, Backend, Egress, FlowLine, FlowMasks, Service, service_flags};
use statex_common::flow::State;
use statex_tests::lab::{Namespace, ip};
use statex_tests::wait;
use tempfile::TempDir;

/// A BPF file system for as long as it is in scope.
struct BpfFolder(TempDir);

impl BpfFolder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let none = None::<&str>;
        mount(Some("bpf"), folder.path(), Some("bpf"), MsFlags::empty(), none)
            .expect("this test mounts a BPF file system and needs root");
        Self(folder)
    }

    fn pins(&self) -> Pins {
        Pins::open(&self.root()).unwrap()
    }

    fn root(&self) -> std::path::PathBuf {
        self.0.path().join("statex")
    }
}

impl Drop for BpfFolder {
    fn drop(&mut self) {
        let _ = umount2(self.0.path(), MntFlags::MNT_DETACH);
    }
}

/// A host with eth0 and eth1.
fn host() -> Namespace {
    let host = Namespace::new().expect("this test makes network namespaces and needs root");
    ip(&host, "link add eth0 type veth peer name far0\nlink set eth0 up\nlink set far0 up").unwrap();
    ip(&host, "link add eth1 type veth peer name far1\nlink set eth1 up\nlink set far1 up").unwrap();
    host
}

fn link(name: &str) -> Link {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let links = Netlink::open().unwrap().links().await.unwrap();
        links.named(name).unwrap().clone()
    })
}

/// The kernel takes a program off a little after its link has gone.
fn wait_until_bare(name: &str) {
    wait::until(Duration::from_secs(5), || link(name).xdp.map_or(Ok(()), |there| Err(format!("{there:?}"))))
        .unwrap();
}

fn small() -> Config {
    let mut config = Config::default();
    config.limits.flows = 10_000;
    config.limits.ring_slots = 10_000;
    config.limits.backends = 100;
    config
}

fn load(config: &Config, folder: &BpfFolder) -> (Plane, Maps) {
    Plane::load(&Shape::of(config, &[7; 20]), folder.pins()).unwrap()
}

fn service() -> Service {
    let row = Service {
        addr: Addr::from(std::net::IpAddr::from([192, 0, 2, 1])),
        port: [0, 80],
        ..Service::default()
    };
    row.flags.set(service_flags::LIVE);
    row
}

#[test]
fn flow_table_grows_when_flows_need_more_of_it() {
    let folder = BpfFolder::new();
    let mut config = small();
    config.limits.flows = 1_000_000;
    let (_plane, mut maps) = load(&config, &folder);
    maps.live.write(&Write::Features(3)).unwrap();
    assert_eq!(maps.growth.turn().unwrap().now, FlowMasks::LEAST);
    let full = FlowLine::default();
    full.keys.iter().for_each(|key| key.set(State::Confirmed as u64));
    let rows = maps.counters.flow_lines();
    let visit = rows.visit(0..1024).unwrap();
    assert!(visit.rows().all(|line| visit.put_last(line, &full, 0)));
    let grown = FlowMasks { now: (1 << 18) - 1, before: FlowMasks::LEAST };
    assert_eq!(maps.growth.turn().unwrap(), grown);
    assert_eq!(maps.growth.turn().unwrap(), grown, "all of the table is in use");
    assert_eq!(maps.live.read().unwrap().features, 3);
}

#[test]
fn rows_written_are_rows_read() {
    let folder = BpfFolder::new();
    let (_plane, mut maps) = load(&small(), &folder);
    let backend =
        Backend { service: 3, addr: Addr::from(std::net::IpAddr::from([10, 0, 0, 1])), ..Backend::default() };
    backend.egress.set(Egress { mac: [2; 6], generation: 4, state: 1, mode: 1, outer_v6: false }.word());
    let region = Region { base: 4, len: 3 };
    let prefix = "198.51.100.0/24".parse().unwrap();
    for write in [
        Write::Service { id: 3, row: service() },
        Write::Backend { id: 100, row: backend },
        Write::Slots { region, backends: vec![100, 7, 100] },
        Write::Ring { service: 3, region },
        Write::Index { bucket: 9, slot: 7, word: 0xabcd },
        Write::Prefix { prefix, id: Some(5) },
        Write::Deny { prefix: "2001:db8::/32".parse().unwrap(), denied: true },
        Write::Link { interface: 4, mac: Some([2, 3, 4, 5, 6, 7]) },
        Write::Quic { rotation: 6, word: 0x0804 },
        Write::Features(3),
    ] {
        maps.live.write(&write).unwrap();
    }
    let image = maps.live.read().unwrap();
    assert_eq!(image.services.keys().copied().collect::<Vec<_>>(), [3]);
    assert_eq!(image.services[&3].ring.get(), region.word());
    assert_eq!((image.backends[&100].service, image.backends.len()), (3, 1));
    assert_eq!(maps.live.slots(region).unwrap(), [100, 7, 100]);
    assert_eq!(image.index[9].0[7].get(), 0xabcd);
    assert_eq!(image.prefixes[&prefix], 5);
    assert_eq!(image.deny.len(), 1);
    assert_eq!(image.links[&4], [2, 3, 4, 5, 6, 7]);
    assert_eq!((image.quic[6], image.features), (0x0804, 3));

    maps.live.write(&Write::Prefix { prefix, id: None }).unwrap();
    maps.live.write(&Write::Prefix { prefix, id: None }).expect("removing twice is no error");
    assert!(maps.live.read().unwrap().prefixes.is_empty());
}

#[test]
fn writes_beyond_the_tables_fail() {
    let folder = BpfFolder::new();
    let (_plane, mut maps) = load(&small(), &folder);
    let sizes = maps.live.sizes();
    assert_eq!((sizes.backends, sizes.ring_slots), (101, 10_000));
    let far = Region { base: 9_998, len: 4 };
    assert!(maps.live.write(&Write::Slots { region: far, backends: vec![1; 4] }).is_err());
    assert!(maps.live.write(&Write::Backend { id: 101, row: Backend::default() }).is_err());
    assert!(maps.live.slots(far).is_err());
}

#[test]
fn next_agent_finds_the_rows_and_takes_over_the_link() {
    let folder = BpfFolder::new();
    host().run(|| {
        let (mut plane, mut maps) = load(&small(), &folder);
        maps.live.write(&Write::Service { id: 3, row: service() }).unwrap();
        plane.attach(&link("eth0"), Attach::Auto).unwrap();
        plane.commit().unwrap();
        let (first, mode) = link("eth0").xdp.unwrap();
        assert_eq!(mode, Attached::Native);
        drop((plane, maps));
        assert_eq!(link("eth0").xdp, Some((first, mode)), "attached without an agent");

        let (mut plane, mut maps) = load(&small(), &folder);
        assert!(maps.live.read().unwrap().services.contains_key(&3), "rows outlive the agent");
        plane.attach(&link("eth0"), Attach::Auto).unwrap();
        plane.commit().unwrap();
        let (second, _) = link("eth0").xdp.unwrap();
        assert_ne!(first, second, "the newer program is in the link");
    });
}

#[test]
fn other_sizes_begin_with_new_tables_that_take_their_place_on_commit() {
    let folder = BpfFolder::new();
    let (_old_plane, mut old) = load(&small(), &folder);
    old.live.write(&Write::Service { id: 3, row: service() }).unwrap();
    _old_plane.commit().unwrap();

    let mut larger = small();
    larger.limits.backends = 200;
    let (plane, mut maps) = load(&larger, &folder);
    assert!(maps.live.read().unwrap().services.is_empty());
    let (_, mut unfinished) = load(&small(), &folder);
    assert!(unfinished.live.read().unwrap().services.contains_key(&3), "until commit the old tables stay");
    drop(plane);
    let (plane, _maps) = load(&larger, &folder);
    plane.commit().unwrap();
    let (_, mut next) = load(&larger, &folder);
    assert_eq!(next.live.sizes().backends, 201);
    assert!(next.live.read().unwrap().services.is_empty());
}

#[test]
fn mode_follows_the_configuration_and_unwanted_interfaces_are_let_go() {
    let folder = BpfFolder::new();
    host().run(|| {
        let (mut plane, _maps) = load(&small(), &folder);
        plane.attach(&link("eth0"), Attach::Native).unwrap();
        plane.attach(&link("eth1"), Attach::Generic).unwrap();
        assert_eq!(link("eth1").xdp.unwrap().1, Attached::Generic);
        plane.attach(&link("eth1"), Attach::Native).unwrap();
        assert_eq!(link("eth1").xdp.unwrap().1, Attached::Native);

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let links = runtime.block_on(async { Netlink::open().unwrap().links().await.unwrap() });
        plane.detach_others(&["eth1".to_owned()], &links).unwrap();
        wait_until_bare("eth0");
        assert!(link("eth1").xdp.is_some());
    });
}

#[test]
fn somebody_elses_program_is_respected() {
    let (ours, theirs) = (BpfFolder::new(), BpfFolder::new());
    host().run(|| {
        let (mut other, _maps) = load(&small(), &theirs);
        other.attach(&link("eth0"), Attach::Native).unwrap();
        let (mut plane, _maps) = load(&small(), &ours);
        let error = plane.attach(&link("eth0"), Attach::Auto).unwrap_err();
        assert!(matches!(error, AttachError::Taken { .. }), "{error}");
    });
}

#[test]
fn unload_leaves_nothing() {
    let folder = BpfFolder::new();
    host().run(|| {
        let (mut plane, maps) = load(&small(), &folder);
        plane.attach(&link("eth0"), Attach::Auto).unwrap();
        plane.commit().unwrap();
        drop((plane, maps));
        assert!(!remove_all(&folder.root()).unwrap().is_empty());
        wait_until_bare("eth0");
        assert!(!folder.root().exists());
        assert_eq!(remove_all(&folder.root()).unwrap(), [] as [&Path; 0]);
    });
}

#[test]
fn pins_outside_of_a_bpf_file_system_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = Pins::open(&folder.path().join("statex")).unwrap_err().to_string();
    assert!(error.contains("does not lie in a BPF file system: mount one"), "{error}");
}
