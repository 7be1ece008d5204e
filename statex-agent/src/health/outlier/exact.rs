//! An exact test of one host's failures against those of its peers, without an estimate of the base rate.
//!
//! With equal failure rates, each of all failures falls on the host with a probability that is the host's part of the
//! requests, so the host's failures are binomial, whatever the rate is (Przyborowski and Wilenski, Biometrika 31,
//! 1940). For rates that are not small the true law (hypergeometric) is narrower, so the test errs to the safe side.

use super::Count;

/// Probability that chance alone gives the host so many of all failures, or more.
pub fn p_value(host: Count, peers: Count) -> f64 {
    let all = host.requests + peers.requests;
    if all == 0 || peers.requests == 0 {
        return 1.0;
    }
    tail(host.failures + peers.failures, host.requests as f64 / all as f64, host.failures)
}

/// P(X ≥ `least`) of a binomial X.
pub fn tail(trials: u64, probability: f64, least: u64) -> f64 {
    if least == 0 || probability >= 1.0 {
        return 1.0;
    }
    if least > trials || probability <= 0.0 {
        return 0.0;
    }
    let (n, k) = (trials as f64, least as f64);
    if k <= n * probability {
        // The tail holds the middle: far from rare, and summing it would take long for nothing.
        return 1.0;
    }
    let odds = probability / (1.0 - probability);
    let mut term = (choose(trials, least) + k * probability.ln() + (n - k) * (-probability).ln_1p()).exp();
    let mut sum = 0.0;
    for at in least..=trials {
        sum += term;
        term *= (trials - at) as f64 / (at + 1) as f64 * odds;
        if term <= sum * f64::EPSILON {
            break;
        }
    }
    sum.min(1.0)
}

/// Logarithm of the binomial coefficient.
fn choose(n: u64, k: u64) -> f64 {
    factorial(n) - factorial(k) - factorial(n - k)
}

/// Logarithm of the factorial: by Stirling's series, exact to 1e-10 from 16 on.
fn factorial(n: u64) -> f64 {
    if n < 16 {
        return (2..=n).map(|k| (k as f64).ln()).sum();
    }
    let x = n as f64;
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    x * x.ln() - x + 0.5 * (std::f64::consts::TAU * x).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-8, "{value} is not {expected}");
    }

    #[test]
    fn tails_are_those_of_the_tables() {
        close(tail(10, 0.5, 8), 56.0 / 1024.0);
        close(tail(3, 0.1, 3), 0.001);
        close(tail(20, 0.05, 2), 1.0 - 0.95f64.powi(20) - 20.0 * 0.05 * 0.95f64.powi(19));
    }

    #[test]
    fn long_sums_stay_exact() {
        // Against the same sum in the other direction.
        let below: f64 = (0..40)
            .map(|k| (choose(1000, k) + k as f64 * 0.02f64.ln() + (1000 - k) as f64 * 0.98f64.ln()).exp())
            .sum();
        assert!((tail(1000, 0.02, 40) - (1.0 - below)).abs() < 1e-9);
    }

    #[test]
    fn what_must_happen_is_no_surprise() {
        for (trials, probability, least) in [(10, 0.5, 0), (10, 1.0, 10), (1_000_000, 0.5, 400_000)] {
            close(tail(trials, probability, least), 1.0);
        }
        assert_eq!((tail(10, 0.0, 1), tail(3, 0.5, 4)), (0.0, 0.0));
    }

    #[test]
    fn equal_rates_do_not_surprise_and_a_host_that_fails_alone_does() {
        let count = |requests, failures| Count { requests, failures };
        assert!(p_value(count(200, 2), count(1800, 18)) > 0.3);
        assert!(p_value(count(200, 200), count(1800, 18)) < 1e-100);
        close(p_value(count(0, 0), count(0, 0)), 1.0);
        close(p_value(count(5, 5), count(0, 0)), 1.0);
    }
}
