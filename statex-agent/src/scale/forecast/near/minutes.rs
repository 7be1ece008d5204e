//! A series by the minute, in which a minute that nobody measured is missing and not zero.

/// Minutes since 1970-01-01 00:00 on the clock on the wall.
pub type Minute = i64;

/// Values by the minute from a first one on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Minutes {
    start: Minute,
    /// Not a number where the minute is missing.
    values: Vec<f64>,
}

impl Minutes {
    /// Without minutes; the first will be `start`.
    pub fn new(start: Minute) -> Self {
        Self { start, values: Vec::new() }
    }

    /// Adds the next minute. What cannot be a load is missing.
    pub fn push(&mut self, value: Option<f64>) {
        self.values.push(value.filter(|value| value.is_finite() && *value >= 0.0).unwrap_or(f64::NAN));
    }

    pub fn start(&self) -> Minute {
        self.start
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value at an index; `None` where it is missing.
    pub fn get(&self, at: usize) -> Option<f64> {
        self.values.get(at).copied().filter(|value| !value.is_nan())
    }

    /// The last minutes, at most so many.
    pub fn last(&self, most: usize) -> Self {
        let from = self.values.len().saturating_sub(most);
        Self { start: self.start + from as Minute, values: self.values[from..].to_vec() }
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_minutes_keep_their_time() {
        let mut minutes = Minutes::new(100);
        [Some(1.0), None, Some(3.0)].into_iter().for_each(|value| minutes.push(value));
        let last = minutes.last(2);
        assert_eq!((last.start(), last.len(), last.get(0), last.get(1)), (101, 2, None, Some(3.0)));
    }
}
