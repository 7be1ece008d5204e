//! `[nat]`, `[encapsulation]`, `[deny]`, `[[quic.id]]`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::fit;
use crate::config::error::Report;
use crate::config::meant;
use crate::config::written::{Deny, Encapsulation, Nat, Quic};

pub(super) fn nat(written: &Nat, report: &mut Report) -> meant::Nat {
    let mut nat = meant::Nat::default();
    for element in written.addresses.list() {
        match element.value {
            address if !fit::unicast(address, &element.place, report) => {}
            IpAddr::V4(v4) => nat.ipv4.push(v4),
            IpAddr::V6(v6) => nat.ipv6.push(v6),
        }
    }
    fit::unique(written.addresses.list().iter().map(|e| (e.value, &e.place)), report, |address, _| {
        format!("{address} is named twice; remove one")
    });
    for (family, count) in [("IPv4", nat.ipv4.len()), ("IPv6", nat.ipv6.len())] {
        if count > meant::Nat::MAX_ADDRESSES {
            let message =
                format!("{count} {family} addresses; at most {} can be used", meant::Nat::MAX_ADDRESSES);
            report.error(&written.addresses.place, message);
        }
    }
    if let Some(ports) = written.ports.given() {
        if ports.0 < 1024 {
            report.warn(
                &written.ports.place,
                "ports below 1024 belong to the node's own servers; begin at 1024 or above",
            );
        }
        nat.ports = ports.0..=ports.1;
    }
    nat
}

pub(super) fn encapsulation(written: &Encapsulation, report: &mut Report) -> meant::Encapsulation {
    let default = meant::Encapsulation::default();
    let ipv4_source = written.ipv4_source.given().copied();
    let ipv6_source = written.ipv6_source.given().copied();
    if let Some(prefix) = ipv4_source {
        fit::unicast(prefix.addr().into(), &written.ipv4_source.place, report);
        if prefix.prefix_len() < 8 {
            report.error(
                &written.ipv4_source.place,
                format!("{prefix} is too wide; give a prefix of 8 bits or more"),
            );
        }
    }
    if let Some(prefix) = ipv6_source {
        fit::unicast(prefix.addr().into(), &written.ipv6_source.place, report);
        if prefix.prefix_len() < 96 {
            let message = format!(
                "{prefix} is too wide: only the last 32 bits can vary; give a prefix of 96 bits or more"
            );
            report.error(&written.ipv6_source.place, message);
        }
    }
    let gue_port = fit::port(&written.gue_port, report).unwrap_or(default.gue_port);
    meant::Encapsulation { ipv4_source, ipv6_source, gue_port }
}

pub(super) fn deny(written: &Deny, report: &mut Report) -> Vec<IpNet> {
    let list = written.prefixes.list();
    for element in list.iter().filter(|element| element.value.prefix_len() == 0) {
        report.error(
            &element.place,
            format!("{} would drop every packet; name narrower prefixes", element.value),
        );
    }
    fit::unique(list.iter().map(|e| (e.value, &e.place)), report, |prefix, _| {
        format!("{prefix} is named twice; remove one")
    });
    list.iter().map(|element| element.value).collect()
}

/// Most bytes of server id and nonce together (draft-ietf-quic-load-balancers §3).
const LONGEST_ID: u8 = 19;

/// `None`: the shape of some id could not be read, so nothing can be checked against it.
pub(super) fn quic(written: &Quic, report: &mut Report) -> Option<Vec<meant::QuicId>> {
    let list = written.id.list();
    let mut ids = Vec::new();
    for id in list.iter().map(|element| &element.value) {
        id.rotation.required(report, "give the configuration rotation, 0 to 6");
        id.server_id_bytes.required(report, "give the length of the backends' server ids");
        id.nonce_bytes.required(report, "give the length of the nonce, 4 or more");
        let rotation = fit::number(&id.rotation, 0, 6u8, report);
        let server_id_bytes = fit::number(&id.server_id_bytes, 1, meant::QuicId::MAX_SERVER_ID, report);
        let nonce_bytes = fit::number(&id.nonce_bytes, 4, LONGEST_ID - 1, report);
        let (Some(rotation), Some(server_id_bytes), Some(nonce_bytes)) =
            (rotation, server_id_bytes, nonce_bytes)
        else {
            continue;
        };
        let sum = server_id_bytes + nonce_bytes;
        if sum > LONGEST_ID {
            let message = format!(
                "server id and nonce have {sum} bytes together; at most {LONGEST_ID} fit a connection id"
            );
            report.error(&id.nonce_bytes.place, message);
        }
        ids.push(meant::QuicId { rotation, server_id_bytes, nonce_bytes });
    }
    let rotations = list.iter().filter_map(|e| Some((*e.value.rotation.given()?, &e.value.rotation.place)));
    fit::unique(rotations, report, |rotation, first| {
        format!("rotation {rotation} is taken by {} already; give another", first.table())
    });
    (written.id.is_absent() || written.id.given().is_some_and(|list| list.len() == ids.len())).then_some(ids)
}
