//! `statex forecast`: what load to expect, or how good such a forecast would have been.

mod ahead;
mod backtest;
mod plot;

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::scale::forecast::{Series, csv};

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(super) struct Arguments {
    /// Forecast the two days after the end of a series (columns `ts` and `value`, by the hour).
    #[arg(value_name = "FILE.csv", group = "what")]
    series: Option<PathBuf>,
    /// Forecast the last 42 days of a series (columns `ts` and `value`, by the hour) from what was known before each,
    /// and say how good that was.
    #[arg(long, value_name = "FILE.csv", group = "what")]
    backtest: Option<PathBuf>,
    /// The IANA zone whose clocks the load follows, for times in the file that have an offset.
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let zone = zone(&arguments.zone)?;
    if let Some(file) = &arguments.backtest {
        let report = backtest::report(&series(file, &zone)?, file);
        return show(arguments.json, &report.figures, || report.text());
    }
    if let Some(file) = &arguments.series {
        let short = || BadInput(format!("{} has less than a day of values", file.display()));
        let ahead = ahead::ahead(&series(file, &zone)?, file).ok_or_else(short)?;
        return show(arguments.json, &ahead, || ahead.text());
    }
    Ok(())
}

fn show(json: bool, object: &impl Serialize, text: impl Fn() -> String) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(object)?);
    } else {
        print!("{}", text());
    }
    Ok(())
}

/// What a series is called: as its file, without what says that it is one.
fn name(file: &Path) -> String {
    file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// What is wrong with what the person who started the command gave.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadInput(String);

fn zone(name: &str) -> Result<TimeZone, BadInput> {
    TimeZone::get(name).map_err(|_| {
        BadInput(format!("no time zone is called {name:?}; give one as Europe/Prague or Asia/Dubai"))
    })
}

fn series(file: &Path, zone: &TimeZone) -> anyhow::Result<Series> {
    let text = std::fs::read_to_string(file).map_err(|error| BadInput(error.to_string()));
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    let series = csv::read(&text, zone).map_err(|error| BadInput(error.to_string()));
    series.with_context(|| format!("{} is not a series", file.display()))
}
