//! Charts and scenes for tests.

use super::guard::Scene;
use crate::clock::Moment;
use crate::health::chart::Chart;
use crate::health::diagnosis::{self, Class, Finding, Source};
use crate::health::ejection::Admission;

/// A backend `b0`, `b1` … of the pool `web`, of this class since that second.
pub(crate) fn chart(number: usize, class: Class, since: u64) -> Chart {
    let source = if class == Class::Down { Source::Probe } else { Source::Requests };
    let since = Moment::from_secs(since);
    let finding = Finding { class, source, says: "as the test says".into(), severity: 0.5, since };
    let findings: Vec<Finding> = (class != Class::Well).then_some(finding).into_iter().collect();
    Chart {
        pool: "web".into(),
        backend: format!("b{number}").as_str().into(),
        class,
        since,
        score: diagnosis::score(findings.first()),
        findings,
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

/// Everything is in order.
pub(crate) fn scene() -> Scene<'static> {
    Scene {
        now: Moment::from_secs(1000),
        calendar: "2026-03-02T12:00:00Z".parse().unwrap(),
        killed: None,
        fence: Some(1),
        breaker: None,
        other_pools_sick: Vec::new(),
    }
}
