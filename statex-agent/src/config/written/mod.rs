//! The configuration as written: which keys there are and of which type. Nothing is checked here that
//! needs more than the value itself, and no default is filled in.
//!
//! | file | |
//! |---|---|
//! | `mod.rs`, `proxy.rs` | the tables and their keys |
//! | `read.rs` | walks the document and collects mistakes |
//! | `text.rs` | values that are written as text or a bare number |
//! | `units.rs` | durations, numbers with a suffix, ranges, bytes |

mod proxy;
mod read;
mod text;
mod units;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use toml::de::{DeTable, DeValue};

use super::error::Place;
use super::meant::proxy::{BackendProtocol, Balance, WhenDead};
use super::meant::{
    Affinity, Attach, BackendState, Forward, LogFormat, LogLevel, Mac, Mode, OnStop, PortMatch, Protocol,
    RunnerKind, Via,
};
pub(super) use proxy::*;
pub(super) use read::{Element, Key, Map, Reader, Table, quoted};
use read::{Written, found, tables};
pub(super) use text::{ProbeKind, ReportForm};
pub(super) use units::{Hex, Payload, PortRange, SecretText, StatusRange, Time};

type List<T> = Vec<Element<T>>;

tables! {
    /// The file.
    Root {
        node: Node,
        control: Control,
        metrics: Metrics,
        log: Log,
        limits: Limits,
        timeouts: Timeouts,
        nat: Nat,
        encapsulation: Encapsulation,
        deny: Deny,
        events: Events,
        quic: Quic,
        heal: Heal,
        pool: List<Pool>,
        service: List<Service>,
        proxy: Proxy,
        listener: List<Listener>,
        tls: Tls,
        certificate: List<Certificate>,
        acme: Acme,
        route: List<Route>,
        access_log: List<AccessLog>,
    }
    Node {
        name: String,
        region: String,
        interfaces: List<String>,
        attach: Attach,
        pins: String,
        on_stop: OnStop,
        hash_secret: SecretText,
        ipv4: Ipv4Addr,
        ipv6: Ipv6Addr,
    }
    Control {
        socket: String,
        users: List<String>,
        groups: List<String>,
    }
    Metrics {
        listen: String,
    }
    Log {
        level: LogLevel,
        format: LogFormat,
        packets: bool,
    }
    Limits {
        services: i64,
        backends: i64,
        flows: i64,
        ring_slots: i64,
        sources: i64,
    }
    Timeouts {
        udp_idle: Time,
        tcp_idle: Time,
        nat_tcp_established: Time,
        nat_tcp_opening: Time,
        nat_tcp_closing: Time,
        nat_udp: Time,
        nat_udp_opening: Time,
    }
    Nat {
        addresses: List<IpAddr>,
        ports: PortRange,
    }
    Encapsulation {
        ipv4_source: Ipv4Net,
        ipv6_source: Ipv6Net,
        gue_port: i64,
    }
    Deny {
        prefixes: List<IpNet>,
    }
    Events {
        sample: i64,
    }
    Quic {
        id: List<QuicId>,
    }
    QuicId {
        rotation: i64,
        server_id_bytes: i64,
        nonce_bytes: i64,
    }
    Pool {
        name: String,
        backend: List<Backend>,
        health: Health,
        outlier: Outlier,
        report: Report,
        workload: Workload,
        heal: PoolHeal,
        protocol: BackendProtocol,
        tls: BackendTls,
        balance: Balance,
        connections: Connections,
        retries: Retries,
        slow_start: Time,
        when_dead: WhenDead,
        sticky: Sticky,
        names: List<DnsName>,
        prefer_region: bool,
    }
    Backend {
        name: String,
        address: IpAddr,
        port: i64,
        weight: i64,
        region: String,
        state: BackendState,
        server_id: Hex,
        next_hop: NextHop,
    }
    NextHop {
        interface: String,
        mac: Mac,
        vlan: i64,
    }
    Health {
        kind: ProbeKind,
        via: Via,
        interval: Time,
        timeout: Time,
        rise: i64,
        fall: i64,
        port: i64,
        path: String,
        host: String,
        expect_status: StatusRange,
        send: Payload,
        expect: Payload,
        fail_open: bool,
    }
    Report {
        kind: ReportForm,
        port: i64,
        path: String,
        send: Payload,
        interval: Time,
        timeout: Time,
    }
    Workload {
        executor: RunnerKind,
        socket: String,
        service: String,
        unit: String,
        bus: String,
        command: List<String>,
        replicas: i64,
        url: String,
        secret: SecretText,
        stop_within: Time,
        drain_within: Time,
        ready_within: Time,
        hook_signal: String,
        hook_command: List<String>,
        hook_url: String,
    }
    PoolHeal {
        mode: Mode,
        max_unhealthy: i64,
        grace: Time,
        stateful: bool,
        allowed: List<String>,
        budget: List<Budget>,
    }
    Budget {
        percent: i64,
        count: i64,
        begins: String,
        lasts: Time,
        zone: String,
    }
    Heal {
        audit: String,
        switch: String,
        lease: String,
        etcd: List<String>,
        etcd_key: String,
        alert_url: String,
        alert_command: List<String>,
    }
    Outlier {
        enforce: bool,
        max_ejected: i64,
        ejection: Time,
        longest_ejection: Time,
        slow_start: Time,
        latency: bool,
    }
    Service {
        name: String,
        address: IpAddr,
        prefix: IpNet,
        port: PortMatch,
        protocol: Protocol,
        pool: String,
        forward: Forward,
        affinity: Affinity,
        ring_slots: i64,
        quic: bool,
        new_flows_per_second: i64,
        new_flows_per_source: SourceRate,
        mtu: i64,
    }
    SourceRate {
        per_second: i64,
        burst: i64,
        ipv4_prefix_len: i64,
        ipv6_prefix_len: i64,
    }
}

