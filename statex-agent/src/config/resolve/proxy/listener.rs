//! `[[listener]]`.

use std::net::SocketAddr;

use super::{fit, text};
use crate::config::error::Report;
use crate::config::meant::proxy::{
    Listener, ListenerLimits, ListenerProtocol, ListenerTimeouts, ProxyProtocol, Version,
};
use crate::config::written::{self, Element, Key, Time, quoted};

pub(super) fn listener(written: &written::Listener, report: &mut Report) -> Option<Listener> {
    written.name.required(report, "give the listener a name");
    let name = fit::name(&written.name, report);
    let listen = listen(&written.listen, report);
    let advice = "give \"http\", \"https\", \"tls\", \"tcp\" or \"udp\"";
    let protocol = written.protocol.required(report, advice).copied();
    let limits = written.limits.given().map(|table| limits(table, report));
    let timeouts = written.timeouts.given().map(|table| timeouts(table, report));
    let alt_svc = written
        .alt_svc
        .given()
        .and_then(|value| text::field_value(value, &written.alt_svc.place, report).map(|_| value.clone()));
    let proxy_protocol = proxy_protocol(written, report);
    let protocol = protocol?;
    refuse_foreign_keys(written, protocol, report);
    Some(Listener {
        name: name?,
        listen,
        protocol,
        versions: versions(written, protocol, report),
        pool: written.pool.given().cloned(),
        certificates: written.certificates.list().iter().map(|element| element.value.clone()).collect(),
        redirect_to_https: written.redirect_to_https.given().copied().unwrap_or(false),
        alt_svc: alt_svc.filter(|value| !value.is_empty()),
        proxy_protocol,
        trusted_proxies: written.trusted_proxies.list().iter().map(|element| element.value).collect(),
        encoded_slashes: written.encoded_slashes.given().copied().unwrap_or(false),
        limits: limits.unwrap_or_default(),
        timeouts: timeouts.unwrap_or_default(),
        quic_retry: written.quic_retry.given().copied().unwrap_or_default(),
    })
}

fn listen(key: &Key<Vec<Element<SocketAddr>>>, report: &mut Report) -> Vec<SocketAddr> {
    const ADVICE: &str = "give addresses with ports, such as [\"0.0.0.0:80\", \"[::]:80\"]";
    key.required(report, ADVICE);
    fit::not_empty(key, ADVICE, report);
    key.list().iter().map(|element| element.value).collect()
}

fn versions(written: &written::Listener, protocol: ListenerProtocol, report: &mut Report) -> Vec<Version> {
    let default: &[Version] = match protocol {
        ListenerProtocol::Http => &[Version::H1],
        ListenerProtocol::Https => &[Version::H1, Version::H2],
        _ => &[],
    };
    let Some(list) = written.versions.given() else { return default.to_vec() };
    fit::not_empty(&written.versions, "name the versions that are spoken, such as [\"h1\"]", report);
    for element in list {
        if element.value == Version::H3 && protocol == ListenerProtocol::Http {
            report.error(
                &element.place,
                "HTTP/3 is always encrypted; set protocol = \"https\", or remove this",
            );
        }
    }
    fit::unique(list.iter().map(|element| (element.value, &element.place)), report, |_, _| {
        "named twice; remove one".to_owned()
    });
    list.iter().map(|element| element.value).collect()
}

fn proxy_protocol(written: &written::Listener, report: &mut Report) -> ProxyProtocol {
    let from = &written.proxy_protocol_from;
    match written.proxy_protocol.given() {
        Some(true) => {
            let advice = "say whose PROXY headers are believed, such as [\"10.0.0.0/8\"]";
            from.required(report, advice);
            fit::not_empty(from, advice, report);
            ProxyProtocol::Required(from.list().iter().map(|element| element.value).collect())
        }
        _ => {
            if !from.is_absent() {
                report.error(
                    &from.place,
                    "has no effect without proxy_protocol = true; add it, or remove this",
                );
            }
            ProxyProtocol::Off
        }
    }
}

/// A key that the protocol has no use for is a mistake about the protocol.
fn refuse_foreign_keys(written: &written::Listener, protocol: ListenerProtocol, report: &mut Report) {
    use ListenerProtocol::{Http, Https, Tcp, Tls, Udp};
    let keys: [(&crate::config::error::Place, bool, &[ListenerProtocol]); 8] = [
        (&written.versions.place, written.versions.is_absent(), &[Http, Https]),
        (&written.certificates.place, written.certificates.is_absent(), &[Https]),
        (&written.redirect_to_https.place, written.redirect_to_https.is_absent(), &[Http]),
        (&written.alt_svc.place, written.alt_svc.is_absent(), &[Http, Https]),
        (&written.trusted_proxies.place, written.trusted_proxies.is_absent(), &[Http, Https]),
        (&written.encoded_slashes.place, written.encoded_slashes.is_absent(), &[Http, Https]),
        (&written.quic_retry.place, written.quic_retry.is_absent(), &[Https]),
        (&written.pool.place, written.pool.is_absent(), &[Tls, Tcp, Udp]),
    ];
    for (place, absent, owners) in keys {
        if !absent && !owners.contains(&protocol) {
            let words: Vec<String> = owners.iter().map(|owner| quoted(word(*owner))).collect();
            let message = format!(
                "a listener of protocol {} has no use for this; remove it (it is for {})",
                quoted(word(protocol)),
                words.join(", ")
            );
            report.error(place, message);
        }
    }
    if matches!(protocol, Tcp | Udp) {
        written.pool.required(report, "name the pool that connections go to");
    }
}

fn word(protocol: ListenerProtocol) -> &'static str {
    crate::config::meant::Words::word(protocol)
}

fn limits(written: &written::ListenerLimits, report: &mut Report) -> ListenerLimits {
    let default = ListenerLimits::default();
    let per_address = fit::number(&written.connections_per_address, 0, u32::MAX, report);
    ListenerLimits {
        connections: fit::number(&written.connections, 1, u32::MAX, report).unwrap_or(default.connections),
        connections_per_address: per_address.filter(|limit| *limit > 0),
        head: fit::number(&written.head, 1 << 10, 1u32 << 20, report).unwrap_or(default.head),
        fields: fit::number(&written.fields, 8, 128u16, report).unwrap_or(default.fields),
        target: fit::number(&written.target, 64, 1u32 << 19, report).unwrap_or(default.target),
        requests: fit::number(&written.requests, 1, u32::MAX, report).unwrap_or(default.requests),
        streams: fit::number(&written.streams, 1, 10_000u32, report).unwrap_or(default.streams),
    }
}

fn timeouts(written: &written::ListenerTimeouts, report: &mut Report) -> ListenerTimeouts {
    let default = ListenerTimeouts::default();
    let mut within = |key: &Key<Time>, default| {
        key.within(Time::millis(100)..=Time::seconds(86_400), report).map_or(default, |time| time.0)
    };
    ListenerTimeouts {
        handshake: within(&written.handshake, default.handshake),
        head: within(&written.head, default.head),
        idle: within(&written.idle, default.idle),
        body: within(&written.body, default.body),
        session: within(&written.session, default.session),
    }
}
