//! `[pool.health]`.

use std::time::Duration;

use super::fit;
use crate::config::error::Report;
use crate::config::meant::{self, Probe};
use crate::config::written::{Health, ProbeKind, StatusRange, Time, quoted};

const INTERVAL: Time = Time::seconds(2);
const TIMEOUT: Time = Time::seconds(1);

/// `None`: there shall be no probes, or the kind could not be read.
pub(super) fn health(written: &Health, report: &mut Report) -> Option<meant::Health> {
    let kind = match written.kind.given() {
        Some(kind) => *kind,
        None if written.kind.is_absent() => ProbeKind::Tcp,
        None => return None,
    };
    let (interval, timeout) = times(written, report);
    let rise = fit::number(&written.rise, 1, 100u8, report).unwrap_or(2);
    let fall = fit::number(&written.fall, 1, 100u8, report).unwrap_or(3);
    let port = fit::port(&written.port, report);
    let probe = match kind {
        ProbeKind::None => return None,
        ProbeKind::Tcp => Probe::Tcp,
        ProbeKind::Http => http(written, report),
        ProbeKind::Udp => udp(written, report),
    };
    refuse_foreign_keys(written, kind, report);
    Some(meant::Health {
        probe,
        via: written.via.given().copied().unwrap_or_default(),
        interval,
        timeout,
        rise: rise.into(),
        fall: fall.into(),
        port,
        fail_open: written.fail_open.given().copied().unwrap_or(true),
    })
}

fn times(written: &Health, report: &mut Report) -> (Duration, Duration) {
    let interval =
        written.interval.within(Time::millis(100)..=Time::seconds(3600), report).unwrap_or(INTERVAL);
    let timeout = written.timeout.within(Time::millis(10)..=Time::seconds(60), report);
    if let Some(timeout) = timeout.filter(|timeout| *timeout > interval) {
        let message = format!(
            "{timeout} is longer than the interval ({interval}); make it shorter, or the interval longer"
        );
        report.error(&written.timeout.place, message);
    }
    (interval.0, timeout.unwrap_or(TIMEOUT.min(interval)).0)
}

fn http(written: &Health, report: &mut Report) -> Probe {
    if let Some(path) = written.path.given().filter(|path| !path.starts_with('/')) {
        report.error(&written.path.place, format!("{} does not begin with \"/\"", quoted(path)));
    }
    for key in [&written.path, &written.host] {
        if let Some(text) = key.given().filter(|text| !text.bytes().all(|byte| byte.is_ascii_graphic())) {
            let message = format!(
                "{} holds spaces or other bytes that HTTP does not take here; encode them",
                quoted(text)
            );
            report.error(&key.place, message);
        }
    }
    let StatusRange(first, last) = written.expect_status.given().copied().unwrap_or(StatusRange(200, 399));
    Probe::Http {
        path: written.path.given().cloned().unwrap_or_else(|| "/".to_owned()),
        host: written.host.given().cloned(),
        expect_status: first..=last,
    }
}

fn udp(written: &Health, report: &mut Report) -> Probe {
    let send = written.send.required(report, "say what a udp probe sends, such as \"ping\" or \"hex:00ff\"");
    if send.is_some_and(|payload| payload.0.len() > 1200) {
        report.error(
            &written.send.place,
            "the payload is longer than 1200 bytes, which some networks do not carry",
        );
    }
    Probe::Udp {
        send: send.map(|payload| payload.0.clone()).unwrap_or_default(),
        expect: written.expect.given().map(|payload| payload.0.clone()).unwrap_or_default(),
    }
}

/// A key that the kind of probe has no use for is a mistake about the kind.
fn refuse_foreign_keys(written: &Health, kind: ProbeKind, report: &mut Report) {
    let keys = [
        (&written.path.place, written.path.is_absent(), ProbeKind::Http, "http"),
        (&written.host.place, written.host.is_absent(), ProbeKind::Http, "http"),
        (&written.expect_status.place, written.expect_status.is_absent(), ProbeKind::Http, "http"),
        (&written.send.place, written.send.is_absent(), ProbeKind::Udp, "udp"),
        (&written.expect.place, written.expect.is_absent(), ProbeKind::Udp, "udp"),
    ];
    for (place, absent, owner, word) in keys {
        if !absent && owner != kind {
            report.error(place, format!("only {word} probes have this; remove it, or set kind = \"{word}\""));
        }
    }
}
