//! The hours after the end of a series: what to expect of each, and between which bounds.

use std::path::Path;

use serde::Serialize;

use super::plot;
use crate::scale::{
    forecast::{DaysOff, Forecast, HORIZON, Series},
    local,
};

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Ahead {
    series: String,
    hours: Vec<Hour>,
    /// Who had a say, and how much; all together 1.
    experts: Vec<(String, f64)>,
}

#[derive(Debug, Serialize)]
struct Hour {
    /// On the clock that the series goes by.
    ts: String,
    expected: f64,
    low95: f64,
    high95: f64,
}

/// Forecasts the two days after a series. `None`: less than a day of it is known.
pub(super) fn ahead(series: &Series, file: &Path) -> Option<Ahead> {
    let forecast = Forecast::new(series, HORIZON, &DaysOff::default())?;
    let hour = |at| Hour {
        ts: local::shown(forecast.start() + at as i64).to_string(),
        expected: forecast.expected(at),
        low95: forecast.quantile(at, 0.025),
        high95: forecast.quantile(at, 0.975),
    };
    let said = forecast.experts().iter().filter(|(_, weight)| *weight > 0.0);
    Some(Ahead {
        series: super::name(file),
        hours: (0..forecast.len()).map(hour).collect(),
        experts: said.map(|(expert, weight)| (format!("{expert:?}"), *weight)).collect(),
    })
}

impl Ahead {
    /// For a person.
    pub(super) fn text(&self) -> String {
        let mut lines = vec![format!("{}: the next two days", self.series), String::new()];
        lines.push(format!("  {:<20} {:>12}   95 % between", "hour", "expected"));
        lines.extend(self.hours.iter().map(|Hour { ts, expected, low95, high95 }| {
            format!("  {:<20} {expected:>12.1}   {low95:.1} and {high95:.1}", ts.replace('T', " "))
        }));
        lines.extend([String::new(), "  The first day: ─ expected, ░ 95 % band".to_owned()]);
        let shown: Vec<_> =
            self.hours.iter().take(24).map(|hour| (None, hour.expected, [hour.low95, hour.high95])).collect();
        lines.extend(plot::plot(&shown));
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_days(days: i64) -> Option<Ahead> {
        let value = |at: i64| 100.0 + (at % 24) as f64 + (at * 7919 % 101) as f64 / 10.0;
        let points = (0..days * 24).map(|at| (at, value(at)));
        ahead(&Series::from_points(points, 10_000), Path::new("a/web.csv"))
    }

    #[test]
    fn hours_follow_the_series_with_their_bounds() {
        let ahead = of_days(10).unwrap();
        assert_eq!((ahead.hours.len(), ahead.hours[0].ts.as_str()), (48, "1970-01-11T00:00:00"));
        assert!(ahead.hours.iter().all(|hour| hour.low95 < hour.expected && hour.expected < hour.high95));
        assert!(ahead.text().contains("1970-01-11 00:00:00"), "{}", ahead.text());
    }

    #[test]
    fn less_than_a_day_is_too_little() {
        assert!(of_days(0).is_none());
    }
}
