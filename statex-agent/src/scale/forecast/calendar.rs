//! Which hours resemble one another: the hour of the week, with a day off counted as a Sunday.

use std::collections::BTreeSet;

use super::series::{DAY, Hour, WEEK};

/// Days off: days since 1970-01-01 in local time.
///
/// They come from a file and are never computed: many are set by the moon or by a government.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaysOff(BTreeSet<i64>);

impl DaysOff {
    pub fn new(days: impl IntoIterator<Item = i64>) -> Self {
        Self(days.into_iter().collect())
    }

    /// Whether this day is one.
    pub fn contains(&self, day: i64) -> bool {
        self.0.contains(&day)
    }
}

/// Sunday, counted from Monday.
const SUNDAY: i64 = 6;
/// What resembles an hour must lie further back than the longest forecast reaches ahead.
const REACH: usize = 48;

/// The hours of a window and of the forecast after it, by index.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    /// Hour of the day of index 0.
    phase: usize,
    slots: Vec<u8>,
    alike: Vec<Option<u32>>,
}

impl Calendar {
    /// Of `length` hours from `start` on.
    pub(super) fn new(start: Hour, length: usize, off: &DaysOff) -> Self {
        let day = |at: usize| (start + at as Hour).div_euclid(DAY as Hour);
        // 1970-01-01 was a Thursday.
        let kind = |day: i64| if off.contains(day) { SUNDAY } else { (day + 3).rem_euclid(7) };
        let phase = start.rem_euclid(DAY as Hour) as usize;
        let slot = |at: usize| kind(day(at)) as u8 * DAY as u8 + ((phase + at) % DAY) as u8;
        let slots: Vec<u8> = (0..length).map(slot).collect();
        let mut alike = vec![None; length];
        for at in 0..length {
            // A day off resembles the Sunday before; the same weekday of a week ago may have been a day off.
            let steps = if off.contains(day(at)) { DAY } else { WEEK };
            let before = (1..=WEEK / DAY * 4).map(|step| step * steps).take_while(|back| *back <= at);
            let same = before.filter(|back| *back >= REACH + DAY).find(|back| slots[at - back] == slots[at]);
            alike[at] = same.or((at >= WEEK).then_some(WEEK)).map(|back| (at - back) as u32);
        }
        Self { phase, slots, alike }
    }

    /// The hour of the week, from Monday 00:00: 0 to 167.
    pub(super) fn slot(&self, at: usize) -> usize {
        usize::from(self.slots[at])
    }

    /// The hour of the day: 0 to 23.
    pub(super) fn hour(&self, at: usize) -> usize {
        (self.phase + at) % DAY
    }

    /// The day, counted from that of index 0.
    pub(super) fn day(&self, at: usize) -> usize {
        (self.phase + at) / DAY
    }

    /// The indices of a day, from midnight to midnight, not cut at the window's end.
    pub(super) fn hours_of(&self, day: usize) -> std::ops::Range<usize> {
        (day * DAY).saturating_sub(self.phase)..(day + 1) * DAY - self.phase
    }

    /// The latest hour that this one resembles: usually a week ago, always further back than a forecast reaches.
    pub(super) fn alike(&self, at: usize) -> Option<usize> {
        self.alike[at].map(|at| at as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Monday.
    const MONDAY: Hour = 4 * 24;

    fn calendar(off: &[i64]) -> Calendar {
        Calendar::new(MONDAY, 5 * WEEK, &DaysOff::new(off.iter().copied()))
    }

    #[test]
    fn hours_of_the_week_begin_on_monday() {
        assert_eq!((calendar(&[]).slot(0), calendar(&[]).slot(WEEK - 1)), (0, 167));
        assert_eq!(Calendar::new(0, 1, &DaysOff::default()).slot(0), 3 * 24, "1970 began on a Thursday");
    }

    #[test]
    fn an_hour_resembles_that_of_a_week_ago() {
        assert_eq!(calendar(&[]).alike(500), Some(500 - WEEK));
        assert_eq!(calendar(&[]).alike(100), None);
    }

    #[test]
    fn day_off_resembles_the_latest_sunday_out_of_reach() {
        // The Wednesday of the fourth week.
        let calendar = calendar(&[4 + 21 + 2]);
        let at = 3 * WEEK + 2 * DAY + 9;
        assert_eq!(calendar.slot(at), 6 * 24 + 9);
        assert_eq!(calendar.alike(at), Some(3 * WEEK - DAY + 9));
    }

    #[test]
    fn day_after_a_day_off_a_week_ago_looks_further_back() {
        let calendar = calendar(&[4 + 14]);
        assert_eq!(calendar.alike(3 * WEEK + 9), Some(WEEK + 9));
    }

    #[test]
    fn days_are_those_of_the_clock() {
        let calendar = Calendar::new(MONDAY + 5, 100, &DaysOff::default());
        assert_eq!((calendar.hour(0), calendar.day(18), calendar.day(19)), (5, 0, 1));
        assert_eq!((calendar.hours_of(0), calendar.hours_of(1)), (0..19, 19..43));
    }
}
