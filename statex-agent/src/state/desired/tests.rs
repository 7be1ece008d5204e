//! What the tables should hold, for every kind of service and state of backend.

use super::*;
use crate::health::Verdict;
use crate::health::influence::{Admits, Influence};
use crate::kernel::neighbours::Fact;
use crate::kernel::next_hop::NextHop;
use crate::state::event::Event;
use crate::state::fixture::{Rig, address, config, hop, https, pool, service};
use crate::state::key::ServiceKey;
use statex_common::abi::{BackendState, Egress, Mode, NextHop as HopWord, service_flags as flag};
use statex_common::rewrite::checksum::Sum;

fn key(state: &crate::state::model::State, service: usize) -> ServiceKey {
    ServiceKey::of(&state.config.services[service])
}

fn takers(rig: &Rig) -> Vec<u8> {
    let ring = rig.desired().rings.into_values().next().unwrap();
    let takers = ring.seats.iter().filter(|seat| seat.takes).map(|seat| seat.backend.address);
    takers.filter_map(|ip| (1..=50).find(|n| address(*n) == ip)).collect()
}

fn rows(rig: &Rig) -> Vec<Backend> {
    rig.desired().backends.into_values().collect()
}

fn state_of(row: &Backend) -> u8 {
    Egress::from_word(row.egress.get()).state
}

fn influence(rig: &mut Rig, n: u8, influence: Influence) {
    let name = crate::state::key::BackendName { pool: "web".into(), backend: format!("web-{n}") };
    rig.hear(Event::Influence(vec![(name, influence)]));
}

#[test]
fn who_is_ejected_takes_no_new_flows_while_others_do_and_keeps_its_row_alive() {
    let mut rig = Rig::new(&https(2));
    let out = Influence { admits: Admits::None, share: 20 };
    influence(&mut rig, 1, out);
    assert_eq!(takers(&rig), [2]);
    assert!(rows(&rig).iter().all(|row| state_of(row) == BackendState::Alive as u8));
    influence(&mut rig, 2, out);
    assert_eq!(takers(&rig), [1, 2]);
}

#[test]
fn a_dead_peer_lets_the_ejected_in() {
    let mut rig = Rig::new(&https(2));
    influence(&mut rig, 1, Influence { admits: Admits::None, share: 20 });
    rig.health(2, Verdict::Dead);
    assert_eq!(takers(&rig), [1]);
}

#[test]
fn a_share_of_its_weight_is_what_health_leaves() {
    let mut rig = Rig::new(&https(2));
    influence(&mut rig, 1, Influence { admits: Admits::All, share: 5 });
    let ring = rig.desired().rings.into_values().next().unwrap();
    assert_eq!(
        ring.seats.iter().map(|seat| (seat.weight, seat.share)).collect::<Vec<_>>(),
        [(1, 5), (1, 20)]
    );
}

#[test]
fn a_service_has_a_row_and_so_has_its_address() {
    let rig = Rig::new(&https(2));
    let rows = rig.desired().services;
    let (service, address) = (key(&rig.state, 0), key(&rig.state, 0).address());
    assert_eq!(rows[&service].flags.get(), flag::LIVE);
    assert_eq!((rows[&service].port, rows[&service].protocol), ([1, 187], 6));
    assert_eq!(rows[&address].flags.get(), flag::LIVE | flag::ADDRESS);
}

#[test]
fn any_port_is_said_of_the_address_too() {
    let text = service("all", "udp", "forward = \"ipip\"").replace("port = 443", "port = \"any\"");
    let text = pool(1).replace("[pool.health]\ninterval = \"2s\"", "") + &text;
    let rig = Rig::new(&text);
    let rows = rig.desired().services;
    assert_eq!(rows[&key(&rig.state, 0)].flags.get(), flag::LIVE | flag::WIDE);
    assert_eq!(rows[&key(&rig.state, 0).address()].flags.get(), flag::LIVE | flag::ADDRESS | flag::ANY_UDP);
}

