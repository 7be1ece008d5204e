//! Rows of services, and of the addresses that they stand behind.

use crate::config::{Affinity, Config, Destination, Forward, PortMatch, Protocol, Service};
use crate::state::key::ServiceKey;
use statex_common::abi::{self, Addr, service_flags as flag};
use std::collections::BTreeMap;
use std::net::IpAddr;

type Rows = BTreeMap<ServiceKey, abi::Service>;

/// Adds a service's row and its address's.
pub(super) fn rows(service: &Service, cpus: u32, rows: &mut Rows) {
    let key = ServiceKey::of(service);
    let any = match (service.port, service.protocol) {
        (PortMatch::One(_), _) => 0,
        (PortMatch::Any, Protocol::Tcp) => flag::ANY_TCP,
        (PortMatch::Any, Protocol::Udp) => flag::ANY_UDP,
    };
    let address = address(key, rows);
    address.flags.set(address.flags.get() | any);

    let row = empty(key, flags(service));
    row.flow_rate.set(service.new_flows_per_second.div_ceil(cpus));
    if let Some(rate) = &service.new_flows_per_source {
        row.source_rate.set(rate.per_second);
        row.source_burst.set(rate.burst);
        row.source_bits.set(u32::from(rate.ipv4_prefix_len) | u32::from(rate.ipv6_prefix_len) << 16);
    }
    rows.insert(key, row);
}

/// Adds rows for the node's own addresses that translated flows use, numbered as the data plane does: IPv4
/// first.
pub(super) fn nat_addresses(config: &Config, rows: &mut Rows) {
    let v4 = config.nat.ipv4.iter().copied().map(IpAddr::V4);
    let v6 = config.nat.ipv6.iter().copied().map(IpAddr::V6);
    for (place, ip) in v4.chain(v6).enumerate() {
        let key = ServiceKey { destination: Destination::Address(ip), port: 0, protocol: 0 };
        let row = address(key, rows);
        row.flags.set(row.flags.get() | flag::NAT_RETURN);
        row.nat_index = place as u32;
    }
}

fn address(key: ServiceKey, rows: &mut Rows) -> &mut abi::Service {
    let key = key.address();
    rows.entry(key).or_insert_with(|| empty(key, flag::LIVE | flag::ADDRESS))
}

fn empty(key: ServiceKey, flags: u32) -> abi::Service {
    let addr = match key.destination {
        Destination::Address(ip) => Addr::from(ip),
        Destination::Prefix(_) => Addr::UNSPECIFIED,
    };
    let port = key.port.to_be_bytes();
    let row = abi::Service { addr, port, protocol: key.protocol, ..abi::Service::default() };
    row.flags.set(flags);
    row
}

fn flags(service: &Service) -> u32 {
    let wide = service.port == PortMatch::Any || matches!(service.destination, Destination::Prefix(_));
    let given = [
        (true, flag::LIVE),
        (wide, flag::WIDE),
        (service.affinity == Affinity::Source, flag::AFFINITY),
        (service.quic, flag::QUIC),
        (service.forward == Forward::Local, flag::LOCAL),
        (service.forward == Forward::Nat, flag::NAT),
        (service.new_flows_per_second > 0, flag::FLOW_RATE),
        (service.new_flows_per_source.is_some(), flag::SOURCE_RATE),
    ];
    given.iter().filter(|(given, _)| *given).fold(0, |flags, (_, flag)| flags | flag)
}
