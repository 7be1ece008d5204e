//! What replicas cost, beside what they would have cost at a fixed peak size and under a plain autoscaler.

use std::time::Duration;

/// Replica-hours of one way to run a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bill {
    pub replica_hours: f64,
    pub money: f64,
    /// Load that came above the capacity that there was, in requests (or flows).
    pub overflow: f64,
    /// How often the number of replicas went up after it had gone down, or down after up.
    pub turns: u32,
    last: Option<u32>,
    rising: Option<bool>,
}

impl Bill {
    /// Takes in a period with so many replicas, of which some serve, under a load per second.
    pub fn add(&mut self, period: Duration, replicas: u32, serving: f64, load: f64, price: f64) {
        let hours = period.as_secs_f64() / 3600.0;
        self.replica_hours += f64::from(replicas) * hours;
        self.money += f64::from(replicas) * hours * price;
        self.overflow += (load - serving).max(0.0) * period.as_secs_f64();
        if let Some(last) = self.last.replace(replicas).filter(|last| *last != replicas) {
            let rising = replicas > last;
            self.turns += u32::from(self.rising.replace(rising).is_some_and(|before| before != rising));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bill(replicas: &[u32]) -> Bill {
        let mut bill = Bill::default();
        for replicas in replicas {
            bill.add(Duration::from_secs(1800), *replicas, f64::from(*replicas) * 10.0, 25.0, 0.5);
        }
        bill
    }

    #[test]
    fn hours_and_money_add_up() {
        let bill = bill(&[2, 4]);
        assert_eq!((bill.replica_hours, bill.money), (3.0, 1.5));
    }

    #[test]
    fn overflow_is_what_came_above_capacity() {
        assert_eq!(bill(&[2, 4]).overflow, 5.0 * 1800.0);
    }

    #[test]
    fn turns_are_counted_not_changes() {
        assert_eq!(bill(&[1, 2, 3, 3, 2, 1]).turns, 1);
        assert_eq!(bill(&[1, 2, 1, 2]).turns, 2);
        assert_eq!(bill(&[1, 1, 5]).turns, 0);
    }
}
