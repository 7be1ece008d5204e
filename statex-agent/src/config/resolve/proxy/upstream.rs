//! The keys of `[[pool]]` that the proxy goes by.

use super::{fit, text};
use crate::config::error::Report;
use crate::config::meant::proxy::{BackendTls, Connections, DnsName, Host, Retries, Sticky, Upstream};
use crate::config::written::{self, Pool, Time, quoted};

/// Longest time that may be asked for.
const DAY: Time = Time::seconds(86_400);

pub(in crate::config::resolve) fn upstream(written: &Pool, report: &mut Report) -> Upstream {
    let protocol = written.protocol.given().copied().unwrap_or_default();
    if !protocol.is_tls() && !written.tls.is_absent() {
        report.error(&written.tls.place, "only h1-tls and h2-tls have this; set protocol, or remove it");
    }
    let slow_start = written.slow_start.within(Time::seconds(0)..=DAY, report);
    Upstream {
        protocol,
        tls: written.tls.given().map(|table| tls(table, report)).unwrap_or_default(),
        balance: written.balance.given().copied().unwrap_or_default(),
        connections: written.connections.given().map(|table| connections(table, report)).unwrap_or_default(),
        retries: written.retries.given().map(|table| retries(table, report)).unwrap_or_default(),
        slow_start: slow_start.map(|time| time.0).filter(|time| !time.is_zero()),
        when_dead: written.when_dead.given().copied().unwrap_or_default(),
        sticky: written.sticky.given().and_then(|table| sticky(table, report)),
        names: written
            .names
            .list()
            .iter()
            .filter_map(|name| dns_name(&name.value, protocol.port(), report))
            .collect(),
        prefer_region: written.prefer_region.given().copied().unwrap_or(false),
    }
}

fn tls(written: &written::BackendTls, report: &mut Report) -> BackendTls {
    let name = written.name.given().and_then(|name| match text::host(name, &written.name.place, report)? {
        Host::Exact(name) => Some(name),
        _ => {
            report.error(&written.name.place, "a backend has one name; give it without \"*\"");
            None
        }
    });
    let verify = written.verify.given().copied().unwrap_or(true);
    if !verify {
        report.warn(
            &written.verify.place,
            "whoever stands between can read and change everything; give ca instead",
        );
    }
    BackendTls { name, ca: text::file(&written.ca, report), verify }
}

fn connections(written: &written::Connections, report: &mut Report) -> Connections {
    let default = Connections::default();
    let most = fit::number(&written.most, 0, u32::MAX, report).filter(|most| *most > 0);
    let pending = fit::number(&written.pending, 0, u32::MAX, report).filter(|pending| *pending > 0);
    let idle_time = written.idle_time.within(Time::seconds(1)..=DAY, report);
    let connect = written.connect.within(Time::millis(10)..=Time::seconds(600), report);
    Connections {
        idle: fit::number(&written.idle, 0, 1_000_000u32, report).unwrap_or(default.idle),
        idle_time: idle_time.map_or(default.idle_time, |time| time.0),
        requests: fit::number(&written.requests, 1, u32::MAX, report).unwrap_or(default.requests),
        most,
        pending,
        connect: connect.map_or(default.connect, |time| time.0),
    }
}

fn retries(written: &written::Retries, report: &mut Report) -> Retries {
    let default = Retries::default();
    Retries {
        tries: fit::number(&written.tries, 1, 10u8, report).unwrap_or(default.tries),
        budget: fit::number(&written.budget, 0, 100u8, report).unwrap_or(default.budget),
    }
}

fn sticky(written: &written::Sticky, report: &mut Report) -> Option<Sticky> {
    let cookie = written.cookie.required(report, "name the cookie")?;
    let cookie = text::field_name(cookie, &written.cookie.place, report).map(|_| cookie.clone());
    let max_age = written.max_age.within(Time::seconds(1)..=Time::seconds(400 * 86_400), report);
    Some(Sticky { cookie: cookie?, max_age: max_age.map(|time| time.0) })
}

fn dns_name(written: &written::DnsName, port: u16, report: &mut Report) -> Option<DnsName> {
    let given = written.name.required(report, "give the name whose addresses are backends")?;
    let own_port = fit::port(&written.port, report);
    let Host::Exact(name) = text::host(given, &written.name.place, report)? else {
        report.error(&written.name.place, format!("{} stands for many names; give one", quoted(given)));
        return None;
    };
    Some(DnsName { name, port: own_port.unwrap_or(port) })
}
