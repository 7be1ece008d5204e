//! What one replica can do, measured: where replicas were saturated, and what they did without being so.

/// How far one saturated period moves what is believed.
const MOVES: f64 = 1.0 / 8.0;

/// What is known of a replica's capacity, in load per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Capacity {
    /// The highest load of a replica that was not saturated.
    fine: Option<f64>,
    /// The load at which replicas were saturated, averaged over lately.
    saturated: Option<f64>,
}

impl Capacity {
    /// Takes in the load per replica of a period in which all replicas did well, or in which they were saturated.
    /// Periods with sick or starting replicas tell nothing and are not to be given.
    pub fn hear(&mut self, load: f64, saturated: bool) {
        if !load.is_finite() || load <= 0.0 {
            return;
        }
        if saturated {
            let before = self.saturated.unwrap_or(load);
            self.saturated = Some(before + (load - before) * MOVES);
            // What was fine once and is not any more was another program.
            self.fine = self.fine.map(|fine| fine.min(load));
        } else {
            self.fine = Some(self.fine.map_or(load, |fine| fine.max(load)));
            // Where more is fine, saturation has moved.
            self.saturated = self.saturated.map(|saturated| saturated.max(load));
        }
    }

    /// Load per second that one replica can serve. Where no saturation was ever seen, what was seen to be fine: a
    /// bound from below, so that there are rather too many replicas than too few.
    pub fn estimate(&self) -> Option<f64> {
        self.saturated.or(self.fine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(periods: &[(f64, bool)]) -> Option<f64> {
        let mut capacity = Capacity::default();
        periods.iter().for_each(|(load, saturated)| capacity.hear(*load, *saturated));
        capacity.estimate()
    }

    #[test]
    fn nothing_seen_is_nothing_known() {
        assert_eq!(heard(&[]), None);
        assert_eq!(heard(&[(0.0, false), (f64::NAN, true)]), None);
    }

    #[test]
    fn highest_load_that_was_fine_is_a_bound() {
        assert_eq!(heard(&[(50.0, false), (80.0, false), (20.0, false)]), Some(80.0));
    }

    #[test]
    fn saturation_tells_the_capacity() {
        assert_eq!(heard(&[(80.0, false), (100.0, true), (60.0, false)]), Some(100.0));
    }

    #[test]
    fn faster_program_moves_it_up_and_a_slower_one_down() {
        assert_eq!(heard(&[(100.0, true), (150.0, false)]), Some(150.0));
        let slower = heard(&[&[(100.0, true)][..], &[(50.0, true); 40]].concat()).unwrap();
        assert!((50.0..55.0).contains(&slower), "{slower}");
    }
}
