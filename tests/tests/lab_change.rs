//! Changes while connections run: a drain, a death, another configuration. Needs root.

#![allow(clippy::unwrap_used)] // a test panics rather than returning an error

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use statex_tests::client::{Arrivals, Crowd, Pace, Transport, allow_open_files, curl, last_failure};
use statex_tests::deployment::{Configuration, Deployment, HEALTH_MILLIS, Mode};
use statex_tests::lab::{Family, Layout};

const PATIENCE: Duration = Duration::from_secs(60);

fn deployment() -> Deployment {
    Deployment::start(Layout::Shared, &Configuration::default()).unwrap()
}

fn echo() -> SocketAddr {
    Mode::Ipip.echo(Family::V4)
}

fn crowd(deployment: &Deployment, client: usize, count: usize, pace: Pace) -> Crowd {
    Crowd::open(&deployment.lab.clients[client].namespace, Transport::Tcp, echo(), count, pace).unwrap()
}

fn assert_unbroken(crowd: &Crowd) {
    crowd.settle(PATIENCE).unwrap();
    assert!(crowd.broken().is_empty(), "{:?} for {:?}", crowd.broken(), crowd.reasons());
}

#[test]
fn a_drain_breaks_none_of_ten_thousand_connections() {
    allow_open_files().unwrap();
    let deployment = deployment();
    let pace =
        Pace { interval: Duration::from_secs(2), patience: Duration::from_secs(20), ..Pace::default() };
    let crowds = [0, 1].map(|client| crowd(&deployment, client, 5_000, pace));
    deployment.drain("backend1").unwrap();
    for crowd in &crowds {
        assert!(crowd.spread()["backend1"] > 1_000);
        assert_unbroken(crowd);
    }
    let newcomers = self::crowd(&deployment, 0, 300, Pace::default());
    assert_eq!(newcomers.spread().get("backend1"), None, "a draining backend gets no new flows");
}

#[test]
fn a_death_breaks_only_its_own_connections() {
    let mut deployment = deployment();
    let crowd = crowd(&deployment, 0, 600, Pace::default());
    let client = &deployment.lab.clients[1].namespace;
    let arrivals = Arrivals::start(client, Transport::Tcp, echo(), Duration::from_millis(10)).unwrap();
    let killed = Instant::now();
    deployment.backends[1].kill();
    deployment.wait_for("backend2", "down").unwrap();
    sleep(Duration::from_secs(1));
    let arrivals = arrivals.finish();
    crowd.settle(PATIENCE).unwrap();

    assert_eq!(crowd.broken().into_keys().collect::<Vec<_>>(), ["backend2"]);
    assert_eq!(crowd.broken()["backend2"], crowd.spread()["backend2"]);
    // What the machine itself may add: it runs clients, origins and the node on the same cores.
    let bound = Duration::from_millis(HEALTH_MILLIS + 500);
    let kept_out = last_failure(&arrivals, killed);
    assert!(kept_out <= bound, "newcomers were kept out for {kept_out:?}");
    assert!(arrivals.last().is_some_and(|last| last.outcome.is_ok()));

    deployment.backends[1].revive().unwrap();
    deployment.wait_for("backend2", "up").unwrap();
    assert!(self::crowd(&deployment, 0, 100, Pace::default()).spread().contains_key("backend2"));
}

#[test]
fn a_reload_under_load_breaks_nothing() {
    let deployment = deployment();
    let crowd = crowd(&deployment, 0, 600, Pace::default());
    let heavier = Configuration {
        backend: |number| if number == 1 { "weight = 8\n" } else { "" },
        ..Configuration::default()
    };
    deployment.node.write(&heavier.text(&deployment.lab, deployment.layout)).unwrap();
    deployment.node.control(&["reload"]).unwrap();
    let weight = || {
        let status = deployment.node.status()?;
        let backends = status.services.iter().flat_map(|service| &service.backends);
        let heavy = backends.filter(|backend| backend.name == "backend1").all(|backend| backend.weight == 8);
        anyhow::ensure!(status.settled && heavy, "the weights are not in force");
        Ok(())
    };
    statex_tests::wait::until(PATIENCE, weight).unwrap();
    assert_unbroken(&crowd);
    let newcomers = self::crowd(&deployment, 1, 500, Pace::default()).spread();
    assert!((350..=450).contains(&newcomers["backend1"]), "8 of 10 shares: {newcomers:?}");
}

#[test]
fn a_bad_configuration_changes_nothing_and_is_reported() {
    let deployment = deployment();
    let before = deployment.node.status().unwrap().services.len();
    deployment.node.write("[nod]\n").unwrap();
    let refused = deployment.node.control(&["reload"]).unwrap_err().to_string();
    assert!(refused.contains("unknown key"), "{refused}");
    assert_eq!(deployment.node.status().unwrap().services.len(), before);
    let client = &deployment.lab.clients[0].namespace;
    curl::get(client, Mode::Ipip.http(Family::V4), "/", PATIENCE).unwrap();
}
