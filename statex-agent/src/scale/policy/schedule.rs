//! Floors by the clock on the wall: business hours of a zone, its own week, its days off.

use jiff::{
    Timestamp,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

use crate::scale::{forecast::DaysOff, local};

/// Hours in which a pool has at least so many replicas.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub zone: TimeZone,
    pub days: Vec<Weekday>,
    /// From this time on; where it is not before `to`, the hours go on into the next day.
    pub from: Time,
    /// Until this time, which itself is outside.
    pub to: Time,
    pub replicas: u32,
    /// Days that do not count, whatever the weekday.
    pub off: DaysOff,
}

impl Schedule {
    /// Whether a moment lies in the hours. An hour that the clock shows twice counts twice, one that it skips not at
    /// all.
    pub fn contains(&self, moment: Timestamp) -> bool {
        let shown = self.zone.to_datetime(moment);
        let (day, time) = (shown.date(), shown.time());
        if self.from < self.to {
            return self.from <= time && time < self.to && self.counts(day);
        }
        // The hours after midnight belong to the day on which they began.
        let yesterday = || day.yesterday().is_ok_and(|yesterday| self.counts(yesterday));
        time >= self.from && self.counts(day) || time < self.to && yesterday()
    }

    fn counts(&self, day: Date) -> bool {
        self.days.contains(&day.weekday()) && !self.off.contains(local::day(local::civil_hour(day.into())))
    }
}

/// The fewest replicas that any schedule asks for between two moments, looked at every minute, and `otherwise` where
/// none does.
pub fn floor(schedules: &[Schedule], from: Timestamp, to: Timestamp, otherwise: u32) -> u32 {
    let minutes = (to.as_second() - from.as_second()).max(0) / 60;
    let moments =
        (0..=minutes).filter_map(|minute| Timestamp::from_second(from.as_second() + 60 * minute).ok());
    let asked = moments.flat_map(|moment| {
        schedules.iter().filter(move |schedule| schedule.contains(moment)).map(|schedule| schedule.replicas)
    });
    asked.max().unwrap_or(0).max(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(zone: &str, days: &[Weekday], from: i8, to: i8) -> Schedule {
        Schedule {
            zone: TimeZone::get(zone).unwrap(),
            days: days.to_vec(),
            from: Time::constant(from, 0, 0, 0),
            to: Time::constant(to, 0, 0, 0),
            replicas: 4,
            off: DaysOff::default(),
        }
    }

    const OFFICE: [Weekday; 5] =
        [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];

    fn at(moment: &str) -> Timestamp {
        moment.parse().unwrap()
    }

    #[test]
    fn business_hours_follow_summer_time() {
        let prague = schedule("Europe/Prague", &OFFICE, 9, 18);
        // Friday before and Monday after the clock went forward.
        assert!(!prague.contains(at("2026-03-27T07:30:00Z")) && prague.contains(at("2026-03-27T08:00:00Z")));
        assert!(prague.contains(at("2026-03-30T07:00:00Z")) && !prague.contains(at("2026-03-30T16:00:00Z")));
        assert!(!prague.contains(at("2026-03-28T10:00:00Z")), "Saturday");
    }

    #[test]
    fn dubai_has_its_own_week() {
        let dubai = schedule("Asia/Dubai", &OFFICE, 8, 17);
        assert!(dubai.contains(at("2026-03-30T04:00:00Z")) && !dubai.contains(at("2026-03-30T03:59:00Z")));
    }

    #[test]
    fn hours_may_go_past_midnight() {
        let night = schedule("Europe/Prague", &[Weekday::Friday], 22, 2);
        assert!(night.contains(at("2026-01-02T21:30:00Z")), "Friday 22:30");
        assert!(night.contains(at("2026-01-03T00:30:00Z")), "Saturday 01:30");
        assert!(!night.contains(at("2026-01-02T00:30:00Z")), "Friday 01:30 belongs to Thursday");
    }

    #[test]
    fn days_off_do_not_count() {
        let mut prague = schedule("Europe/Prague", &OFFICE, 9, 18);
        prague.off = DaysOff::new([local::day(local::civil_hour("2026-05-01T00:00:00".parse().unwrap()))]);
        assert!(!prague.contains(at("2026-05-01T10:00:00Z")));
        assert!(prague.contains(at("2026-04-30T10:00:00Z")));
    }

    #[test]
    fn floor_is_raised_before_the_hours_begin() {
        let prague = [schedule("Europe/Prague", &OFFICE, 9, 18)];
        let floor = |from, to| floor(&prague, at(from), at(to), 1);
        assert_eq!(floor("2026-01-05T07:00:00Z", "2026-01-05T07:20:00Z"), 1);
        assert_eq!(floor("2026-01-05T07:45:00Z", "2026-01-05T08:15:00Z"), 4);
    }
}
