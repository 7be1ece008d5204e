//! The laboratory itself, without a node: hosts, origins and clients by plain routing. Needs root.

#![allow(clippy::unwrap_used)] // a test panics rather than returning an error

use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use statex_tests::client::{
    Arrivals, Conversation, Crowd, Pace, Transport, allow_open_files, curl, last_failure,
};
use statex_tests::deployment::Configuration;
use statex_tests::lab::{Family, Host, Lab, Layout, Reactor, ip};
use statex_tests::origin::{self, Origin};

const PATIENCE: Duration = Duration::from_secs(30);

fn lab() -> Lab {
    Lab::up(Layout::Shared).unwrap()
}

fn origin_on(host: &Host) -> Origin {
    let own = Family::BOTH.map(|family| host.addresses.of(family));
    Origin::start(&host.namespace, &host.name, &own).unwrap()
}

fn pings(from: &Host, to: IpAddr) -> bool {
    let mut ping = from.namespace.command("ping");
    ping.args(["-c1", "-W2", "-n"]).arg(to.to_string());
    ping.output().expect("ping is installed (iputils-ping)").status.success()
}

fn quick() -> Pace {
    Pace { interval: Duration::from_millis(50), ..Pace::default() }
}

#[test]
fn every_host_reaches_every_other_in_every_layout() {
    for layout in [Layout::Shared, Layout::Routed, Layout::TwoLegged] {
        let lab = Lab::up(layout).unwrap();
        for from in lab.hosts().values() {
            for to in lab.hosts().values() {
                for address in Family::BOTH.map(|family| to.addresses.of(family)) {
                    assert!(pings(from, address), "{layout:?}: {} cannot reach {address}", from.name);
                }
            }
        }
    }
}

#[test]
fn the_node_is_reached_after_its_interface_went_down_and_up() {
    let lab = lab();
    lab.bounce_node().unwrap();
    for address in Family::BOTH.map(|family| lab.node.addresses.of(family)) {
        assert!(pings(&lab.clients[0], address), "{address}");
    }
}

#[test]
fn neighbours_learn_a_new_mac() {
    let lab = lab();
    for address in Family::BOTH.map(|family| lab.backends[0].addresses.of(family)) {
        assert!(pings(&lab.node, address), "{address}");
    }
    ip(&lab.backends[0].namespace, "link set eth0 address 02:00:00:00:be:01\n").unwrap();
    for address in Family::BOTH.map(|family| lab.backends[0].addresses.of(family)) {
        assert!(pings(&lab.node, address), "{address}");
    }
}

#[test]
fn two_laboratories_do_not_meet() {
    let (one, other) = (lab(), lab());
    let _origin = origin_on(&one.backends[0]);
    let target = one.backends[0].addresses.at(Family::V4, origin::HTTP);
    assert!(curl::get(&one.clients[0].namespace, target, "/", PATIENCE).is_ok());
    assert!(curl::get(&other.clients[0].namespace, target, "/", PATIENCE).is_err());
}

#[test]
fn a_command_dies_with_the_thread_that_started_it() {
    let lab = lab();
    let started = || {
        let mut shell = lab.node.namespace.command("sh");
        let mut child = shell.args(["-c", "echo up; exec sleep 60"]).stdout(Stdio::piped()).spawn().unwrap();
        child.stdout.take().unwrap().read_exact(&mut [0; 3]).unwrap();
        child
    };
    let mut child = thread::scope(|scope| scope.spawn(started).join().unwrap());
    assert_eq!(child.wait().unwrap().signal(), Some(9));
}

#[test]
fn origins_name_themselves_over_every_transport() {
    let lab = lab();
    let _origins: Vec<_> = lab.backends.iter().map(origin_on).collect();
    let client = Reactor::start(&lab.clients[0].namespace).unwrap();
    for (host, family) in lab.backends.iter().zip(Family::BOTH) {
        for transport in Transport::BOTH {
            let target = host.addresses.at(family, origin::ECHO);
            let named =
                client.wait(async move { Conversation::open(transport, target, PATIENCE).await }).unwrap();
            assert_eq!(named.backend, host.name);
        }
        let page =
            curl::get(&lab.clients[0].namespace, host.addresses.at(family, origin::HTTP), "/", PATIENCE);
        assert_eq!(page.unwrap().trim(), host.name);
    }
}

#[test]
fn a_large_datagram_comes_back_whole() {
    let lab = lab();
    let _origin = origin_on(&lab.backends[0]);
    let client = Reactor::start(&lab.clients[0].namespace).unwrap();
    for family in Family::BOTH {
        let target = lab.backends[0].addresses.at(family, origin::ECHO);
        let exchange = async move {
            let mut conversation = Conversation::open(Transport::Udp, target, PATIENCE).await?;
            tokio::time::timeout(PATIENCE, conversation.exchange(&[7; 4000])).await?
        };
        client.wait(exchange).unwrap();
    }
}

