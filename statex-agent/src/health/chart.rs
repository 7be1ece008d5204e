//! What people and other parts of the agent see of a backend's health, and why it is so.

use super::diagnosis::{Class, Finding, Source};
use super::ejection::Admission;
use crate::clock::Moment;
use std::sync::Arc;

/// A backend's health at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub pool: Arc<str>,
    pub backend: Arc<str>,
    /// The worst that is found; while facts are missing, the last that was.
    pub class: Class,
    /// Since when it is of this class.
    pub since: Moment,
    /// From 0 (down) to 1 (well); follows from the worst finding.
    pub score: f64,
    /// All that speaks against it, the worst first.
    pub findings: Vec<Finding>,
    /// Sources that should have spoken and have not, with the time since they did.
    pub missing: Vec<(Source, Moment)>,
    pub admission: Admission,
    /// Its own wish, or its runtime's word, keeps new flows away.
    pub shut: Option<String>,
    /// The part of its configured weight that it has now, from 0 to 1.
    pub share: f64,
    /// The part that it is on the way to.
    pub wanted: f64,
    /// Requests and failures in the last ten seconds.
    pub requests: (u64, u64),
    /// Requests under way, as far as the proxy or the backend itself says.
    pub in_flight: Option<u32>,
    /// How much speaks against it across windows; 1 is enough to act.
    pub evidence: f64,
}

impl Chart {
    /// Whether automation may act on it at all: what is not known is no reason.
    pub fn is_known(&self) -> bool {
        self.missing.is_empty()
    }

    /// The finding that decides.
    pub fn worst(&self) -> Option<&Finding> {
        self.findings.first()
    }

    /// Whether its class may make the agent heal it: down and failing at once, slow when it lasts, busy never.
    pub fn may_heal(&self, now: Moment) -> bool {
        let lasts = now.saturating_sub(self.since) >= LASTING;
        match self.class {
            Class::Down | Class::Failing => true,
            Class::Slow => lasts,
            Class::Saturated | Class::Well => false,
        }
    }
}

/// So long a backend is slow before that is more than a bad moment.
const LASTING: Moment = Moment::from_secs(300);

/// A chart in words: what is known, what follows, and what would change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub verdict: String,
    pub facts: Vec<String>,
    pub follows: Vec<String>,
    pub would_change: Vec<String>,
}

/// Explains a chart.
pub fn explain(chart: &Chart, now: Moment) -> Explanation {
    let ago = |since: Moment| span(now.saturating_sub(since));
    let verdict = format!(
        "{}/{} is {} for {}, score {:.2}",
        chart.pool,
        chart.backend,
        chart.class.word(),
        ago(chart.since),
        chart.score
    );
    let mut facts: Vec<String> =
        chart.findings.iter().map(|finding| format!("{finding} (for {})", ago(finding.since))).collect();
    let (requests, failures) = chart.requests;
    if requests > 0 {
        facts.push(format!("{failures} of {requests} real requests failed in the last 10 s"));
    }
    for (source, silent) in &chart.missing {
        facts.push(format!("{} has not been heard for {}", source.word(), span(*silent)));
    }
    if facts.is_empty() {
        facts.push("nothing speaks against it".to_owned());
    }
    Explanation { verdict, facts, follows: follows(chart, now), would_change: would_change(chart, now) }
}

fn follows(chart: &Chart, now: Moment) -> Vec<String> {
    let mut follows = Vec::new();
    if !chart.is_known() {
        follows.push("the last verdict stays, and nothing is done to it until it is known again".to_owned());
    }
    if let Some(why) = &chart.shut {
        follows.push(format!("it gets no new flows: {why}"));
    }
    match chart.admission {
        Admission::In if chart.class == Class::Down => {
            follows.push("it gets no new flows while others serve".to_owned());
        }
        Admission::In if chart.class == Class::Failing => {
            follows.push("it stays in, since too many of the pool are out or look sick".to_owned());
        }
        Admission::In => {}
        Admission::Out { until, times } => follows.push(format!(
            "it is out for {} more, for the {} time in a row",
            span(until.saturating_sub(now)),
            ordinal(times)
        )),
        Admission::Probation { .. } => {
            follows.push("it gets one real request to show that it is in order".to_owned());
        }
    }
    if chart.share < 0.995 {
        follows.push(format!(
            "it has {:.0} % of its weight, on the way to {:.0} %",
            chart.share * 100.0,
            chart.wanted * 100.0
        ));
    }
    if follows.is_empty() {
        follows.push("it has its whole weight".to_owned());
    }
    follows
}

