//! Stops the automation when it does not help: half of the recent actions failed. Pure.

use crate::clock::Moment;
use std::collections::VecDeque;
use std::time::Duration;

/// Actions that are looked at.
const RECENT: usize = 8;
/// Fewest actions that say anything.
const ENOUGH: usize = 4;
/// Actions that are older say nothing any more.
const AGE: Duration = Duration::from_secs(3600);

/// The outcomes of recent actions, of all pools together.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    outcomes: VecDeque<(Moment, bool)>,
    /// Why it is open, until somebody closes it.
    open: Option<String>,
}

impl Breaker {
    /// Takes in whether an action helped. Says whether that opened the breaker.
    pub fn note(&mut self, helped: bool, now: Moment) -> bool {
        self.outcomes.push_back((now, helped));
        let old = |(at, _): &(Moment, bool)| now.saturating_sub(*at) > AGE;
        while self.outcomes.len() > RECENT || self.outcomes.front().is_some_and(old) {
            self.outcomes.pop_front();
        }
        let (all, failed) = (self.outcomes.len(), self.outcomes.iter().filter(|(_, helped)| !helped).count());
        let opens = self.open.is_none() && all >= ENOUGH && failed * 2 >= all;
        if opens {
            self.open = Some(format!("{failed} of the last {all} actions did not help"));
        }
        opens
    }

    /// Why nothing is done.
    pub fn is_open(&self) -> Option<&str> {
        self.open.as_deref()
    }

    /// Lets the automation go on: a person has looked.
    pub fn close(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(outcomes: &str) -> Breaker {
        let mut breaker = Breaker::default();
        for (minute, outcome) in outcomes.chars().enumerate() {
            breaker.note(outcome == '+', Duration::from_secs(60 * minute as u64));
        }
        breaker
    }

    #[test]
    fn half_of_four_is_enough() {
        assert_eq!(after("+-+-").is_open(), Some("2 of the last 4 actions did not help"));
        assert_eq!(after("++-+").is_open(), None);
    }

    #[test]
    fn few_actions_say_nothing() {
        assert_eq!(after("---").is_open(), None);
    }

    #[test]
    fn long_ago_says_nothing() {
        let mut breaker = after("---");
        breaker.note(true, Duration::from_secs(4000));
        assert_eq!(breaker.is_open(), None);
    }

    #[test]
    fn it_stays_open_until_a_person_closes_it() {
        let mut breaker = after("----++++++++");
        assert!(breaker.is_open().is_some());
        breaker.close();
        assert!(breaker.is_open().is_none());
    }
}