#[test]
fn transfers_come_through_with_their_checksum() {
    let lab = lab();
    let _origin = origin_on(&lab.backends[0]);
    let client = &lab.clients[0].namespace;
    for family in Family::BOTH {
        let target = lab.backends[0].addresses.at(family, origin::HTTP);
        curl::download(client, target, 10_000_001, PATIENCE).unwrap();
        curl::upload(client, target, 10_000_001, PATIENCE).unwrap();
    }
}

#[test]
fn an_unhealthy_origin_says_so() {
    let lab = lab();
    let mut origin = origin_on(&lab.backends[0]);
    let target = lab.backends[0].addresses.at(Family::V4, origin::HTTP);
    let health = || curl::get(&lab.clients[0].namespace, target, "/health", PATIENCE);
    assert!(health().is_ok());
    origin.set_healthy(false).unwrap();
    assert!(health().unwrap_err().to_string().contains("503"));
}

#[test]
fn a_crowd_counts_what_the_death_of_its_origin_breaks() {
    let lab = lab();
    let origin = origin_on(&lab.backends[1]);
    let target = lab.backends[1].addresses.at(Family::V4, origin::ECHO);
    let crowd = Crowd::open(&lab.clients[0].namespace, Transport::Tcp, target, 100, quick()).unwrap();
    crowd.settle(PATIENCE).unwrap();
    assert_eq!((crowd.spread()["backend2"], crowd.broken().len()), (100, 0));
    drop(origin);
    crowd.settle(PATIENCE).unwrap();
    assert_eq!(crowd.broken()["backend2"], 100);
}

#[test]
fn ten_thousand_connections_fit() {
    allow_open_files().unwrap();
    let lab = lab();
    let _origin = origin_on(&lab.backends[0]);
    let target = lab.backends[0].addresses.at(Family::V4, origin::ECHO);
    let crowd =
        Crowd::open(&lab.clients[0].namespace, Transport::Tcp, target, 10_000, Pace::default()).unwrap();
    crowd.settle(6 * PATIENCE).unwrap();
    assert_eq!((crowd.spread()["backend1"], crowd.reasons().len()), (10_000, 0));
}

#[test]
fn a_crowd_counts_datagrams_that_are_lost() {
    let lab = lab();
    let _origin = origin_on(&lab.backends[0]);
    let target = lab.backends[0].addresses.at(Family::V6, origin::ECHO);
    let pace = Pace { patience: Duration::from_millis(600), ..quick() };
    let crowd = Crowd::open(&lab.clients[0].namespace, Transport::Udp, target, 20, pace).unwrap();
    crowd.settle(PATIENCE).unwrap();
    assert_eq!(crowd.lost(), 0);
    ip(&lab.router.namespace, "link set backend1 down\n").unwrap();
    crowd.settle(PATIENCE).unwrap();
    assert_eq!((crowd.broken()["backend1"], crowd.lost()), (20, 60));
}

#[test]
fn arrivals_measure_how_long_newcomers_are_kept_out() {
    let lab = lab();
    let target: SocketAddr = lab.backends[0].addresses.at(Family::V4, origin::ECHO);
    let arrivals =
        Arrivals::start(&lab.clients[0].namespace, Transport::Tcp, target, Duration::from_millis(10))
            .unwrap();
    let start = Instant::now();
    thread::sleep(Duration::from_millis(300));
    let _origin = origin_on(&lab.backends[0]);
    let served = Instant::now();
    thread::sleep(Duration::from_millis(300));
    let arrivals = arrivals.finish();
    let kept_out = last_failure(&arrivals, start);
    assert!(kept_out >= Duration::from_millis(200), "{kept_out:?}");
    assert!(start + kept_out <= served, "{kept_out:?}");
    assert!(arrivals.last().unwrap().outcome.is_ok());
}

#[test]
fn a_narrow_path_is_discovered() {
    let lab = lab();
    let _origin = origin_on(&lab.backends[0]);
    lab.narrow_path(0, 1400).unwrap();
    let target = |family| lab.backends[0].addresses.at(family, origin::HTTP);
    for family in Family::BOTH {
        curl::download(&lab.clients[0].namespace, target(family), 5_000_000, PATIENCE).unwrap();
    }
}

#[test]
fn the_configuration_for_the_laboratory_is_valid() {
    for layout in [Layout::Shared, Layout::Routed, Layout::TwoLegged] {
        let lab = Lab::up(layout).unwrap();
        let text = Configuration::default().text(&lab, layout);
        let config = statex_agent::config::parse(&text, Path::new("statex.toml"), &|_| None).unwrap();
        assert_eq!((config.services.len(), config.warnings()), (30, &[][..]));
    }
}
