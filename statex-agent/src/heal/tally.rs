//! What healing has decided and done since the agent started, counted for `/metrics`.

use super::healer::{Decision, Outcome, verdict_word};
use super::ladder::Rung;
use std::collections::BTreeMap;

/// Counts by their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Pool, rung, verdict.
    pub decisions: BTreeMap<(String, &'static str, &'static str), u64>,
    /// Rung, outcome.
    pub actions: BTreeMap<(&'static str, &'static str), u64>,
}

impl Tally {
    pub fn decided(&mut self, decision: &Decision) {
        let key = (decision.pool.clone(), decision.rung.word(), verdict_word(&decision.verdict));
        *self.decisions.entry(key).or_default() += 1;
    }

    pub fn ended(&mut self, rung: Rung, outcome: &Outcome) {
        let word = match outcome {
            Outcome::Done => "done",
            Outcome::Unreachable => "unreachable",
            Outcome::Failed => "failed",
        };
        *self.actions.entry((rung.word(), word)).or_default() += 1;
    }
}
