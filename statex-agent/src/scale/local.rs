//! From moments to the hours that people's clocks show, and back.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::forecast::Hour;

const SECONDS: i64 = 3600;

/// The hour that a clock in this zone shows.
pub fn hour(moment: Timestamp, zone: &TimeZone) -> Hour {
    civil_hour(zone.to_datetime(moment))
}

/// The hour of a date and time.
pub fn civil_hour(shown: DateTime) -> Hour {
    // Civil time counted as if it were UTC: every day has 24 hours.
    let seconds = TimeZone::UTC.to_timestamp(shown).map_or(0, Timestamp::as_second);
    seconds.div_euclid(SECONDS)
}

/// The day that an hour belongs to, counted from 1970-01-01.
pub fn day(hour: Hour) -> i64 {
    hour.div_euclid(24)
}

/// The date and time at which an hour begins.
pub fn shown(hour: Hour) -> DateTime {
    Timestamp::from_second(hour.saturating_mul(SECONDS))
        .map_or(DateTime::MAX, |moment| TimeZone::UTC.to_datetime(moment))
}

/// When a clock in this zone begins to show the hour. An hour that the clock skips begins when it would have.
pub fn begins(hour: Hour, zone: &TimeZone) -> Timestamp {
    zone.to_ambiguous_timestamp(shown(hour)).compatible().unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prague() -> TimeZone {
        TimeZone::get("Europe/Prague").expect("the zone is known")
    }

    fn shows(moment: &str) -> String {
        shown(hour(moment.parse().unwrap(), &prague())).to_string()
    }

    #[test]
    fn clock_skips_an_hour_in_spring() {
        assert_eq!(shows("2026-03-29T00:30:00Z"), "2026-03-29T01:00:00");
        assert_eq!(shows("2026-03-29T01:30:00Z"), "2026-03-29T03:00:00");
    }

    #[test]
    fn clock_shows_an_hour_twice_in_autumn() {
        assert_eq!(shows("2026-10-25T00:30:00Z"), "2026-10-25T02:00:00");
        assert_eq!(shows("2026-10-25T01:30:00Z"), "2026-10-25T02:00:00");
    }

    #[test]
    fn hours_begin_when_the_clock_shows_them() {
        let moment: Timestamp = "2026-07-01T10:00:00Z".parse().unwrap();
        assert_eq!(begins(hour(moment, &prague()), &prague()), moment);
    }

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(day(civil_hour("1970-01-02T05:00:00".parse().unwrap())), 1);
        assert_eq!(day(-1), -1);
    }
}
