//! Reads a series from text: columns `ts` and `value`, a row an hour.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{Hour, Series};
use crate::scale::local;

/// Ten years: what a file may span.
const LONGEST: usize = 10 * 366 * 24;

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    #[error("the first line must name the columns `ts` and `value`; it is {0:?}")]
    Header(String),
    #[error("line {line}: {value:?} is not a time; write 2026-07-01 13:00:00 or 2026-07-01T13:00:00Z")]
    Time { line: usize, value: String },
    #[error("line {line}: {value:?} is not a number")]
    Value { line: usize, value: String },
    #[error("line {line}: {what} is missing")]
    Short { line: usize, what: &'static str },
    #[error("no row has a value")]
    Empty,
}

/// The series in a text. Times with an offset are shown on clocks of `zone`, those without are taken as they are. Rows
/// of one hour are averaged; an empty value, `nan` or a missing row is a missing hour.
///
/// # Errors
///
/// The first line that cannot be read.
pub fn read(text: &str, zone: &TimeZone) -> Result<Series, CsvError> {
    // Spreadsheets begin a file with a byte order mark.
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let header = lines.next().unwrap_or_default();
    let column = |name| header.split(',').position(|column| clean(column).eq_ignore_ascii_case(name));
    let (Some(time), Some(value)) = (column("ts"), column("value")) else {
        return Err(CsvError::Header(header.to_owned()));
    };
    let mut points = Vec::new();
    for (line, row) in (2..).zip(lines).filter(|(_, row)| !row.trim().is_empty()) {
        let cell = |place, what| row.split(',').nth(place).map(clean).ok_or(CsvError::Short { line, what });
        let (time, value) = (cell(time, "ts")?, cell(value, "value")?);
        let hour = hour(time, zone).ok_or_else(|| CsvError::Time { line, value: time.to_owned() })?;
        if value.is_empty() || value.eq_ignore_ascii_case("nan") {
            continue;
        }
        let value = value.parse().map_err(|_| CsvError::Value { line, value: value.to_owned() })?;
        points.push((hour, value));
    }
    let series = Series::from_points(points, LONGEST);
    if series.is_empty() { Err(CsvError::Empty) } else { Ok(series) }
}

fn clean(cell: &str) -> &str {
    cell.trim().trim_matches('"').trim()
}

/// A time with an offset, without one, or in seconds since 1970.
fn hour(text: &str, zone: &TimeZone) -> Option<Hour> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(local::hour(moment, zone));
    }
    if let Ok(seconds) = text.parse::<f64>() {
        let moment = Timestamp::from_second(seconds as i64).ok()?;
        return Some(local::hour(moment, zone));
    }
    text.parse::<DateTime>().ok().map(local::civil_hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(rows: &str) -> Result<Series, CsvError> {
        read(&format!("ts,value\n{rows}"), &TimeZone::UTC)
    }

    #[test]
    fn rows_are_hours_and_missing_rows_missing_hours() {
        let series = series("2014-07-01 01:00:00,10866\n2014-07-01 03:00:00,4433.5\n").unwrap();
        assert_eq!((series.len(), series.known()), (3, 2));
        assert_eq!(series.get(series.start() + 2), Some(4433.5));
        assert_eq!(local::shown(series.start()).to_string(), "2014-07-01T01:00:00");
    }

    #[test]
    fn times_with_an_offset_are_shown_in_the_zone() {
        let zone = TimeZone::get("Asia/Dubai").unwrap();
        let series = read("value,ts\n1,2026-01-01T00:00:00Z\n", &zone).unwrap();
        assert_eq!(local::shown(series.start()).to_string(), "2026-01-01T04:00:00");
    }

    #[test]
    fn seconds_since_1970_are_times() {
        assert_eq!(series("7200,5").unwrap().start(), 2);
    }

    #[test]
    fn empty_values_are_missing() {
        assert_eq!(series("2014-07-01 01:00:00,\n2014-07-01 02:00:00,3\n").unwrap().len(), 1);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let message = |rows: &str| series(rows).unwrap_err().to_string();
        assert!(message("2014-07-01 01:00:00,1\nnoon,2").starts_with("line 3: \"noon\" is not a time"));
        assert_eq!(message("2014-07-01 01:00:00,much"), "line 2: \"much\" is not a number");
        assert_eq!(message("2014-07-01 01:00:00"), "line 2: value is missing");
        assert_eq!(message(""), "no row has a value");
        let header = read("time;load\n", &TimeZone::UTC).unwrap_err().to_string();
        assert!(header.contains("`ts` and `value`"), "{header}");
    }
}
