//! Keeping others off the processor that measures.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The main thread runs before all ordinary ones (SCHED_FIFO) until this is dropped.
pub(super) struct RealTime(());

impl RealTime {
    /// # Errors
    /// When `chrt` of util-linux is missing or the kernel does not allow it.
    pub(super) fn begin() -> Result<Self> {
        change(&["--fifo", "--pid", "50"])?;
        Ok(Self(()))
    }
}

impl Drop for RealTime {
    fn drop(&mut self) {
        // Without it, what follows is measured at a high priority, which is not wrong.
        let _ = change(&["--other", "--pid", "0"]);
    }
}

fn change(policy: &[&str]) -> Result<()> {
    let thread = std::process::id().to_string();
    let output = Command::new("chrt").args(policy).arg(thread).output().context("cannot run chrt")?;
    ensure!(output.status.success(), "chrt: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
