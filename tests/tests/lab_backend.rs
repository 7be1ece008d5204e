//! `statex backend` takes encapsulation off and undoes what it did to its host. Needs root.

#![allow(clippy::unwrap_used)] // a test panics rather than returning an error

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use nix::sys::signal::Signal;
use statex_tests::client::RawSender;
use statex_tests::deployment::{Backend, Mode};
use statex_tests::lab::{Family, Host, Lab, Layout};
use statex_tests::packet::{Frame, ip, udp};

/// How a packet is wrapped.
type Wrap = fn(&str, &str, &Frame) -> Frame;

const IPIP: Wrap = |from, to, inner| ip(from, to).carry(inner);
const GUE: Wrap = |from, to, inner| udp(&socket(from, 40_000), &socket(to, 6080)).gue(inner);

fn socket(address: &str, port: u16) -> String {
    SocketAddr::new(address.parse::<IpAddr>().unwrap(), port).to_string()
}

/// Sends a client's datagram from the node to a backend, wrapped, and gives what the client receives and from whom.
fn ask(lab: &Lab, wrap: Wrap, outer: Family, inner: Family) -> (String, SocketAddr) {
    let client = &lab.clients[0];
    let own = client.addresses.at(inner, 5000);
    let receiver = client.namespace.run(|| UdpSocket::bind(own)).unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let virtual_address = Mode::Ipip.echo(inner);
    let question = udp(&own.to_string(), &virtual_address.to_string()).payload("question");
    let [from, to] = [&lab.node, &lab.backends[0]].map(|host: &Host| host.addresses.of(outer));
    let packet = wrap(&from.to_string(), &to.to_string(), &question);
    lab.node.namespace.run(|| RawSender::open(to).unwrap().send(&packet)).unwrap();
    let mut buffer = [0; 100];
    let (length, answered) =
        receiver.recv_from(&mut buffer).unwrap_or_else(|error| panic!("no answer to {packet:?}: {error}"));
    (String::from_utf8_lossy(&buffer[..length]).into_owned(), answered)
}

#[test]
fn every_encapsulation_is_taken_off_and_the_answer_goes_straight_back() {
    let lab = Lab::up(Layout::Shared).unwrap();
    let _backend = Backend::start(&lab.backends[0]).unwrap();
    for wrap in [IPIP, GUE] {
        for (outer, inner) in [(Family::V4, Family::V4), (Family::V6, Family::V6), (Family::V6, Family::V4)] {
            let (answer, from) = ask(&lab, wrap, outer, inner);
            assert_eq!(answer, "backend1\nquestion", "{inner} in {outer}");
            assert_eq!(from, Mode::Ipip.echo(inner));
        }
    }
}

#[test]
fn stopping_undoes_what_starting_did() {
    let lab = Lab::up(Layout::Shared).unwrap();
    let before = traces(&lab.backends[0]);
    let mut backend = Backend::start(&lab.backends[0]).unwrap();
    assert_ne!(traces(&lab.backends[0]), before);
    let status = backend.decapsulation.stop(Signal::SIGTERM).unwrap();
    assert!(status.success(), "{}", backend.decapsulation.words());
    assert_eq!(traces(&lab.backends[0]), before);
}

#[test]
fn a_backend_that_was_killed_is_cleaned_up_by_the_next() {
    let lab = Lab::up(Layout::Shared).unwrap();
    let before = traces(&lab.backends[0]);
    let mut killed = Backend::start(&lab.backends[0]).unwrap();
    killed.decapsulation.stop(Signal::SIGKILL).unwrap();
    drop(killed);
    let mut next = Backend::start(&lab.backends[0]).unwrap();
    next.decapsulation.stop(Signal::SIGTERM).unwrap();
    assert_eq!(traces(&lab.backends[0]), before);
}

/// What a backend changes on its host.
fn traces(host: &Host) -> String {
    let script = "ip -o address show lo; ip route show table local; ip -6 route show table local; \
                  ip link show eth0 | grep xdp; grep . /proc/sys/net/ipv4/conf/all/arp_*";
    let output = host.namespace.command("sh").args(["-c", script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
