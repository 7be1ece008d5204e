//! `[pool.outlier]`.

use super::fit;
use crate::config::error::Report;
use crate::config::meant;
use crate::config::written::{Outlier, Time};

pub(super) fn outlier(written: &Outlier, report: &mut Report) -> meant::Outlier {
    let default = meant::Outlier::default();
    let hour = Time::seconds(3600);
    let first = written.ejection.within(Time::seconds(1)..=hour, report).map_or(default.ejection, |it| it.0);
    let longest = written.longest_ejection.within(Time::seconds(1)..=hour, report);
    let longest = longest.map_or(default.longest_ejection.max(first), |it| it.0);
    if longest < first {
        let message =
            format!("{} is shorter than the first ejection ({}); make it longer", Time(longest), Time(first));
        report.error(&written.longest_ejection.place, message);
    }
    let slow_start = written.slow_start.within(Time::millis(0)..=hour, report);
    meant::Outlier {
        enforce: written.enforce.given().copied().unwrap_or(default.enforce),
        max_ejected: fit::number(&written.max_ejected, 1, 100u8, report).unwrap_or(default.max_ejected),
        ejection: first,
        longest_ejection: longest,
        slow_start: slow_start.map_or(default.slow_start, |it| it.0),
        latency: written.latency.given().copied().unwrap_or(default.latency),
    }
}
