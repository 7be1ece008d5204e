//! Real traffic through every forward mode. Needs root.

#![allow(clippy::unwrap_used)] // a test panics rather than returning an error

use std::net::IpAddr;
use std::time::Duration;

use statex_tests::client::{Conversation, Crowd, Pace, Transport, curl};
use statex_tests::deployment::{Configuration, Deployment, Mode, Path};
use statex_tests::lab::{BACKENDS, Family, Layout, Reactor};
use statex_tests::wait;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const TRANSFER: Duration = Duration::from_secs(60);

/// Opens conversations on a path and says how many origins serve them.
fn origins(deployment: &Deployment, path: Path) -> usize {
    let target = path.mode.echo(path.family);
    let client = &deployment.lab.clients[0].namespace;
    let crowd = Crowd::open(client, path.transport, target, 60, Pace::default()).unwrap();
    crowd.settle(PATIENCE).unwrap();
    assert_eq!(crowd.reasons().len(), 0, "{path}: {:?}", crowd.reasons());
    crowd.spread().len()
}

fn every_path_reaches_every_backend(layout: Layout, modes: &[Mode]) {
    let configuration = Configuration { modes: modes.to_vec(), ..Configuration::default() };
    let deployment = Deployment::start(layout, &configuration).unwrap();
    for path in Path::all().filter(|path| modes.contains(&path.mode)) {
        let expected = if path.mode.has_backends() { BACKENDS } else { 1 };
        // On a machine that is busy elsewhere a probe may be late, and its backend is out for a while.
        let reached = || match origins(&deployment, path) {
            seen if seen == expected => Ok(()),
            seen => Err(format!("{path}: {seen} of {expected} origins")),
        };
        wait::until(PATIENCE, reached).unwrap();
    }
}

#[test]
fn every_path_reaches_every_backend_on_the_same_segment() {
    every_path_reaches_every_backend(Layout::Shared, &Mode::ALL);
}

#[test]
fn every_path_reaches_every_backend_behind_a_router() {
    every_path_reaches_every_backend(Layout::Routed, &[Mode::Ipip, Mode::Gue, Mode::Nat, Mode::Local]);
}

#[test]
fn every_path_reaches_every_backend_through_another_interface() {
    every_path_reaches_every_backend(Layout::TwoLegged, &Mode::ALL);
}

#[test]
fn a_hundred_megabytes_come_through_every_mode_with_their_checksum() {
    let deployment = Deployment::start(Layout::Shared, &Configuration::default()).unwrap();
    let client = &deployment.lab.clients[0].namespace;
    for mode in Mode::ALL {
        for family in Family::BOTH {
            let target = mode.http(family);
            let described = |error| panic!("{mode} {family}: {error:#}");
            curl::download(client, target, 100_000_000, TRANSFER).unwrap_or_else(described);
            curl::upload(client, target, 100_000_000, TRANSFER).unwrap_or_else(described);
        }
    }
}

#[test]
fn fragments_reach_the_backend_of_their_flow() {
    let deployment = Deployment::start(Layout::Shared, &Configuration::default()).unwrap();
    let client = Reactor::start(&deployment.lab.clients[0].namespace).unwrap();
    for mode in Mode::ALL {
        for family in Family::BOTH {
            let target = mode.echo(family);
            let exchange = async move {
                let mut conversation = Conversation::open(Transport::Udp, target, PATIENCE).await?;
                let mut outcome = Ok(());
                // The answer to the first may be lost to learning the MTU of the way back.
                for _ in 0..3 {
                    let attempt = timeout(Duration::from_secs(1), conversation.exchange(&[7; 4000])).await;
                    outcome = attempt.unwrap_or_else(|elapsed| Err(elapsed.into()));
                    if outcome.is_ok() {
                        break;
                    }
                }
                outcome
            };
            client.wait(exchange).unwrap_or_else(|error| panic!("{mode} {family}: {error}"));
        }
    }
}

#[test]
fn virtual_addresses_answer_ping() {
    let deployment = Deployment::start(Layout::Shared, &Configuration::default()).unwrap();
    for mode in Mode::ALL {
        for family in Family::BOTH {
            let address: IpAddr = mode.address().of(family);
            let mut ping = deployment.lab.clients[0].namespace.command("ping");
            let output = ping.args(["-c3", "-i0.1", "-W2", "-n"]).arg(address.to_string()).output().unwrap();
            assert!(output.status.success(), "{mode} {family}: {}", String::from_utf8_lossy(&output.stdout));
        }
    }
}
