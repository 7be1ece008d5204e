//! The network around the node changes. Needs root.

#![allow(clippy::unwrap_used)] // a test panics rather than returning an error

use std::time::Duration;

use statex_tests::client::{Crowd, Flood, Pace, Transport, curl};
use statex_tests::deployment::{Configuration, Deployment, Mode};
use statex_tests::lab::{Family, Layout, ip};

const PATIENCE: Duration = Duration::from_secs(30);

fn deployment() -> Deployment {
    Deployment::start(Layout::Shared, &Configuration::default()).unwrap()
}

/// Conversations over TCP on every mode and family with backends, which bear a silence of some seconds.
fn crowds(deployment: &Deployment) -> Vec<Crowd> {
    let pace = Pace { patience: Duration::from_secs(15), ..Pace::default() };
    let client = &deployment.lab.clients[0].namespace;
    let modes = Mode::ALL.into_iter().filter(|mode| mode.has_backends());
    let targets = modes.flat_map(|mode| Family::BOTH.map(|family| mode.echo(family)));
    targets.map(|target| Crowd::open(client, Transport::Tcp, target, 30, pace).unwrap()).collect()
}

fn assert_unbroken(crowds: &[Crowd]) {
    Crowd::settle_all(crowds, PATIENCE).unwrap();
    for crowd in crowds {
        assert!(crowd.broken().is_empty(), "{:?} for {:?}", crowd.broken(), crowd.reasons());
    }
}

#[test]
fn connections_outlive_an_interface_that_goes_down_and_up() {
    let deployment = deployment();
    let crowds = crowds(&deployment);
    deployment.lab.bounce_node().unwrap();
    for backend in &deployment.backends {
        deployment.wait_for(&backend.name, "up").unwrap();
    }
    assert_unbroken(&crowds);
    assert_unbroken(&self::crowds(&deployment));
}

#[test]
fn connections_follow_a_neighbour_that_changes_its_mac() {
    let deployment = deployment();
    let crowds = crowds(&deployment);
    ip(&deployment.lab.backends[1].namespace, "link set eth0 address 02:00:00:00:be:02\n").unwrap();
    assert_unbroken(&crowds);
    assert_unbroken(&self::crowds(&deployment));
}

#[test]
fn backends_learn_of_a_narrow_path_to_the_client() {
    let deployment = deployment();
    deployment.lab.narrow_path(0, 1400).unwrap();
    for mode in Mode::ALL {
        for family in Family::BOTH {
            curl::download(&deployment.lab.clients[0].namespace, mode.http(family), 5_000_000, PATIENCE)
                .unwrap_or_else(|error| panic!("{mode} {family}: {error:#}"));
        }
    }
}

#[test]
fn clients_learn_of_a_narrow_path_to_the_backends() {
    let mut configuration = Configuration::default();
    configuration.service += "mtu = 1400\n";
    let deployment = Deployment::start(Layout::Shared, &configuration).unwrap();
    for mode in Mode::ALL {
        for family in Family::BOTH {
            curl::upload(&deployment.lab.clients[0].namespace, mode.http(family), 5_000_000, PATIENCE)
                .unwrap_or_else(|error| panic!("{mode} {family}: {error:#}"));
        }
    }
}

#[test]
fn clients_are_served_during_a_syn_flood() {
    let mut configuration = Configuration::default();
    configuration.service += "new_flows_per_second = 2000\n";
    let deployment = Deployment::start(Layout::Shared, &configuration).unwrap();
    for family in Family::BOTH {
        let target = Mode::Ipip.echo(family);
        let client = &deployment.lab.clients[0].namespace;
        let pace = Pace { interval: Duration::from_millis(200), ..Pace::default() };
        let crowd = Crowd::open(client, Transport::Tcp, target, 200, pace).unwrap();
        let flood = Flood::start(&deployment.lab.clients[1].namespace, target, 200_000, 20_000).unwrap();
        for _ in 0..5 {
            let newcomers = Crowd::open(client, Transport::Tcp, target, 50, pace).unwrap();
            assert_unbroken(&[newcomers]);
        }
        assert_unbroken(std::slice::from_ref(&crowd));
        assert!(flood.finish().unwrap() > 10_000);
    }
}
