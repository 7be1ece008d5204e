//! `[[pool]]`, `[[pool.backend]]`.

use std::net::SocketAddr;

use super::{Pool, fit, heal, health, outlier, proxy, workload};
use crate::config::error::Report;
use crate::config::meant::{self, BackendState, Mode, QuicId};
use crate::config::written::{self, Hex, Key, quoted};

pub(super) fn pool<'a>(
    written: &'a written::Pool,
    quic: Option<&[QuicId]>,
    report: &mut Report,
) -> Option<Pool<'a>> {
    written.name.required(report, "give the pool a name");
    let name = fit::name(&written.name, report);
    let mut backends = Vec::new();
    let mut meant_backends = Vec::new();
    for element in written.backend.list() {
        if let Some(meant) = backend(&element.value, quic, report) {
            backends.push(&element.value);
            meant_backends.push(meant);
        }
    }
    let health = match written.health.given() {
        Some(table) => health::health(table, report),
        None => {
            if written.health.is_absent() {
                let advice =
                    "a dead backend keeps its share of flows; add [pool.health], or kind = \"none\" there";
                report.warn(&written.health.place, format!("no health checks: {advice}"));
            }
            None
        }
    };
    warn_if_nobody_serves(written, &meant_backends, report);
    let outlier = outlier::outlier(&written.outlier.or_empty(), report);
    let heal = written.heal.given().map(|table| heal::heal(table, report));
    let workload = written.workload.given().and_then(|table| workload::workload(table, report));
    let asked = written.report.given().and_then(|table| workload::report(table, report));
    names_of_backends(written, &meant_backends, report);
    if heal.as_ref().is_some_and(|heal| heal.mode != Mode::Observe) && written.workload.is_absent() {
        let message = "nobody can restart its replicas: all that can be done is to drain, and to call a person; add [pool.workload]";
        report.warn(&written.heal.place, message);
    }
    let upstream = proxy::upstream(written, report);
    let meant = meant::Pool {
        name: name?,
        backends: meant_backends,
        health,
        outlier,
        report: asked,
        workload,
        heal,
        upstream,
    };
    Some(Pool { written, backends, meant })
}

/// Who is allowed by name must be there: a name that nobody has would allow nothing, silently.
fn names_of_backends(written: &written::Pool, backends: &[meant::Backend], report: &mut Report) {
    let Some(heal) = written.heal.given() else { return };
    for allowed in heal.allowed.list() {
        if !backends.iter().any(|backend| backend.name == allowed.value) {
            let message = format!("{} is no backend of this pool", quoted(&allowed.value));
            report.error(&allowed.place, message);
        }
    }
}

fn warn_if_nobody_serves(written: &written::Pool, backends: &[meant::Backend], report: &mut Report) {
    if !written.names.list().is_empty() {
        return;
    }
    if written.backend.is_absent() || written.backend.given().is_some_and(Vec::is_empty) {
        report.warn(&written.backend.place, "the pool has no backend; new flows to its services are dropped");
    } else if !backends.is_empty() && backends.iter().all(|b| b.weight == 0 || b.state == BackendState::Drain)
    {
        let message = "every backend has weight 0 or drains; new flows to the pool's services are dropped";
        report.warn(&written.backend.place, message);
    }
}

fn backend(
    written: &written::Backend,
    quic: Option<&[QuicId]>,
    report: &mut Report,
) -> Option<meant::Backend> {
    let name = fit::name(&written.name, report);
    let port = fit::port(&written.port, report);
    let weight = fit::number(&written.weight, 0, u32::from(u16::MAX), report).unwrap_or(1);
    let region = fit::label(&written.region, report);
    let server_id = server_id(&written.server_id, quic, report);
    let next_hop = written.next_hop.given().and_then(|table| next_hop(table, report));
    let address = *written.address.required(report, "give the backend's IP address")?;
    if !fit::reachable(address, &written.address.place, report) {
        return None;
    }
    let default_name = || match port {
        Some(port) => SocketAddr::from((address, port)).to_string(),
        None => address.to_string(),
    };
    Some(meant::Backend {
        name: name.unwrap_or_else(default_name),
        address,
        port,
        weight,
        region,
        state: written.state.given().copied().unwrap_or_default(),
        server_id,
        next_hop,
    })
}

pub(super) fn server_id(written: &Key<Hex>, quic: Option<&[QuicId]>, report: &mut Report) -> Vec<u8> {
    let Some(id) = written.given() else { return Vec::new() };
    let Some(quic) = quic else { return id.0.clone() };
    if !id.0.is_empty() && !quic.iter().any(|shape| usize::from(shape.server_id_bytes) == id.0.len()) {
        let lengths: Vec<String> = quic.iter().map(|shape| shape.server_id_bytes.to_string()).collect();
        let advice = match lengths.as_slice() {
            [] => "there is no [[quic.id]]; add one".to_owned(),
            lengths => format!("[[quic.id]] has {}; make them agree", lengths.join(" and ")),
        };
        report.error(&written.place, format!("the server id has {} bytes, but {advice}", id.0.len()));
    }
    id.0.clone()
}

fn next_hop(written: &written::NextHop, report: &mut Report) -> Option<meant::NextHop> {
    let vlan = fit::number(&written.vlan, 1u16, 4094, report);
    let interface = written.interface.required(report, "name the interface that packets leave by");
    let mac = written.mac.required(report, "give the next hop's MAC address").copied();
    let interface = interface.filter(|name| fit::interface(name, &written.interface.place, report))?;
    let mac = mac?;
    if mac.0[0] & 1 == 1 || mac.0 == [0; 6] {
        report.error(
            &written.mac.place,
            format!("{mac} is not the address of one station; give the next hop's own"),
        );
        return None;
    }
    Some(meant::NextHop { interface: interface.clone(), mac, vlan })
}
