//! Times that come again, as crontab(5) writes them: minute, hour, day of the month, month, day of the week.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::fmt;
use std::str::FromStr;

/// When something begins, in the local time of some zone.
///
/// Where both day fields are restricted, a day that fits either is meant, as in crontab(5). A time that summer time
/// skips does not come that day; one that comes twice begins twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    text: String,
    /// Bit n: n is meant.
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// Sunday is 0.
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
}

/// The longest window that is looked back for.
const LONGEST: i64 = 7 * 24 * 60;

impl Cron {
    /// Whether it begins in the minute of this local time.
    pub fn matches(&self, local: DateTime) -> bool {
        let has = |field: u64, value: i8| field >> value & 1 == 1;
        let day = has(self.days, local.day());
        let weekday = has(self.weekdays, local.weekday().to_sunday_zero_offset());
        let on_day = match (self.any_day, self.any_weekday) {
            (false, false) => day || weekday,
            _ => day && weekday,
        };
        on_day
            && has(self.months, local.month())
            && has(self.hours, local.hour())
            && has(self.minutes, local.minute())
    }

    /// The beginning of the window of so many minutes that holds `now`; `None`: there is none, or it is longer than a
    /// week.
    pub fn window(&self, now: Timestamp, minutes: i64, zone: &TimeZone) -> Option<Timestamp> {
        let minute = Timestamp::from_second(now.as_second().div_euclid(60) * 60).ok()?;
        (0..minutes.clamp(0, LONGEST)).find_map(|back| {
            let at = minute.checked_sub(back.minutes()).ok()?;
            self.matches(zone.to_datetime(at)).then_some(at)
        })
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl FromStr for Cron {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(format!(
                "has {} fields, expected 5: minute, hour, day of the month, month, day of the week, as in \"0 9 * * 1-5\"",
                fields.len()
            ));
        };
        let weekdays = field(weekday, "day of the week", 0, 7, &WEEKDAYS, 0)?;
        Ok(Self {
            text: fields.join(" "),
            minutes: field(minute, "minute", 0, 59, &[], 0)?,
            hours: field(hour, "hour", 0, 23, &[], 0)?,
            days: field(day, "day of the month", 1, 31, &[], 0)?,
            months: field(month, "month", 1, 12, &MONTHS, 1)?,
            // Sunday is 7, too.
            weekdays: (weekdays | weekdays >> 7) & 0x7f,
            any_day: day.starts_with('*'),
            any_weekday: weekday.starts_with('*'),
        })
    }
}

/// A list of values, ranges and steps: `1`, `1-5`, `*/15`, `9-17/2`, `mon-fri`.
fn field(text: &str, what: &str, first: u32, last: u32, names: &[&str], base: u32) -> Result<u64, String> {
    let wrong = |part: &str| format!("the {what} \"{part}\" is none; give {first} to {last}, a range, or *");
    let value = |word: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(word)).map(|at| at as u32 + base);
        named.or_else(|| word.parse().ok()).filter(|value| (first..=last).contains(value))
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                (range, step.parse().ok().filter(|step| *step > 0).ok_or_else(|| wrong(part))?)
            }
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (first, last),
            Some((from, to)) => {
                (value(from).ok_or_else(|| wrong(part))?, value(to).ok_or_else(|| wrong(part))?)
            }
            None => {
                let from = value(range).ok_or_else(|| wrong(part))?;
                (from, if part.contains('/') { last } else { from })
            }
        };
        if from > to {
            return Err(wrong(part));
        }
        (from..=to).step_by(step).for_each(|value| bits |= 1 << value);
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cron(text: &str) -> Cron {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn fits(text: &str, local: &str) -> bool {
        cron(text).matches(local.parse().unwrap())
    }

    #[test]
    fn fields_are_lists_of_ranges_with_steps() {
        assert!(fits("*/15 9-17 * * mon-fri", "2026-03-02T09:45"));
        assert!(!fits("*/15 9-17 * * mon-fri", "2026-03-02T09:46"));
        assert!(!fits("*/15 9-17 * * mon-fri", "2026-03-01T09:45"), "a Sunday");
        assert!(fits("0 0 1,15 jan,jul *", "2026-07-15T00:00"));
        assert!(fits("5/20 * * * *", "2026-01-01T00:45"));
    }

    #[test]
    fn sunday_is_0_and_7() {
        assert!(fits("0 0 * * 0", "2026-03-01T00:00") && fits("0 0 * * 7", "2026-03-01T00:00"));
        assert!(fits("0 0 * * 5-7", "2026-03-01T00:00"));
    }

    #[test]
    fn two_restricted_days_mean_either() {
        assert!(fits("0 0 13 * fri", "2026-03-13T00:00") && fits("0 0 13 * fri", "2026-03-06T00:00"));
        assert!(fits("0 0 13 * fri", "2026-04-13T00:00") && !fits("0 0 13 * fri", "2026-04-14T00:00"));
    }

    #[test]
    fn a_window_holds_what_is_inside() {
        let zone = TimeZone::get("Europe/Prague").unwrap();
        let work = cron("0 9 * * 1-5");
        let inside = |at: &str| work.window(at.parse().unwrap(), 9 * 60, &zone).is_some();
        assert!(inside("2026-03-02T08:00:00Z"), "nine in Prague, in winter");
        assert!(!inside("2026-03-02T07:59:59Z") && !inside("2026-03-02T17:00:00Z"));
        assert!(inside("2026-03-30T07:00:00Z"), "nine in Prague, in summer");
        assert!(!inside("2026-03-01T10:00:00Z"), "a Sunday");
    }

    #[test]
    fn a_skipped_hour_does_not_come() {
        let zone = TimeZone::get("Europe/Prague").unwrap();
        let night = cron("30 2 * * *");
        assert_eq!(night.window("2026-03-29T02:00:00Z".parse().unwrap(), 120, &zone), None);
        assert!(night.window("2026-10-25T01:40:00Z".parse().unwrap(), 30, &zone).is_some());
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| text.parse::<Cron>().unwrap_err();
        assert!(error("0 9 * *").starts_with("has 4 fields"));
        assert_eq!(error("0 24 * * *"), "the hour \"24\" is none; give 0 to 23, a range, or *");
        for wrong in [
            "60 * * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-1 * * * *",
            "*/0 * * * *",
            "a * * * *",
            "-1 * * * *",
            "1, * * * *",
        ] {
            assert!(wrong.parse::<Cron>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-0-9*/, a-z]{0,30}") {
            let _ = text.parse::<Cron>();
        }
    }
}
