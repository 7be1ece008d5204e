//! The models that are asked, each cheap and each right about another kind of load.

use super::{
    level::levelled,
    profile::{Profile, Profiles, Snapshots},
    regression,
    series::DAY,
    window::Window,
};

/// A model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expert {
    /// As yesterday at this hour.
    Yesterday,
    /// As a week ago; of a day off, as the last Sunday. Every other expert must be better than this one.
    LastWeek,
    /// The median of the same hours of all weeks, at the level of the last day.
    Robust,
    /// The same hours of recent weeks, at the level of the last two days.
    Decayed,
    /// The same hours of recent days, at the level of the last day.
    Daily,
    /// Waves of a day and a week, at the level of the last day.
    Harmonic,
    /// Layers that stand out of the noise, at the level of the last day and a half.
    Shrunk,
    /// The same, at the level of the last week.
    Calm,
    /// A regression that believes little of what it sees.
    Firm,
    /// A regression that believes more.
    Open,
}

impl Expert {
    /// The word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yesterday => "yesterday",
            Self::LastWeek => "last week",
            Self::Robust => "robust",
            Self::Decayed => "decayed",
            Self::Daily => "daily",
            Self::Harmonic => "harmonic",
            Self::Shrunk => "shrunk",
            Self::Calm => "calm",
            Self::Firm => "firm",
            Self::Open => "open",
        }
    }
}

/// What the experts said, or would have said, from several origins.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    /// Ascending; the last is the window's length.
    pub(super) origins: Vec<usize>,
    /// Logarithms: `[expert][origin][hour]`.
    pub(super) said: Vec<(Expert, Vec<Vec<f64>>)>,
}

impl Panel {
    /// Asks all experts that the history is long enough for.
    pub(super) fn ask(window: &Window, snapshots: &Snapshots, origins: Vec<usize>, ahead: usize) -> Self {
        let mut said: Vec<(Expert, Vec<Vec<f64>>)> = Vec::new();
        let from_each = |forecast: &dyn Fn(usize, &mut [f64])| {
            let from = |origin: &usize| {
                let mut out = vec![0.0; ahead];
                forecast(*origin, &mut out);
                out
            };
            origins.iter().map(from).collect::<Vec<_>>()
        };
        for Profiled { expert, profile, span } in PROFILED {
            said.push((
                expert,
                from_each(&|origin, out| {
                    levelled(window, profile(snapshots.before(origin)), origin, span, out);
                }),
            ));
        }
        said.push((Expert::Yesterday, from_each(&|origin, out| yesterday(window, origin, out))));
        said.push((Expert::LastWeek, from_each(&|origin, out| last_week(window, origin, out))));
        if let Some([firm, open]) = regression::forecasts(window, snapshots, &origins, ahead) {
            said.extend([(Expert::Firm, firm), (Expert::Open, open)]);
        }
        Self { origins, said }
    }
}

/// An expert that puts a profile at a level.
struct Profiled {
    expert: Expert,
    profile: fn(&Profiles) -> &Profile,
    /// The hours that tell the level.
    span: usize,
}

const PROFILED: [Profiled; 6] = [
    Profiled { expert: Expert::Robust, profile: |profiles| &profiles.robust, span: DAY },
    Profiled { expert: Expert::Decayed, profile: |profiles| &profiles.decayed, span: 2 * DAY },
    Profiled { expert: Expert::Daily, profile: |profiles| &profiles.daily, span: DAY },
    Profiled { expert: Expert::Harmonic, profile: |profiles| &profiles.harmonic, span: DAY },
    Profiled { expert: Expert::Shrunk, profile: |profiles| &profiles.shrunk, span: 36 },
    Profiled { expert: Expert::Calm, profile: |profiles| &profiles.shrunk, span: 7 * DAY },
];

fn yesterday(window: &Window, origin: usize, out: &mut [f64]) {
    for (distance, out) in out.iter_mut().enumerate() {
        let before = (origin + distance).checked_sub(DAY * (distance / DAY + 1));
        *out = window.filled[before.unwrap_or(origin - 1)];
    }
}

fn last_week(window: &Window, origin: usize, out: &mut [f64]) {
    yesterday(window, origin, out);
    for (distance, out) in out.iter_mut().enumerate() {
        if let Some(before) = window.calendar.alike(origin + distance) {
            *out = window.filled[before];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::forecast::{calendar::DaysOff, series::Series};

    fn window(hours: usize) -> Window {
        let points = (0..hours).map(|at| (at as i64, (at as f64 / 1000.0 + 3.0).exp_m1()));
        Window::new(&Series::from_points(points, hours), 48, &DaysOff::default())
    }

    #[test]
    fn yesterday_and_last_week_say_what_they_say() {
        let window = window(672);
        let (mut day, mut week) = ([0.0; 48], [0.0; 48]);
        yesterday(&window, 600, &mut day);
        last_week(&window, 600, &mut week);
        assert_eq!((day[0], day[30]), (window.filled[576], window.filled[582]));
        assert_eq!((week[0], week[47]), (window.filled[432], window.filled[479]));
    }

    #[test]
    fn everybody_is_asked_where_history_is_long_enough() {
        let ask = |hours: usize| {
            let window = window(hours);
            Panel::ask(&window, &Snapshots::new(&window), vec![hours - 24, hours], 24).said.len()
        };
        assert_eq!((ask(672), ask(60)), (10, 8));
    }
}
