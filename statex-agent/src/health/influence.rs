//! What a backend's health does to its part of new flows: in few steps, so that rings are not built for nothing.

use super::chart::Chart;
use super::ejection::Admission;

/// How many new flows a backend gets, of those that its weight gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Influence {
    pub admits: Admits,
    /// Of its weight, in parts of [`Influence::WHOLE`]; at least 1. All of it while it is out: it matters only when
    /// there are no others.
    pub share: u8,
}

/// Which new flows a backend gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Admits {
    #[default]
    All,
    /// It is on probation: the proxy sends one request and waits what becomes of it, the data plane few flows.
    One,
    /// None, as long as there are others.
    None,
}

impl Influence {
    /// The whole of its weight.
    pub const WHOLE: u8 = 20;

    /// What follows from a chart.
    pub fn of(chart: &Chart) -> Self {
        let steps = (chart.share * f64::from(Self::WHOLE)).round().clamp(1.0, f64::from(Self::WHOLE));
        match (&chart.shut, chart.admission) {
            (Some(_), _) | (None, Admission::Out { .. }) => Self { admits: Admits::None, share: Self::WHOLE },
            (None, Admission::Probation { .. }) => Self { admits: Admits::One, share: 1 },
            (None, Admission::In) => Self { admits: Admits::All, share: steps as u8 },
        }
    }

    /// A weight with this influence on it, in parts of [`Influence::WHOLE`].
    pub fn on(self, weight: u32) -> u32 {
        weight.saturating_mul(u32::from(self.share))
    }
}

/// A backend that nothing is known against.
impl Default for Influence {
    fn default() -> Self {
        Self { admits: Admits::All, share: Self::WHOLE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::heal::fixture::chart;
    use crate::health::diagnosis::Class;

    fn of(share: f64, admission: Admission) -> Influence {
        Influence::of(&Chart { share, admission, ..chart(0, Class::Well, 0) })
    }

    #[test]
    fn shares_go_by_twentieths_and_never_to_nothing() {
        let shares = [1.0, 0.98, 0.52, 0.0].map(|share| of(share, Admission::In).share);
        assert_eq!(shares, [20, 20, 10, 1]);
        assert_eq!(of(1.0, Admission::In), Influence::default());
    }

    #[test]
    fn out_is_none_and_probation_is_one() {
        assert_eq!(of(1.0, Admission::Out { until: Moment::ZERO, times: 1 }).admits, Admits::None);
        let probation = of(1.0, Admission::Probation { since: Moment::ZERO, times: 1 });
        assert_eq!((probation.admits, probation.share), (Admits::One, 1));
    }

    #[test]
    fn who_wants_to_go_gets_none() {
        let shut = Some("it asks to be drained".to_owned());
        let chart = Chart { shut, ..chart(0, Class::Well, 0) };
        assert_eq!(Influence::of(&chart).admits, Admits::None);
    }
}
