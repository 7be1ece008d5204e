//! A measured figure beside the one that it must reach: what benchmarks print, one object a line.

use serde::Serialize;
use std::fmt;

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
    /// In words; empty where the figure is there to compare with.
    pub goal: String,
    pub holds: bool,
}

impl Figure {
    /// A figure that must not be above `most`.
    pub fn at_most(what: impl Into<String>, value: f64, most: f64, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            value,
            unit,
            goal: format!("at most {most}{}", spaced(unit)),
            holds: value <= most,
        }
    }

    /// A figure that must not be below `least`.
    pub fn at_least(what: impl Into<String>, value: f64, least: f64, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            value,
            unit,
            goal: format!("at least {least}{}", spaced(unit)),
            holds: value >= least,
        }
    }

    /// A figure to compare others with.
    pub fn compare(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { what: what.into(), value, unit, goal: String::new(), holds: true }
    }
}

fn spaced(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" {unit}") }
}

/// One line for a person.
impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, value, unit, goal, holds } = self;
        write!(f, "{what}: {value:.4}{}", spaced(unit))?;
        match (goal.as_str(), holds) {
            ("", _) => Ok(()),
            (goal, true) => write!(f, " ({goal}: holds)"),
            (goal, false) => write!(f, " ({goal}: MISSED)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_say_whether_they_hold() {
        assert_eq!(Figure::at_most("lag", 0.5, 1.0, "s").to_string(), "lag: 0.5000 s (at most 1 s: holds)");
        assert_eq!(Figure::at_least("hits", 0.5, 1.0, "").to_string(), "hits: 0.5000 (at least 1: MISSED)");
        assert_eq!(Figure::compare("others", 2.0, "s").to_string(), "others: 2.0000 s");
    }
}
