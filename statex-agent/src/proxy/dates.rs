//! Dates as HTTP writes them (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime};

use httpdate::HttpDate;

use crate::clock::Clock;

/// The date of a second, counted from the beginning of 1970; its year has four digits, up to 9999.
pub(crate) fn written(second: i64) -> String {
    const LAST: i64 = 253_402_300_799;
    let since = Duration::from_secs(second.clamp(0, LAST).unsigned_abs());
    HttpDate::from(SystemTime::UNIX_EPOCH + since).to_string()
}

/// What the calendar shows, written once a second.
#[derive(Debug)]
pub(crate) struct Dates {
    clock: Clock,
    second: Cell<i64>,
    text: RefCell<String>,
}

impl Dates {
    pub(crate) fn new(clock: Clock) -> Self {
        let dates = Self { clock, second: Cell::new(i64::MIN), text: RefCell::default() };
        dates.look();
        dates
    }

    /// Looks at the calendar; somebody does so several times a second.
    pub(crate) fn look(&self) {
        let second = self.clock.timestamp().as_second();
        if self.second.replace(second) != second {
            *self.text.borrow_mut() = written(second);
        }
    }

    /// The second that it is.
    pub(crate) fn second(&self) -> i64 {
        self.second.get()
    }

    /// Gives the same, written.
    pub(crate) fn with_text<T>(&self, take: impl FnOnce(&[u8]) -> T) -> T {
        take(self.text.borrow().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_in_the_standard() {
        assert_eq!(written(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(written(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(written(-1), written(0));
    }

    #[test]
    fn the_text_follows_the_calendar() {
        let clock = Clock::by_hand_from("1994-11-06T08:49:37Z".parse().unwrap());
        let dates = Dates::new(clock.clone());
        clock.advance(Duration::from_secs(1));
        dates.look();
        assert_eq!(dates.second(), 784_111_778);
        dates.with_text(|text| assert_eq!(text, b"Sun, 06 Nov 1994 08:49:38 GMT"));
    }
}
