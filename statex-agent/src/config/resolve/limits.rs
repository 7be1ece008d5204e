//! `[limits]`, `[timeouts]`.

use std::time::Duration;

use super::fit;
use crate::config::error::Report;
use crate::config::meant;
use crate::config::written::{Key, Limits, Time, Timeouts};

pub(super) fn limits(written: &Limits, report: &mut Report) -> meant::Limits {
    let default = meant::Limits::default();
    meant::Limits {
        // Ids are 16 bits wide, and id 0 is nobody.
        services: fit::number(&written.services, 1, 65_535, report).unwrap_or(default.services),
        backends: fit::number(&written.backends, 1, 65_535, report).unwrap_or(default.backends),
        flows: fit::number(&written.flows, 1_280, 1 << 28, report).unwrap_or(default.flows),
        ring_slots: fit::number(&written.ring_slots, 1_024, 1 << 28, report).unwrap_or(default.ring_slots),
        sources: fit::number(&written.sources, 64, 1 << 24, report).unwrap_or(default.sources),
    }
}

/// Ages are 16 bits wide and count in seconds; within half of that, old and new cannot be confused.
const LONGEST: Time = Time::seconds(8 * 3600);
const SHORTEST: Time = Time::seconds(1);

pub(super) fn timeouts(written: &Timeouts, report: &mut Report) -> meant::Timeouts {
    let default = meant::Timeouts::default();
    let mut time = |key: &Key<Time>, default: Duration| {
        key.within(SHORTEST..=LONGEST, report).map_or(default, |time| time.0)
    };
    let meant = meant::Timeouts {
        udp_idle: time(&written.udp_idle, default.udp_idle),
        tcp_idle: time(&written.tcp_idle, default.tcp_idle),
        nat_tcp_established: time(&written.nat_tcp_established, default.nat_tcp_established),
        nat_tcp_opening: time(&written.nat_tcp_opening, default.nat_tcp_opening),
        nat_tcp_closing: time(&written.nat_tcp_closing, default.nat_tcp_closing),
        nat_udp: time(&written.nat_udp, default.nat_udp),
        nat_udp_opening: time(&written.nat_udp_opening, default.nat_udp_opening),
    };
    let orders = [
        (&written.nat_tcp_opening, meant.nat_tcp_opening, "nat_tcp_established", meant.nat_tcp_established),
        (&written.nat_tcp_closing, meant.nat_tcp_closing, "nat_tcp_established", meant.nat_tcp_established),
        (&written.nat_udp_opening, meant.nat_udp_opening, "nat_udp", meant.nat_udp),
    ];
    for (key, short, longer, long) in orders {
        if short > long {
            let message =
                format!("{} is longer than {longer} ({}); make it shorter", Time(short), Time(long));
            report.error(&key.place, message);
        }
    }
    let recommended = [
        (&written.nat_tcp_established, Time::seconds(7440), "RFC 5382 §5"),
        (&written.nat_udp, Time::seconds(120), "RFC 4787 §4.3"),
    ];
    for (key, least, source) in recommended {
        if let Some(time) = key.given().filter(|time| **time < least) {
            report.warn(&key.place, format!("{time} is less than the {least} that {source} asks for"));
        }
    }
    meant
}
