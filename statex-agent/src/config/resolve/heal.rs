//! `[heal]`, `[pool.heal]`.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::fit;
use crate::config::error::Report;
use crate::config::meant::{self, Budget, LeasePlace, Most, Window};
use crate::config::written::{self, Element, Key, Time, quoted};
use crate::cron::Cron;
use crate::web::Url;

/// Longest path of a file.
const LONGEST_PATH: usize = 3000;
const HOUR: Time = Time::seconds(3600);

/// What all pools share.
pub(super) fn healing(written: &written::Heal, report: &mut Report) -> meant::Healing {
    let default = meant::Healing::default();
    let lease = fit::absolute(&written.lease, LONGEST_PATH, report);
    let key = written.etcd_key.given().filter(|key| !key.is_empty());
    if written.etcd_key.given().is_some_and(String::is_empty) {
        report
            .error(&written.etcd_key.place, "empty; name the key that nodes share, such as \"statex/heal\"");
    }
    let endpoints: Vec<Url> = written.etcd.list().iter().filter_map(|it| url_of(it, report)).collect();
    let lease = match (endpoints.is_empty(), lease) {
        (true, lease) => lease.map_or(default.lease, LeasePlace::File),
        (false, _) => {
            LeasePlace::Etcd { endpoints, key: key.cloned().unwrap_or_else(|| "statex/heal".to_owned()) }
        }
    };
    if !written.lease.is_absent() && !written.etcd.list().is_empty() {
        report.error(
            &written.lease.place,
            "with etcd the lease is there, not in a file; remove one of the two",
        );
    }
    meant::Healing {
        audit: fit::absolute(&written.audit, LONGEST_PATH, report).unwrap_or(default.audit),
        switch: fit::absolute(&written.switch, LONGEST_PATH, report).unwrap_or(default.switch),
        lease,
        alert: meant::Alert {
            url: optional_url(&written.alert_url, report),
            command: words(&written.alert_command, report).unwrap_or_default(),
        },
    }
}

/// What may be done to a pool's replicas.
pub(super) fn heal(written: &written::PoolHeal, report: &mut Report) -> meant::Heal {
    let default = meant::Heal::default();
    let budgets: Vec<Budget> =
        written.budget.list().iter().filter_map(|it| budget(&it.value, report)).collect();
    meant::Heal {
        mode: written.mode.given().copied().unwrap_or_default(),
        budgets: if written.budget.list().is_empty() { default.budgets } else { budgets },
        max_unhealthy: fit::number(&written.max_unhealthy, 1, 100u8, report).unwrap_or(default.max_unhealthy),
        grace: written.grace.within(Time::millis(0)..=HOUR, report).map_or(default.grace, |it| it.0),
        stateful: written.stateful.given().copied(),
        allowed: written.allowed.list().iter().map(|it| it.value.clone()).collect(),
    }
}

fn budget(written: &written::Budget, report: &mut Report) -> Option<Budget> {
    let percent = fit::number(&written.percent, 0, 100u8, report).map(Most::Percent);
    let count = fit::number(&written.count, 0, u32::from(u16::MAX), report).map(Most::Count);
    if written.percent.is_absent() == written.count.is_absent() {
        report.error(&written.percent.place, "give percent or count, and only one of them");
        return None;
    }
    let window = match (written.begins.given(), written.lasts.is_absent()) {
        (None, true) if written.begins.is_absent() => None,
        (Some(begins), false) => Some(window(written, begins, report)?),
        _ => {
            report.error(&written.begins.place, "a window has both, begins and lasts; give both or none");
            return None;
        }
    };
    Some(Budget { most: percent.or(count)?, window })
}

fn window(written: &written::Budget, begins: &str, report: &mut Report) -> Option<Window> {
    let week = Time::seconds(7 * 24 * 3600);
    let lasts = written.lasts.within(Time::seconds(60)..=week, report).map(|it| it.0);
    let cron = begins.parse::<Cron>().map_err(|why| {
        report.error(&written.begins.place, format!("{}: {why}", quoted(begins)));
    });
    let zone = zone(&written.zone, report);
    Some(Window { begins: cron.ok()?, lasts: lasts?, zone: zone? })
}

/// An IANA zone; UTC where none is given.
pub(super) fn zone(key: &Key<String>, report: &mut Report) -> Option<TimeZone> {
    let Some(name) = key.given() else { return Some(TimeZone::UTC) };
    let zone = TimeZone::get(name);
    if zone.is_err() {
        let message = format!(
            "{} is no time zone that is known here; name one such as \"Europe/Prague\"",
            quoted(name)
        );
        report.error(&key.place, message);
    }
    zone.ok()
}

/// A URL; an empty text is none.
pub(super) fn optional_url(key: &Key<String>, report: &mut Report) -> Option<Url> {
    let text = key.given().filter(|text| !text.is_empty())?;
    match text.parse() {
        Ok(url) => Some(url),
        Err(why) => {
            report.error(&key.place, format!("{} {why}", quoted(text)));
            None
        }
    }
}

fn url_of(element: &Element<String>, report: &mut Report) -> Option<Url> {
    let url = element.value.parse::<Url>();
    url.map_err(|why| report.error(&element.place, format!("{} {why}", quoted(&element.value)))).ok()
}

/// A command as a list of words, the program first; `None`: absent or wrong.
pub(super) fn words(key: &Key<Vec<Element<String>>>, report: &mut Report) -> Option<Vec<String>> {
    let list = key.given()?;
    let words: Vec<String> = list.iter().map(|it| it.value.clone()).collect();
    match words.first() {
        None => None,
        Some(program) if program.starts_with('/') => Some(words),
        Some(program) => {
            let message = format!("{} is not absolute; begin the program with \"/\"", quoted(program));
            report.error(&key.place, message);
            None
        }
    }
}

/// A time between two others, or its default.
pub(super) fn time(
    key: &Key<Time>,
    least: Time,
    most: Time,
    default: Duration,
    report: &mut Report,
) -> Duration {
    key.within(least..=most, report).map_or(default, |time| time.0)
}