#[test]
fn nat_addresses_have_rows_for_what_comes_back() {
    let text = service("nat", "tcp", "forward = \"nat\"");
    let rig = Rig::new(&(pool(1) + &text));
    let own = ServiceKey {
        destination: crate::config::Destination::Address([192, 0, 2, 11].into()),
        port: 0,
        protocol: 0,
    };
    let desired = rig.desired();
    assert_eq!(desired.services[&own].flags.get(), flag::LIVE | flag::ADDRESS | flag::NAT_RETURN);
    assert_eq!(desired.services[&key(&rig.state, 0)].flags.get(), flag::LIVE | flag::NAT);
    let row = desired.backends.values().next().unwrap();
    assert_eq!((row.port, row.outer), ([1, 187], [0; 10]));
}

#[test]
fn rates_are_shared_by_the_cpus() {
    let text = "forward = \"ipip\"\nnew_flows_per_second = 1001";
    let rig = Rig::new(&(pool(1) + &service("https", "tcp", text)));
    let row = &rig.desired().services[&key(&rig.state, 0)];
    assert_eq!((row.flow_rate.get(), row.flags.get() & flag::FLOW_RATE), (501, flag::FLOW_RATE));
}

#[test]
fn the_outer_header_is_finished_but_for_what_varies() {
    let row = &rows(&Rig::new(&https(1)))[0];
    let bytes: Vec<u8> = row.outer.iter().flat_map(|word| word.to_ne_bytes()).collect();
    assert_eq!(bytes[..10], [0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 4]);
    assert_eq!(bytes[12..20], [192, 0, 2, 10, 198, 51, 100, 1]);
    // With its length put in, the sum in the header makes it valid (RFC 1071 §2).
    let len = u16::from_ne_bytes(60u16.to_be_bytes());
    let checksum = Sum::ZERO.add16(u16::from_ne_bytes([bytes[10], bytes[11]])).add16(len).checksum();
    let words = [
        row.outer[0] | u32::from(len) << 16,
        row.outer[1],
        u32::from_ne_bytes([64, 4, 0, 0]),
        row.outer[3],
        row.outer[4],
    ];
    let sum = words.iter().fold(Sum::ZERO, |sum, word| sum.add32(*word)).add16(checksum);
    assert_eq!(sum.fold(), 0xffff);
}

#[test]
fn the_mtu_is_what_fits_inside() {
    let mtu = |forward: &str| {
        let rig = Rig::new(&(pool(1) + &service("s", "tcp", &format!("forward = \"{forward}\""))));
        rows(&rig)[0].mtu.get()
    };
    assert_eq!([mtu("ipip"), mtu("gue"), mtu("l2"), mtu("nat")], [1480, 1472, 1500, 1500]);
}

#[test]
fn a_backend_without_a_way_has_no_row_and_no_flows() {
    let mut rig = Rig::new(&https(3));
    rig.state.hops.remove(&address(2));
    assert_eq!((takers(&rig), rows(&rig).len()), (vec![1, 3], 2));
}

#[test]
fn a_way_that_is_lost_is_kept_for_running_flows() {
    let mut rig = Rig::new(&https(3));
    rig.lose_hop(2);
    assert_eq!(takers(&rig), [1, 3]);
    assert_eq!(rows(&rig).iter().map(state_of).collect::<Vec<_>>(), [BackendState::Alive as u8; 3]);
}

#[test]
fn an_outage_that_hits_all_alike_changes_nothing() {
    let mut rig = Rig::new(&https(3));
    rig.health(3, Verdict::Dead);
    (1..=3).for_each(|n| rig.lose_hop(n));
    assert_eq!(takers(&rig), [1, 2]);
}

#[test]
fn the_dead_take_nothing_while_others_live() {
    let mut rig = Rig::new(&https(3));
    rig.health(2, Verdict::Dead);
    assert_eq!(takers(&rig), [1, 3]);
    assert_eq!(rows(&rig).iter().map(state_of).collect::<Vec<_>>(), [1, 2, 1]);
}

