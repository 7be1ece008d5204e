//! Which hosts are slow, by medians: robust, so that the slow ones do not move the measure.

/// What is slow: so many times the spread of the hosts, and so many times their median.
const SPREADS: f64 = 6.0;
const TIMES: f64 = 2.0;
/// A spread is never taken to be smaller than this part of the median: hosts that are all alike would make any
/// difference look large.
const LEAST_SPREAD: f64 = 0.1;
/// The median absolute deviation of a normal law times this is its standard deviation (Hampel, 1974).
const NORMAL: f64 = 1.4826;
/// Fewest hosts among which one can stand out.
const HOSTS: usize = 3;

/// What sets a host apart from the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apart {
    /// Its value, in parts of the hosts' median.
    pub times: f64,
    /// Median of all hosts.
    pub median: f64,
}

/// For each value, whether it stands out upwards. The values are of one kind: all medians of latencies, or all
/// requests in flight per weight. `least` is a difference to the median that matters.
pub fn stand_out(values: &[f64], least: f64) -> Vec<Option<Apart>> {
    let Some(middle) = median(values).filter(|_| values.len() >= HOSTS) else {
        return vec![None; values.len()];
    };
    let deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let spread = (NORMAL * median(&deviations).unwrap_or(0.0)).max(LEAST_SPREAD * middle);
    let apart = |value: &f64| {
        let out = value - middle > SPREADS * spread && *value >= TIMES * middle && value - middle >= least;
        out.then(|| Apart { times: value / middle.max(f64::MIN_POSITIVE), median: middle })
    };
    values.iter().map(apart).collect()
}

/// The middle value, or the mean of the two; `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    Some(match sorted.len() % 2 {
        0 => (sorted[half - 1] + upper) / 2.0,
        _ => upper,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(values: &[f64]) -> Vec<usize> {
        let apart = stand_out(values, 0.005);
        (0..values.len()).filter(|at| apart[*at].is_some()).collect()
    }

    #[test]
    fn the_slow_one_stands_out() {
        assert_eq!(out(&[0.020, 0.022, 0.019, 0.021, 0.200]), [4]);
    }

    #[test]
    fn slow_ones_do_not_hide_one_another() {
        assert_eq!(out(&[0.020, 0.022, 0.019, 0.021, 0.018, 0.300, 0.310]), [5, 6]);
    }

    #[test]
    fn hosts_that_differ_are_not_sick() {
        assert_eq!(out(&[0.020, 0.035, 0.028, 0.024, 0.031]), Vec::<usize>::new());
    }

    #[test]
    fn a_difference_that_nobody_notices_does_not_count() {
        assert_eq!(out(&[0.001, 0.001, 0.001, 0.001, 0.004]), Vec::<usize>::new());
    }

    #[test]
    fn of_two_nobody_can_say_which_is_slow() {
        assert_eq!(out(&[0.02, 2.0]), Vec::<usize>::new());
    }

    #[test]
    fn medians_of_even_and_odd_and_none() {
        assert_eq!(
            (median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0]), median(&[])),
            (Some(2.0), Some(2.5), None)
        );
    }
}
