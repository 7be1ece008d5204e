//! How backends that do worse than their peers are taken out, and come back.

use std::time::Duration;

/// `[pool.outlier]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlier {
    /// Otherwise it is only said what would be done.
    pub enforce: bool,
    /// Most of the pool that is out at once, in percent; one may always be, the last one never.
    pub max_ejected: u8,
    /// Of the first ejection; the n-th in a row takes n times as long.
    pub ejection: Duration,
    pub longest_ejection: Duration,
    /// How long the part of a backend that comes back grows.
    pub slow_start: Duration,
    /// Whether slow backends get less to do.
    pub latency: bool,
}

impl Default for Outlier {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            enforce: true,
            max_ejected: 10,
            ejection: seconds(30),
            longest_ejection: seconds(300),
            slow_start: seconds(30),
            latency: true,
        }
    }
}
