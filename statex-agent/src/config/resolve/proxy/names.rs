//! Checks between the proxy's tables: what is named must be there, what is there must be unique.

use std::net::SocketAddr;

use super::fit;
use crate::config::error::{Place, Report, did_you_mean};
use crate::config::meant::proxy::{CertificateSource, Listener, ListenerProtocol, Proxy, Version};
use crate::config::written::{Element, Key, Root, quoted};
use crate::proxy::route;

pub(super) fn check(root: &Root, proxy: &Proxy, report: &mut Report) {
    unique(root, report);
    addresses(root, report);
    named(root, report);
    certificates(root, proxy, report);
    routes(root, proxy, report);
}

fn unique(root: &Root, report: &mut Report) {
    let listeners = root.listener.list().iter().map(|one| &one.value.name);
    let certificates = root.certificate.list().iter().map(|one| &one.value.name);
    let routes = root.route.list().iter().map(|one| &one.value.name);
    let logs = root.access_log.list().iter().map(|one| &one.value.name);
    unique_names(listeners, "listener", report);
    unique_names(certificates, "certificate", report);
    unique_names(routes, "route", report);
    unique_names(logs, "log", report);
    let hosts = root.tls.or_empty().host;
    let names = hosts.list().iter().flat_map(|host| host.value.names.list());
    let names = names.map(|element| (element.value.to_ascii_lowercase(), &element.place));
    fit::unique(names, report, |name, first| {
        format!("\"{name}\" stands at {} already; remove one", first.key)
    });
}

fn unique_names<'a>(keys: impl Iterator<Item = &'a Key<String>>, kind: &str, report: &mut Report) {
    let named = keys.filter_map(|key| Some((key.given()?, &key.place)));
    fit::unique(named, report, |name, first| {
        format!("{} has the name \"{name}\" already; give this {kind} another", first.table())
    });
}

/// Two listeners on one address would each get some of the connections.
fn addresses(root: &Root, report: &mut Report) {
    let addresses = root.listener.list().iter().flat_map(|one| {
        let is_udp = one.value.protocol.given() == Some(&ListenerProtocol::Udp);
        let has_quic = one.value.versions.list().iter().any(|version| version.value == Version::H3);
        let kinds = [Some(is_udp), (has_quic && !is_udp).then_some(true)];
        let of = move |element| kinds.into_iter().flatten().map(move |kind| (element, kind));
        one.value.listen.list().iter().flat_map(of)
    });
    let addresses = addresses.map(|(element, is_udp)| ((element.value, is_udp), &element.place));
    fit::unique(addresses, report, |(address, _): &(SocketAddr, bool), first| {
        format!("{address} is listened on by {} already; remove one", first.key)
    });
}

/// Names of other tables, asked as written, so that each is checked even if its table makes no sense.
fn named(root: &Root, report: &mut Report) {
    let pools = names(root.pool.list().iter().map(|one| &one.value.name));
    let listeners = names(root.listener.list().iter().map(|one| &one.value.name));
    let certificates = names(root.certificate.list().iter().map(|one| &one.value.name));
    for listener in root.listener.list().iter().map(|one| &one.value) {
        exists(&listener.pool, &pools, "pool", report);
        all_exist(&listener.certificates, &certificates, "certificate", report);
    }
    for route in root.route.list().iter().map(|one| &one.value) {
        exists(&route.pool, &pools, "pool", report);
        for share in route.split.list() {
            exists(&share.value.pool, &pools, "pool", report);
        }
        all_exist(&route.listeners, &listeners, "listener", report);
    }
    for log in root.access_log.list().iter().map(|one| &one.value) {
        all_exist(&log.listeners, &listeners, "listener", report);
    }
}

/// All names; `None` where one could not be read: it may be the one that is looked for.
fn names<'a>(keys: impl Iterator<Item = &'a Key<String>>) -> Option<Vec<&'a str>> {
    keys.map(|key| key.given().map(String::as_str)).collect()
}

fn exists(key: &Key<String>, names: &Option<Vec<&str>>, kind: &str, report: &mut Report) {
    if let Some(name) = key.given() {
        is_one_of(name, &key.place, names, kind, report);
    }
}

fn all_exist(key: &Key<Vec<Element<String>>>, names: &Option<Vec<&str>>, kind: &str, report: &mut Report) {
    for element in key.list() {
        is_one_of(&element.value, &element.place, names, kind, report);
    }
}

fn is_one_of(name: &str, place: &Place, names: &Option<Vec<&str>>, kind: &str, report: &mut Report) {
    let Some(names) = names.as_ref().filter(|names| !names.contains(&name)) else { return };
    let advice = if names.is_empty() { format!("; add a [[{kind}]]") } else { did_you_mean(name, names) };
    report.error(place, format!("no {kind} has the name {}{advice}", quoted(name)));
}

fn certificates(root: &Root, proxy: &Proxy, report: &mut Report) {
    for listener in root.listener.list().iter().map(|one| &one.value) {
        if listener.protocol.given() == Some(&ListenerProtocol::Https) && root.certificate.list().is_empty() {
            report.error(&listener.protocol.place, "https needs a certificate; add a [[certificate]]");
        }
    }
    let from_acme = proxy.certificates.iter().any(|one| matches!(one.source, CertificateSource::Acme { .. }));
    if from_acme && root.acme.is_absent() {
        for certificate in root.certificate.list().iter().filter(|one| one.value.acme.given() == Some(&true))
        {
            report.error(&certificate.value.acme.place, "no [acme] says from where; add it");
        }
    }
}

fn routes(root: &Root, proxy: &Proxy, report: &mut Report) {
    // Only where all were understood do the two lists agree.
    if proxy.routes.len() != root.route.list().len() || proxy.listeners.len() != root.listener.list().len() {
        return;
    }
    let written: Vec<_> = root.route.list().iter().map(|one| &one.value).collect();
    for (first, second) in route::conflicts(&proxy.routes, &proxy.listeners) {
        let message = format!(
            "takes the same requests as route \"{}\", and neither is more specific; remove one, or ask more of one",
            proxy.routes[first].name
        );
        report.error(&written[second].name.place, message);
    }
    let has_http = proxy.listeners.iter().any(Listener::is_http);
    if !has_http && let Some(first) = written.first() {
        report
            .warn(&first.name.place, "no listener takes requests; add one of protocol \"http\" or \"https\"");
    }
    let takes = |listener: &Listener| {
        listener.redirect_to_https
            || proxy
                .routes
                .iter()
                .any(|route| route.listeners.is_empty() || route.listeners.contains(&listener.name))
    };
    for (listener, table) in proxy.listeners.iter().zip(root.listener.list()) {
        if listener.is_http() && !takes(listener) {
            report.warn(&table.value.name.place, "no route takes its requests; all of them get 404");
        }
    }
}
