//! Booting a kernel in qemu and reading its serial console; emulated, so that it is the same on every machine.

use crate::exec;
use crate::test::Totals;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Booting takes about 4 s; the rest is for the specs themselves.
const LIMIT: Duration = Duration::from_secs(600);

/// Every instruction that qemu knows, no device but the console, and an end instead of a reboot.
const MACHINE: &str = "-accel tcg -cpu max -m 1024 -nodefaults -display none -serial stdio -no-reboot";

/// Runs the specs in the initramfs on a kernel; an error when one failed or they did not come to their end.
pub(super) fn run(kernel: &Path, initramfs: &Path, totals: &mut Totals) -> Result<()> {
    let mut closing = None;
    exec::run_reading(&mut exec::within(LIMIT, &qemu(kernel, initramfs)), |line| {
        closing = closing.take().or_else(|| Closing::parse(line));
    })?;
    let Some(Closing { passed, failed }) = closing else {
        bail!("the kernel stopped before the specs had ended");
    };
    totals.passed += passed;
    totals.failed += failed;
    match (passed, failed) {
        (0, 0) => bail!("no spec was run"),
        (_, 0) => Ok(()),
        (_, failed) => bail!("{failed} specs failed"),
    }
}

fn qemu(kernel: &Path, initramfs: &Path) -> Command {
    let mut qemu = exec::command("qemu-system-x86_64");
    qemu.args(MACHINE.split(' ')).args(["-append", "console=ttyS0 quiet panic=-1"]);
    qemu.arg("-kernel").arg(kernel).arg("-initrd").arg(initramfs);
    qemu
}

/// The line that ends a run of the specs: `specs: 150 passed, 0 failed`.
#[derive(Debug, PartialEq, Eq)]
struct Closing {
    passed: u64,
    failed: u64,
}

impl Closing {
    fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.split_once("specs: ")?;
        let (passed, rest) = counts.split_once(" passed, ")?;
        let (failed, _) = rest.split_once(" failed")?;
        Some(Closing { passed: passed.parse().ok()?, failed: failed.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_line_is_read_as_the_console_sends_it() {
        let line = "specs: 150 passed, 2 failed\r";
        assert_eq!(Closing::parse(line), Some(Closing { passed: 150, failed: 2 }));
        assert_eq!(Closing::parse("[    1.0] specs: about to run"), None);
    }
}
