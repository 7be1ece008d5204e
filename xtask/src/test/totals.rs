//! How many tests passed, failed and were skipped, added up over test runners by their closing lines.

use crate::exec;
use anyhow::Result;
use std::fmt;
use std::process::Command;

#[derive(Default, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Totals {
    /// Runs a test runner and adds up what it says.
    pub(crate) fn count(&mut self, runner: &mut Command) -> Result<()> {
        exec::run_reading(runner, |line| self.add(line))
    }

    /// Adds a closing line: cargo's `test result: ok. 5 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        if let Some((_, result)) = line.split_once("test result: ") {
            self.passed += before(result, " passed");
            self.failed += before(result, " failed");
            self.skipped += before(result, " ignored");
        }
    }
}

/// The number before a word.
fn before(text: &str, word: &str) -> u64 {
    text.split_once(word).and_then(|(text, _)| text.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "total: {} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_add_up() {
        let mut totals = Totals::default();
        totals.add(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s",
        );
        totals.add("test flow::hit_costs_nothing ... ok");
        totals.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s");
        assert_eq!(totals, Totals { passed: 15, failed: 2, skipped: 1 });
    }
}
