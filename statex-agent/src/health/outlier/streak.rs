//! How many failures in a row are too many for chance.

/// Fewest failures in a row that say anything.
const FEWEST: u32 = 5;
/// False alarms of one host in one sweep that are put up with.
const ALPHA: f64 = 1e-5;
/// No rate is believed to be lower: it was measured on few requests.
const LEAST_RATE: f64 = 0.01;

/// A run of failures this long is expected less than [`ALPHA`] times among `requests` that fail at `rate`.
///
/// A run begins at each request with probability `rate^length`; so many in expectation, at most.
pub fn limit(rate: f64, requests: u64) -> u32 {
    let rate = rate.clamp(LEAST_RATE, 0.99);
    let length = (ALPHA / requests.max(1) as f64).ln() / rate.ln();
    (length.ceil() as u32).max(FEWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_are_enough_where_failures_are_rare() {
        assert_eq!(limit(0.0, 200), 5);
        assert_eq!(limit(0.01, 1000), 5);
    }

    #[test]
    fn where_failures_are_common_it_takes_more() {
        assert_eq!(limit(0.05, 10_000), 7);
        assert_eq!(limit(0.5, 1000), 27);
    }

    #[test]
    fn nothing_is_asked_that_cannot_be() {
        assert!(limit(1.0, u64::MAX) > 1000);
        assert!(limit(0.0, 0) >= 5);
    }
}