/// Reads a document. `None`: it is not TOML, and the reader's report says where.
pub(super) fn read(text: &str, reader: &mut Reader<'_>) -> Option<Root> {
    let (document, mistakes) = DeTable::parse_recoverable(text);
    let mut last_line = 0;
    for mistake in mistakes {
        let line = mistake.span().map_or(0, |span| reader.line(span));
        // What follows on the same line comes of the first mistake.
        if line != last_line || line == 0 {
            reader
                .report
                .error(&Place { key: String::new(), line }, format!("not TOML: {}", mistake.message()));
        }
        last_line = line;
    }
    if !reader.report.errors.is_empty() {
        return None;
    }
    Root::read(&DeValue::Table(document.into_inner()), &Place::default(), reader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The file with every key in it, whether as a default or as an alternative.
    fn with_every_key() -> toml::Value {
        let file = include_str!("../../../../config/statex.toml");
        let uncomment = |line: &'static str| {
            let inside = line.strip_prefix('#').unwrap_or(line);
            let key = inside.trim_start_matches(' ').split_once(" = ").map_or("", |(key, _)| key);
            let is_table = inside.trim_start().starts_with('[') && inside.ends_with(']');
            let is_setting = is_table
                || inside.len() - inside.trim_start().len() <= 1
                    && !key.is_empty()
                    && key
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            if is_setting { inside } else { "" }
        };
        toml::from_str(&file.lines().map(uncomment).collect::<Vec<_>>().join("\n")).unwrap()
    }

    /// Adds the paths of all values; the keys of a map are its writer's own.
    fn paths(path: &str, value: &toml::Value, known: &BTreeSet<String>, found: &mut BTreeSet<String>) {
        match value {
            toml::Value::Table(table) if !known.contains(path) => {
                table.iter().for_each(|(key, value)| paths(&format!("{path}.{key}"), value, known, found));
            }
            toml::Value::Array(list) if list.first().is_some_and(toml::Value::is_table) => {
                list.iter().for_each(|value| paths(path, value, known, found));
            }
            _ => {
                found.insert(path.to_owned());
            }
        }
    }

    #[test]
    fn the_shipped_file_has_every_key_and_no_other() {
        let (mut known, mut shipped) = (BTreeSet::new(), BTreeSet::new());
        Root::key_paths("", &mut known);
        paths("", &with_every_key(), &known, &mut shipped);
        assert_eq!(shipped, known);
    }
}
