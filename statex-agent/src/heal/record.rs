//! A decision as it goes into the audit log: everything that led to it, in sentences and in numbers. Pure.

use super::guard::Outlook;
use super::healer::{Decision, Verdict, verdict_word};
use crate::audit::Entry;
use serde_json::json;

/// The entry of a decision; `steps` is what is, or would be, done.
pub fn entry(decision: &Decision, mode: &str, steps: &[String], outlook: Option<Outlook>) -> Entry {
    let Decision { pool, backend, rung, replica, verdict, diagnosis, checks } = decision;
    let mut says = vec![first(decision)];
    says.extend(diagnosis.iter().cloned());
    says.extend(checks.iter().map(|check| {
        let mark = if check.passed { "yes" } else { "NO" };
        format!("{} {mark}: {}", check.name, check.says)
    }));
    says.extend(steps.iter().map(|step| format!("step: {step}")));
    let failing: Vec<_> = checks.iter().filter(|check| !check.passed).map(|check| check.name).collect();
    let data = json!({
        "rung": rung.word(),
        "mode": mode,
        "replica": replica,
        "failing": failing,
        "forecast": outlook.map(|it| json!({ "demand": it.demand, "each": it.each, "seconds": it.horizon.as_secs() })),
    });
    let kind = verdict_word(verdict).replace(' ', "-");
    Entry { data, ..Entry::new(&kind, format!("{pool}/{backend}"), says) }
}

fn first(decision: &Decision) -> String {
    let Decision { backend, rung, .. } = decision;
    let rung = rung.word();
    match &decision.verdict {
        Verdict::Act { approved_by: Some(who), fence } => {
            format!("{rung} of {backend}, approved by {who}, under fence {fence}")
        }
        Verdict::Act { fence, .. } => format!("{rung} of {backend}, under fence {fence}"),
        Verdict::Observe => format!("{rung} of {backend} would be done, if the mode were act"),
        Verdict::Ask { id } => format!("{rung} of {backend} waits for a person: statex heal approve {id}"),
        Verdict::Hold => format!("{rung} of {backend} is not done"),
        Verdict::Page => format!("nothing more is done to {backend}: a person is called"),
        Verdict::Healed { .. } => format!("{backend} is in order again after {rung}"),
        Verdict::NotHelped => format!("{rung} has not helped {backend}"),
    }
}

/// What became of an action.
pub fn outcome(pool: &str, backend: &str, done: &[String], failed: Option<&str>) -> Entry {
    let mut says: Vec<String> = done.iter().map(|it| format!("done: {it}")).collect();
    says.extend(failed.map(|why| format!("failed: {why}")));
    let kind = if failed.is_some() { "failed" } else { "done" };
    Entry::new(kind, format!("{pool}/{backend}"), says)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heal::guard::Check;
    use crate::heal::ladder::Rung;

    #[test]
    fn an_entry_explains_itself() {
        let check = |name, passed, says: &str| Check { name, passed, says: says.into() };
        let decision = Decision {
            pool: "web".into(),
            backend: "web-1".into(),
            rung: Rung::Restart,
            replica: Some("abc".into()),
            verdict: Verdict::Hold,
            diagnosis: vec!["down, score 0.00".into(), "health check: refused".into()],
            checks: vec![check("lease", true, "this node heals"), check("budget", false, "10 % of 10: 0")],
        };
        let outlook = Outlook { demand: 9.0, each: 5.0, horizon: std::time::Duration::from_secs(60) };
        let entry = entry(&decision, "act", &["restart web-1".into()], Some(outlook));
        assert_eq!((entry.kind.as_str(), entry.subject.as_str()), ("hold", "web/web-1"));
        assert_eq!(
            entry.says,
            [
                "restart of web-1 is not done",
                "down, score 0.00",
                "health check: refused",
                "lease yes: this node heals",
                "budget NO: 10 % of 10: 0",
                "step: restart web-1",
            ]
        );
        assert_eq!(
            (&entry.data["failing"][0], &entry.data["forecast"]["demand"]),
            (&json!("budget"), &json!(9.0))
        );
    }

    #[test]
    fn an_outcome_says_what_was_done_before_it_failed() {
        let entry = outcome("web", "web-1", &["drained".into()], Some("engine refused"));
        assert_eq!(entry.says, ["done: drained", "failed: engine refused"]);
    }
}
