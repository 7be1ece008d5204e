//! The report of a backtest: figures and a picture.

use std::path::Path;

use serde::Serialize;

use super::plot;
use crate::{
    clock::Clock,
    scale::forecast::{
        DaysOff, Series,
        backtest::{Backtest, Timing, backtest},
    },
};

/// What `--json` prints. A figure is null where nothing could be scored.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    series: String,
    mase24: Option<f64>,
    mase1: Option<f64>,
    wape: Option<f64>,
    coverage95: Option<f64>,
    fit_ms: Option<f64>,
    snaive_mase24: Option<f64>,
}

pub(super) struct Report {
    pub(super) figures: Figures,
    backtest: Backtest,
}

/// Rolls over the series, and times the fits.
pub(super) fn report(series: &Series, file: &Path) -> Report {
    let clock = Clock::machine();
    let (mut began, mut spent, mut fits) = (clock.now(), 0.0, 0.0);
    let backtest = backtest(series, &DaysOff::default(), |timing| match timing {
        Timing::Begins => began = clock.now(),
        Timing::Ends => {
            spent += (clock.now() - began).as_secs_f64() * 1000.0;
            fits += 1.0;
        }
    });
    let round = |value: f64| value.is_finite().then_some((value * 1e4).round() / 1e4);
    let figures = Figures {
        series: super::name(file),
        mase24: round(backtest.mase24),
        mase1: round(backtest.mase1),
        wape: round(backtest.wape),
        coverage95: round(backtest.coverage95),
        fit_ms: round(spent / fits),
        snaive_mase24: round(backtest.snaive_mase24),
    };
    Report { figures, backtest }
}

impl Report {
    /// For a person.
    pub(super) fn text(&self) -> String {
        let Self { figures, backtest } = self;
        let figure = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
        let share =
            |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{:.1} %", value * 100.0));
        let mut lines = vec![
            format!("{}: {} days forecast, each from the 28 days before it", figures.series, backtest.days),
            String::new(),
            format!(
                "  24 hours ahead   MASE {}   last week's value {}",
                figure(figures.mase24),
                figure(figures.snaive_mase24)
            ),
            format!("  1 hour ahead     MASE {}", figure(figures.mase1)),
            format!("  off by           {} of the load", share(figures.wape)),
            format!("  95 % band        covers {}", share(figures.coverage95)),
            format!("  a fit takes      {} ms", figure(figures.fit_ms)),
            String::new(),
        ];
        if backtest.days == 0 {
            lines.push(
                "  The series is too short: eight days before a day that is forecast are the least."
                    .to_owned(),
            );
        } else {
            lines.push("  The last day: ● value, ─ expected, ░ 95 % band".to_owned());
            lines.extend(plot::plot(&backtest.last));
        }
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report_of(days: i64) -> Report {
        let value = |at: i64| 100.0 + (at % 24) as f64 + (at * 7919 % 101) as f64 / 10.0;
        report(&Series::from_points((0..days * 24).map(|at| (at, value(at))), 10_000), Path::new("a/web.csv"))
    }

    #[test]
    fn json_has_the_figures_by_name() {
        let json = serde_json::to_value(report_of(10).figures).unwrap();
        let keys = ["series", "mase24", "mase1", "wape", "coverage95", "fit_ms", "snaive_mase24"];
        assert_eq!(json.as_object().unwrap().len(), keys.len());
        assert!(keys[1..].iter().all(|key| json[key].is_number()), "{json}");
        assert_eq!(json["series"], "web");
    }

    #[test]
    fn series_that_is_too_short_says_so() {
        let report = report_of(3);
        assert!(report.text().contains("too short"));
        assert!(serde_json::to_value(report.figures).unwrap()["mase24"].is_null());
    }

    #[test]
    fn text_shows_figures_and_picture() {
        let text = report_of(12).text();
        assert!(text.contains("24 hours ahead   MASE 0."), "{text}");
        assert!(text.contains('●'), "{text}");
    }
}
