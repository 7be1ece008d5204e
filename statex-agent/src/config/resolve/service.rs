//! `[[service]]`.

use super::{Service, fit};
use crate::config::error::Report;
use crate::config::meant::{self, Affinity, Destination, Forward, Protocol, SourceRate};
use crate::config::written;

/// Longest ring that a service can have.
const MAX_RING_SLOTS: u32 = 1_048_573;
const MIN_RING_SLOTS: u32 = 251;
/// Most flows that the data plane's token buckets hold.
const MAX_BURST: u32 = 4095;

/// Slots of a ring where the service does not say.
const RING_SLOTS: u32 = 65_537;

pub(super) fn service<'a>(written: &'a written::Service, report: &mut Report) -> Option<Service<'a>> {
    written.name.required(report, "give the service a name");
    let name = fit::name(&written.name, report);
    let destination = destination(written, report);
    let port = written.port.required(report, "give a port, or \"any\"").copied();
    let protocol = written.protocol.required(report, "give \"tcp\" or \"udp\"").copied();
    let forward =
        written.forward.required(report, "give \"ipip\", \"gue\", \"l2\", \"nat\" or \"local\"").copied();
    let quic = written.quic.given().copied().unwrap_or(false);
    if quic && protocol == Some(Protocol::Tcp) {
        report.error(&written.quic.place, "QUIC runs over UDP; set protocol = \"udp\", or remove this");
    }
    let ring_slots = ring_slots(written, report);
    let new_flows_per_second = fit::number(&written.new_flows_per_second, 0, u32::MAX, report).unwrap_or(0);
    let new_flows_per_source =
        written.new_flows_per_source.given().and_then(|table| source_rate(table, report));
    let mtu = fit::number(&written.mtu, 576, u16::MAX, report);
    if forward == Some(Forward::Local) {
        warn_of_idle_keys(written, report);
    }
    let meant = meant::Service {
        name: name?,
        destination: destination?,
        port: port?,
        protocol: protocol?,
        pool: written.pool.given().cloned(),
        forward: forward?,
        affinity: written.affinity.given().copied().unwrap_or(Affinity::None),
        ring_slots,
        quic,
        new_flows_per_second,
        new_flows_per_source,
        mtu,
    };
    Some(Service { written, meant })
}

fn destination(written: &written::Service, report: &mut Report) -> Option<Destination> {
    match (written.address.is_absent(), written.prefix.is_absent()) {
        (true, true) => {
            report.error(
                &written.address.place,
                "missing; give an address, or a prefix for all of its addresses",
            );
            None
        }
        (false, false) => {
            report.error(&written.prefix.place, "a service has an address or a prefix, not both; remove one");
            None
        }
        (false, true) => {
            let address = *written.address.given()?;
            fit::unicast(address, &written.address.place, report).then_some(Destination::Address(address))
        }
        (true, false) => {
            let (prefix, place) = (*written.prefix.given()?, &written.prefix.place);
            if prefix.prefix_len() == prefix.max_prefix_len() {
                report
                    .error(place, format!("{prefix} is one address; write address = \"{}\"", prefix.addr()));
                return None;
            }
            if prefix.prefix_len() == 0 {
                report.error(
                    place,
                    format!("{prefix} is every address there is; give the prefix that is routed here"),
                );
                return None;
            }
            fit::unicast(prefix.addr(), place, report).then_some(Destination::Prefix(prefix))
        }
    }
}

fn ring_slots(written: &written::Service, report: &mut Report) -> u32 {
    let Some(slots) = fit::number(&written.ring_slots, MIN_RING_SLOTS, MAX_RING_SLOTS, report) else {
        return RING_SLOTS;
    };
    if !is_prime(slots) {
        // Both bounds are prime, so there is always one between.
        let nearest =
            (1..).find_map(|step| [slots + step, slots - step].into_iter().find(|near| is_prime(*near)));
        let message = format!("{slots} is not a prime; the nearest is {}", nearest.unwrap_or(RING_SLOTS));
        report.error(&written.ring_slots.place, message);
    }
    slots
}

fn is_prime(number: u32) -> bool {
    number > 1
        && (2..)
            .take_while(|divisor| divisor * divisor <= number)
            .all(|divisor| !number.is_multiple_of(divisor))
}

fn source_rate(written: &written::SourceRate, report: &mut Report) -> Option<SourceRate> {
    written.per_second.required(report, "give the new flows that a source may open in a second");
    let per_second = fit::number(&written.per_second, 1, 1_000_000, report);
    let burst = fit::number(&written.burst, 1, MAX_BURST, report);
    let ipv4_prefix_len = fit::number(&written.ipv4_prefix_len, 1, 32, report).unwrap_or(24);
    let ipv6_prefix_len = fit::number(&written.ipv6_prefix_len, 1, 128, report).unwrap_or(48);
    let per_second = per_second?;
    Some(SourceRate {
        per_second,
        burst: burst.unwrap_or(per_second.min(MAX_BURST)),
        ipv4_prefix_len,
        ipv6_prefix_len,
    })
}

fn warn_of_idle_keys(written: &written::Service, report: &mut Report) {
    let keys = [
        (&written.affinity.place, written.affinity.is_absent()),
        (&written.ring_slots.place, written.ring_slots.is_absent()),
        (&written.quic.place, written.quic.is_absent()),
        (&written.mtu.place, written.mtu.is_absent()),
        (&written.new_flows_per_second.place, written.new_flows_per_second.is_absent()),
        (&written.new_flows_per_source.place, written.new_flows_per_source.is_absent()),
    ];
    for (place, absent) in keys {
        if !absent {
            report.warn(place, "has no effect with forward = \"local\", which has no flows to backends");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_told_from_others() {
        for prime in [2, 3, 251, 16_381, 65_537, MAX_RING_SLOTS, MIN_RING_SLOTS, RING_SLOTS] {
            assert!(is_prime(prime), "{prime}");
        }
        for other in [0, 1, 4, 65_536, 251 * 251] {
            assert!(!is_prime(other), "{other}");
        }
    }
}
