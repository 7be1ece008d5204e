//! The agent comes and goes while packets flow. Needs root.

#![allow(clippy::unwrap_used)] // a test panics rather than returning an error

use std::time::Duration;

use nix::sys::signal::Signal;
use statex_tests::client::{Crowd, Pace, Transport, curl};
use statex_tests::deployment::{Configuration, Deployment, Mode};
use statex_tests::lab::{Family, Layout};

const PATIENCE: Duration = Duration::from_secs(30);

/// Conversations over every mode with backends, dense enough to notice a gap of some hundredths of a second.
fn traffic(deployment: &Deployment) -> Vec<Crowd> {
    let pace = Pace { interval: Duration::from_millis(20), datagram_tries: 1, ..Pace::default() };
    let client = &deployment.lab.clients[0].namespace;
    let modes = Mode::ALL.into_iter().filter(|mode| mode.has_backends());
    let crowd =
        |mode: Mode, transport| Crowd::open(client, transport, mode.echo(Family::V4), 8, pace).unwrap();
    modes.flat_map(|mode| Transport::BOTH.map(|transport| crowd(mode, transport))).collect()
}

fn assert_nothing_lost(crowds: &[Crowd]) {
    Crowd::settle_all(crowds, PATIENCE).unwrap();
    for crowd in crowds {
        assert_eq!((crowd.reasons().len(), crowd.lost()), (0, 0), "{:?}", crowd.reasons());
    }
}

#[test]
fn killing_the_agent_loses_no_packet() {
    let mut deployment = Deployment::start(Layout::Shared, &Configuration::default()).unwrap();
    let crowds = traffic(&deployment);
    deployment.node.stop(Signal::SIGKILL).unwrap();
    assert_nothing_lost(&crowds);
    let newcomer =
        curl::get(&deployment.lab.clients[1].namespace, Mode::Ipip.http(Family::V4), "/", PATIENCE);
    assert!(newcomer.is_ok(), "the data plane takes new flows without its agent: {newcomer:?}");
    deployment.node.restart().unwrap();
    assert_nothing_lost(&crowds);
    deployment.drain("backend1").unwrap();
    assert_nothing_lost(&crowds);
}

#[test]
fn an_upgrade_loses_no_packet() {
    let mut deployment = Deployment::start(Layout::Shared, &Configuration::default()).unwrap();
    let crowds = traffic(&deployment);
    for _ in 0..3 {
        deployment.node.stop(Signal::SIGTERM).unwrap();
        deployment.node.restart().unwrap();
        assert_nothing_lost(&crowds);
    }
}

#[test]
fn a_stop_that_removes_leaves_nothing_behind() {
    let node = "on_stop = \"remove\"\n".to_owned();
    let mut deployment =
        Deployment::start(Layout::Shared, &Configuration { node, ..Configuration::default() }).unwrap();
    deployment.node.stop(Signal::SIGTERM).unwrap();
    assert_eq!(traces(&deployment), "");
}

#[test]
fn unload_removes_what_a_killed_agent_left() {
    let mut deployment = Deployment::start(Layout::Shared, &Configuration::default()).unwrap();
    deployment.node.stop(Signal::SIGKILL).unwrap();
    assert_ne!(traces(&deployment), "");
    deployment.node.control(&["unload"]).unwrap();
    assert_eq!(traces(&deployment), "");
}

/// Pins and attached programs on the node.
fn traces(deployment: &Deployment) -> String {
    let mut shell = deployment.lab.node.namespace.command("sh");
    // The kernel itself puts two files for debugging into a bpf file system.
    let script = "find /sys/fs/bpf -mindepth 1 ! -name '*.debug'; bpftool net show dev eth0 | grep eth0";
    let output = shell.args(["-c", script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
