//! The steps of a test run: their outcome, their time, and how to try again what failed.

use super::Totals;
use anyhow::Result;
use std::time::Instant;

/// What has been done so far, for the summary.
pub(super) struct Report {
    begun: Instant,
    totals: Totals,
    lines: Vec<String>,
    failed: Vec<String>,
}

impl Report {
    pub(super) fn new() -> Self {
        Report { begun: Instant::now(), totals: Totals::default(), lines: Vec::new(), failed: Vec::new() }
    }

    /// Runs a step and notes its time, its outcome and, when it failed, the command that tries it `again`.
    pub(super) fn step(
        &mut self,
        name: &str,
        again: &str,
        run: impl FnOnce(&mut Totals) -> Result<()>,
    ) -> bool {
        println!("\n== {name}");
        let begun = Instant::now();
        let failed_before = self.totals.failed;
        let outcome = run(&mut self.totals);
        if let Err(error) = &outcome {
            eprintln!("error: {error:#}");
            self.failed.push(again.to_owned());
            // A step that is no test runner counts as one test.
            self.totals.failed += u64::from(self.totals.failed == failed_before);
        }
        self.lines.push(line(if outcome.is_ok() { "ok" } else { "FAILED" }, name, begun));
        outcome.is_ok()
    }

    /// Prints the summary, whose last line is the totals.
    pub(super) fn finish(mut self) -> bool {
        println!("\n{}\n{}", self.lines.join("\n"), line("", "all", self.begun));
        self.failed.dedup();
        for again in &self.failed {
            println!("to try it again: {again}");
        }
        println!("{}", self.totals);
        self.failed.is_empty()
    }
}

fn line(outcome: &str, name: &str, begun: Instant) -> String {
    format!("{outcome:<8}{name:<16}{:>8.1} s", begun.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn failed_step_without_tests_counts_as_one() {
        let mut report = Report::new();
        assert!(!report.step("format", "cargo xtask test lint", |_| bail!("not formatted")));
        assert_eq!(report.totals.failed, 1);
        assert!(!report.finish());
    }

    #[test]
    fn failed_tests_are_not_counted_twice() {
        let mut report = Report::new();
        report.step("unit", "cargo xtask test unit", |totals| {
            totals.failed += 3;
            bail!("tests failed")
        });
        assert_eq!(report.totals.failed, 3);
    }

    #[test]
    fn passing_steps_pass() {
        let mut report = Report::new();
        assert!(report.step("tidy", "cargo xtask tidy", |_| Ok(())));
        assert!(report.finish());
    }
}
