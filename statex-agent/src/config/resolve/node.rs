//! `[node]`, `[control]`, `[metrics]`, `[log]`, `[events]`.

use std::net::{IpAddr, SocketAddr};

use super::fit;
use crate::config::error::Report;
use crate::config::meant;
use crate::config::written::{Control, Element, Events, Key, Log, Metrics, Node, Root, quoted};

/// Longest path that `sockaddr_un` holds (unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;
/// `PATH_MAX` with room for the names of maps.
const LONGEST_PATH: usize = 3000;

pub(super) fn node(root: &Root, report: &mut Report) -> meant::Node {
    let (default, written) = (meant::Node::default(), &root.node.or_empty());
    // The proxy alone needs none.
    let may_have_none = root.service.is_absent() && !root.listener.is_absent();
    meant::Node {
        name: fit::label(&written.name, report),
        region: fit::label(&written.region, report),
        interfaces: match may_have_none && written.interfaces.is_absent() {
            true => Vec::new(),
            false => interfaces(written, report),
        },
        attach: written.attach.given().copied().unwrap_or_default(),
        pins: fit::absolute(&written.pins, LONGEST_PATH, report).unwrap_or(default.pins),
        on_stop: written.on_stop.given().copied().unwrap_or_default(),
        hash_secret: hash_secret(written, report),
        ipv4: own_address(&written.ipv4, report),
        ipv6: own_address(&written.ipv6, report),
    }
}

fn interfaces(written: &Node, report: &mut Report) -> Vec<String> {
    const ADVICE: &str = "name the interfaces that packets come by, such as [\"eth0\"]";
    let Some(list) = written.interfaces.required(report, ADVICE) else { return Vec::new() };
    if list.is_empty() {
        report.error(&written.interfaces.place, format!("empty; {ADVICE}"));
    }
    for element in list {
        fit::interface(&element.value, &element.place, report);
    }
    distinct(list, report)
}

/// The names of a list, in which each stands once.
fn distinct(list: &[Element<String>], report: &mut Report) -> Vec<String> {
    fit::unique(list.iter().map(|e| (&e.value, &e.place)), report, |name, _| {
        format!("{} is named twice; remove one", quoted(name))
    });
    list.iter().map(|element| element.value.clone()).collect()
}

fn hash_secret(written: &Node, report: &mut Report) -> Option<meant::Secret> {
    let bytes = &written.hash_secret.given()?.0;
    match bytes.len() {
        0 => None,
        meant::Secret::MIN_LEN.. => Some(meant::Secret(bytes.clone())),
        len => {
            let message = format!(
                "a secret has {} hexadecimal digits at least, this has {}; make one by `openssl rand -hex 32`",
                2 * meant::Secret::MIN_LEN,
                2 * len
            );
            report.error(&written.hash_secret.place, message);
            None
        }
    }
}

fn own_address<A: Copy + Into<IpAddr>>(key: &Key<A>, report: &mut Report) -> Option<A> {
    let address = *key.given()?;
    fit::unicast(address.into(), &key.place, report).then_some(address)
}

pub(super) fn control(written: &Control, report: &mut Report) -> meant::Control {
    let default = meant::Control::default();
    meant::Control {
        socket: fit::absolute(&written.socket, LONGEST_SOCKET_PATH, report).unwrap_or(default.socket),
        users: distinct(written.users.list(), report),
        groups: distinct(written.groups.list(), report),
    }
}

pub(super) fn metrics(written: &Metrics, report: &mut Report) -> Option<SocketAddr> {
    if written.listen.is_absent() {
        return Some(meant::DEFAULT_METRICS);
    }
    let text = written.listen.given().filter(|text| !text.is_empty())?;
    let address = text.parse().ok();
    if address.is_none() {
        let message = format!(
            "expected an address and port such as \"{}\", found {}",
            meant::DEFAULT_METRICS,
            quoted(text)
        );
        report.error(&written.listen.place, message);
    }
    address
}

pub(super) fn log(written: &Log) -> meant::Log {
    meant::Log {
        level: written.level.given().copied().unwrap_or_default(),
        format: written.format.given().copied().unwrap_or_default(),
        packets: written.packets.given().copied().unwrap_or_default(),
    }
}

pub(super) fn event_sample(written: &Events, report: &mut Report) -> u32 {
    fit::number(&written.sample, 0, u32::MAX, report).unwrap_or_default()
}