#[test]
fn when_all_look_dead_all_are_used_but_the_drained() {
    let mut rig = Rig::new(&https(3));
    (1..=3).for_each(|n| rig.health(n, Verdict::Dead));
    rig.drain(2, true);
    assert_eq!(takers(&rig), [1, 3]);
    assert_eq!(rows(&rig).iter().map(state_of).collect::<Vec<_>>(), [1, 2, 1]);
}

#[test]
fn a_pool_that_must_not_fail_open_has_nobody() {
    let mut rig = Rig::new(&https(2).replace("interval = \"2s\"", "interval = \"2s\"\nfail_open = false"));
    (1..=2).for_each(|n| rig.health(n, Verdict::Dead));
    assert!(takers(&rig).is_empty());
}

#[test]
fn weight_zero_takes_nothing_and_lives() {
    let rig = Rig::new(&https(2).replace("name = \"web-1\"", "name = \"web-1\"\nweight = 0"));
    assert_eq!(takers(&rig), [2]);
    assert_eq!(state_of(&rows(&rig)[0]), BackendState::Alive as u8);
}

#[test]
fn quic_server_ids_are_in_the_rows_of_quic_services_only() {
    let text = pool(1)
        + &service("h3", "udp", "forward = \"ipip\"\nquic = true")
        + &service("tcp", "tcp", "forward = \"ipip\"");
    let rig = Rig::new(&text);
    let desired = rig.desired();
    let ids: Vec<_> =
        desired.backends.values().map(|row| (row.protocol, row.server_id, row.server_id_len)).collect();
    assert_eq!(ids, [(6, 0, 0), (17, 1, 4)]);
    assert_eq!(desired.quic[0], 4 | 6 << 8);
}

#[test]
fn a_fixed_next_hop_puts_its_tag_on() {
    let fixed = "next_hop = { interface = \"eth0\", mac = \"02:00:00:00:09:09\", vlan = 42 }\n";
    let rig = Rig::new(
        &https(1).replace("address = \"198.51.100.1\"\n", &format!("address = \"198.51.100.1\"\n{fixed}")),
    );
    assert_eq!(HopWord::from_word(rows(&rig)[0].next_hop.get()).vlan, 42);
    let wanted = rig.state.wanted_hops();
    assert_eq!(wanted[&address(1)].as_ref().unwrap().mac, [2, 0, 0, 0, 9, 9]);
}

#[test]
fn ipv6_goes_out_in_ipv6() {
    let text = https(1).replace("198.51.100.1", "2001:db8::1").replace("203.0.113.1", "2001:db8:f::1");
    let mut rig = Rig::new(&text);
    let next_hop = Ok(NextHop { source: None, ..hop(1) });
    rig.hear(Event::Kernel(Fact::NextHop { address: "2001:db8::1".parse().unwrap(), next_hop }));
    let row = &rows(&rig)[0];
    assert_eq!((Egress::from_word(row.egress.get()).outer_v6, row.mtu.get()), (true, 1460));
    assert_eq!(row.outer[1].to_ne_bytes(), [0, 0, 41, 64]);
    assert_eq!(row.outer[6..], row.addr.0);
    assert_eq!(Egress::from_word(row.egress.get()).mode, Mode::Ipip as u8);
}

#[test]
fn links_in_use_are_told_of() {
    let mut rig = Rig::new(&https(1));
    for (index, name) in [(2, "eth1"), (3, "eth0"), (4, "eth2")] {
        rig.hear(Event::Kernel(Fact::Link(crate::kernel::links::ethernet(index, name))));
    }
    assert_eq!(rig.desired().links.into_keys().collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn a_reload_forgets_what_is_no_longer_configured() {
    let mut rig = Rig::new(&https(3));
    rig.drain(3, true);
    rig.drain(1, true);
    rig.health(3, Verdict::Dead);
    rig.hear(Event::Configured(config(&https(2))));
    rig.hear(Event::Configured(config(&https(3))));
    assert_eq!(rig.state.drained.len(), 1, "web-1 stays drained, web-3 was away");
    assert!(rig.state.verdicts.is_empty());
    assert!(!rig.state.hops.contains_key(&address(3)));
}