fn would_change(chart: &Chart, now: Moment) -> Vec<String> {
    let mut changes = Vec::new();
    for (source, _) in &chart.missing {
        changes.push(format!("known again when {} speaks", source.word()));
    }
    match chart.admission {
        Admission::Out { until, .. } => {
            changes.push(format!("on probation in {}", span(until.saturating_sub(now))));
        }
        Admission::Probation { .. } => {
            changes.push(
                "back, with a share that grows, by one good request; out again by a bad one".to_owned(),
            );
        }
        Admission::In => {}
    }
    changes.extend(chart.worst().map(remedy));
    if chart.class == Class::Well && chart.evidence > 0.1 {
        changes.push(format!(
            "failing, if it goes on failing more than its peers ({:.0} % of the evidence is there)",
            chart.evidence * 100.0
        ));
    }
    if changes.is_empty() {
        changes.push("a failed check, failures that its peers do not have, or silence".to_owned());
    }
    changes
}

fn remedy(worst: &Finding) -> String {
    match (worst.class, worst.source) {
        (Class::Down, Source::Probe) => {
            "up by good health checks in a row, as many as `rise` says".to_owned()
        }
        (Class::Down, Source::Flows) => "up by the first packet that comes back from it".to_owned(),
        (Class::Down, Source::Backend) => "up when it says so itself".to_owned(),
        (Class::Down, _) => "up when its runtime says that it runs".to_owned(),
        (Class::Failing, _) => "well when it fails no more than 2 points above its peers for 10 s".to_owned(),
        (Class::Slow, _) => "well when it is less than twice as slow as its peers".to_owned(),
        (Class::Saturated, source) => format!("well when {} shows less load", source.word()),
        (Class::Well, _) => "nothing".to_owned(),
    }
}

/// A time for people: `12 s`, `3 min 20 s`, `2 h 5 min`.
pub fn span(time: Moment) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn ordinal(number: u32) -> String {
    let end = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Moment = Moment::from_secs(60);

    fn chart(class: Class, source: Source, says: &str) -> Chart {
        let finding = Finding { class, source, says: says.into(), severity: 1.0, since: MINUTE };
        Chart {
            pool: "web".into(),
            backend: "web-1".into(),
            class,
            since: MINUTE,
            score: super::super::diagnosis::score(Some(&finding)),
            findings: vec![finding],
            missing: Vec::new(),
            admission: Admission::In,
            shut: None,
            share: 1.0,
            wanted: 1.0,
            requests: (0, 0),
            in_flight: None,
            evidence: 0.0,
        }
    }

    #[test]
    fn an_ejection_says_why_until_when_and_what_ends_it() {
        let chart = Chart {
            admission: Admission::Out { until: 3 * MINUTE, times: 2 },
            requests: (200, 14),
            ..chart(Class::Failing, Source::Requests, "fails 7.0 % of requests")
        };
        let explanation = explain(&chart, 2 * MINUTE);
        assert_eq!(explanation.verdict, "web/web-1 is failing for 1 min, score 0.10");
        assert_eq!(explanation.facts[0], "real requests: fails 7.0 % of requests (for 1 min)");
        assert_eq!(explanation.follows, ["it is out for 1 min more, for the 2nd time in a row"]);
        assert_eq!(explanation.would_change[0], "on probation in 1 min");
    }

    #[test]
    fn what_is_missing_freezes_and_says_so() {
        let mut chart = chart(Class::Down, Source::Probe, "refused");
        chart.missing = vec![(Source::Runtime, MINUTE)];
        let explanation = explain(&chart, MINUTE);
        assert!(explanation.follows[0].starts_with("the last verdict stays"), "{explanation:?}");
        assert!(explanation.would_change[0].contains("runtime"));
    }

    #[test]
    fn a_well_one_says_what_could_befall_it() {
        let well = Chart { findings: Vec::new(), score: 1.0, ..chart(Class::Well, Source::Probe, "") };
        let explanation = explain(&well, MINUTE);
        assert_eq!(explanation.facts, ["nothing speaks against it"]);
        assert_eq!(explanation.follows, ["it has its whole weight"]);
        assert!(!explanation.would_change.is_empty());
    }

    #[test]
    fn only_what_lasts_or_is_certain_may_be_healed() {
        let heals = |class, now| chart(class, Source::Requests, "").may_heal(now);
        assert!(heals(Class::Down, MINUTE) && heals(Class::Failing, MINUTE));
        assert!(!heals(Class::Slow, 2 * MINUTE) && heals(Class::Slow, 6 * MINUTE));
        assert!(!heals(Class::Saturated, 600 * MINUTE));
    }

    #[test]
    fn times_and_numbers_read_as_people_say_them() {
        let spans = [5, 60, 200, 7500].map(|seconds| span(Moment::from_secs(seconds)));
        assert_eq!(spans, ["5 s", "1 min", "3 min 20 s", "2 h 5 min"]);
        assert_eq!([1, 2, 3, 4, 11, 22].map(ordinal), ["1st", "2nd", "3rd", "4th", "11th", "22nd"]);
    }
}
