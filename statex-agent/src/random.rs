//! Random numbers from a seed, for simulations and for jitter: the same seed gives the same numbers everywhere.

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): small, fast, and good enough for simulations; no secret.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Evenly from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Evenly from 0 to below `end`; 0 where that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        (u128::from(self.bits()) * u128::from(end) >> 64) as u64
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Standard normal (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Exponential with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Poisson with this mean: exact by multiplication below 30, the rounded normal above.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean >= 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64;
        }
        let (end, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
        while product > end {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// Successes of `trials` with this probability: exact by waiting times where few are expected, the rounded
    /// normal above 30.
    pub fn binomial(&mut self, trials: u64, probability: f64) -> u64 {
        let mean = trials as f64 * probability;
        if mean <= 0.0 {
            return 0;
        }
        if mean >= 30.0 {
            let spread = (mean * (1.0 - probability)).sqrt();
            return ((mean + spread * self.normal()).round().max(0.0) as u64).min(trials);
        }
        let scale = (1.0 - probability).ln();
        let (mut at, mut count) = (0.0, 0);
        loop {
            at += ((1.0 - self.unit()).ln() / scale).floor() + 1.0;
            if at > trials as f64 {
                return count;
            }
            count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of 100,000 draws.
    fn moments(mut draw: impl FnMut(&mut Random) -> f64) -> (f64, f64) {
        let mut random = Random::new(1);
        let draws: Vec<f64> = (0..100_000).map(|_| draw(&mut random)).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        (mean, draws.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / draws.len() as f64)
    }

    #[track_caller]
    fn close((mean, variance): (f64, f64), expected: (f64, f64)) {
        let near = |a: f64, b: f64| (a - b).abs() < 0.03 * b.abs().max(0.3);
        assert!(near(mean, expected.0) && near(variance, expected.1), "{mean} {variance}");
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let draw = |seed| Random::new(seed).bits();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn draws_have_the_moments_of_their_laws() {
        close(moments(Random::unit), (0.5, 1.0 / 12.0));
        close(moments(Random::normal), (0.0, 1.0));
        close(moments(|random| random.exponential(2.0)), (2.0, 4.0));
        close(moments(|random| random.poisson(3.0) as f64), (3.0, 3.0));
        close(moments(|random| random.poisson(200.0) as f64), (200.0, 200.0));
        close(moments(|random| random.binomial(200, 0.01) as f64), (2.0, 1.98));
        close(moments(|random| random.binomial(1000, 0.2) as f64), (200.0, 160.0));
        close(moments(|random| random.below(10) as f64), (4.5, 8.25));
    }

    #[test]
    fn nothing_comes_of_nothing() {
        let mut random = Random::new(1);
        assert_eq!((random.binomial(100, 0.0), random.binomial(0, 0.5), random.below(0)), (0, 0, 0));
    }
}
