//! Figures as lines of JSON and as tables for people.

use std::fmt::Write as _;

use serde::Serialize;

use super::measure::Spread;

/// One line of the result.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Figure {
    Path(Path),
    Verifier(Verifier),
    Rate(Rate),
    Time(Time),
}

/// What a packet costs on one path.
#[derive(Clone, Debug, Serialize)]
pub struct Path {
    pub case: &'static str,
    /// A number, or `unique`.
    pub flows: String,
    pub net_ns_min: f64,
    pub net_ns_median: f64,
    /// The median in multiples of the encapsulation floor's.
    pub x_encap_floor: f64,
    /// Most that it may be.
    pub x_goal: Option<f64>,
    /// Packets in a hundred that opened a flow.
    pub new_flows_percent: f64,
}

/// The program of a node as the kernel has it.
#[derive(Clone, Debug, Serialize)]
pub struct Verifier {
    pub case: &'static str,
    /// Instructions that the verifier processed.
    pub insns: u32,
    pub insns_goal: u32,
    /// Instructions as bytes, before and after the kernel's compiler.
    pub translated_bytes: u32,
    pub jited_bytes: u32,
}

/// Frames through interfaces.
#[derive(Clone, Debug, Serialize)]
pub struct Rate {
    pub case: &'static str,
    pub flows: u64,
    /// Millions of frames a second that came back.
    pub mpps: f64,
    /// Frames in a hundred that did not come back.
    pub lost_percent: f64,
    /// As a part of what a program that only sends back does in the same run.
    pub of_xdp_tx: Option<f64>,
    /// Least that the part may be.
    pub goal: Option<f64>,
}

/// How long something takes.
#[derive(Clone, Debug, Serialize)]
pub struct Time {
    pub case: &'static str,
    pub ms_min: f64,
    pub ms_median: f64,
    pub ms_goal: f64,
}

impl Figure {
    pub(super) fn path(
        case: &'static str,
        flows: impl Into<String>,
        net: Spread,
        floor: Spread,
        x_goal: Option<f64>,
        new_flows_percent: f64,
    ) -> Self {
        Self::Path(Path {
            case,
            flows: flows.into(),
            net_ns_min: net.min,
            net_ns_median: net.median,
            x_encap_floor: hundredths(net.median / floor.median),
            x_goal,
            new_flows_percent: hundredths(new_flows_percent),
        })
    }

    /// Whether the figure is as it should be; `None` where there is no goal.
    pub fn holds(&self) -> Option<bool> {
        match self {
            Self::Path(path) => path.x_goal.map(|goal| path.x_encap_floor <= goal),
            Self::Verifier(verifier) => Some(verifier.insns <= verifier.insns_goal),
            Self::Rate(rate) => Some(rate.of_xdp_tx? >= rate.goal?),
            Self::Time(time) => Some(time.ms_median <= time.ms_goal),
        }
    }
}

pub(super) fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// All figures for a person to read.
pub fn tables(figures: &[Figure]) -> String {
    let mut text = String::from(
        "path                     flows   net ns min  median  × encap floor   goal\n\
         ---------------------- -------  ----------  ------  -------------  -----\n",
    );
    let mut rest = String::new();
    for figure in figures {
        let verdict = match figure.holds() {
            Some(true) => "reached",
            Some(false) => "missed",
            None => "",
        };
        // Writing to a string cannot fail.
        let _ = match figure {
            Figure::Path(p) => {
                let goal = p.x_goal.map_or(String::new(), |goal| format!("≤ {goal}"));
                writeln!(
                    text,
                    "{:<22} {:>7}  {:>10.1}  {:>6.1}  {:>13.2}  {goal:>5} {verdict}",
                    p.case, p.flows, p.net_ns_min, p.net_ns_median, p.x_encap_floor
                )
            }
            Figure::Verifier(v) => writeln!(
                rest,
                "verifier: {} instructions processed (goal ≤ {}, {verdict}); program {} bytes, {} compiled",
                v.insns, v.insns_goal, v.translated_bytes, v.jited_bytes
            ),
            Figure::Rate(r) => {
                let part = r.of_xdp_tx.map_or(String::new(), |part| {
                    let goal = r.goal.map_or(String::new(), |goal| format!(" (goal ≥ {goal}, {verdict})"));
                    format!(", {part:.2} of XDP_TX{goal}")
                });
                writeln!(
                    rest,
                    "{}: {:.2} Mpps with {} flows, {:.1} % lost{part}",
                    r.case, r.mpps, r.flows, r.lost_percent
                )
            }
            Figure::Time(t) => writeln!(
                rest,
                "{}: {:.2} ms, median {:.2} ms (goal ≤ {} ms, {verdict})",
                t.case, t.ms_min, t.ms_median, t.ms_goal
            ),
        };
    }
    format!("{text}\n{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(net: f64) -> Figure {
        let spread = |median| Spread { min: median, median };
        Figure::path("tcp4_ipip_known", "1", spread(net), spread(25.0), Some(2.8), 0.0)
    }

    #[test]
    fn goal_is_a_multiple_of_the_floor() {
        assert_eq!(path(70.0).holds(), Some(true));
        assert_eq!(path(71.0).holds(), Some(false));
    }

    #[test]
    fn line_of_json_has_the_promised_keys() {
        let line = serde_json::to_value(path(50.0)).unwrap();
        assert_eq!(line["case"], "tcp4_ipip_known");
        assert_eq!(line["flows"], "1");
        assert_eq!(line["net_ns_median"], 50.0);
        assert_eq!(line["x_encap_floor"], 2.0);
    }
}
