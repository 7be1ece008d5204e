//! Formatting and clippy with warnings as errors, of the workspace and of the eBPF crate.

use crate::setup::{Consent, Need, ensure, toolchain};
use crate::{build_ebpf, exec, workspace};
use anyhow::Result;

/// Whether every crate is formatted as rustfmt would.
pub(crate) fn format() -> Result<()> {
    exec::run(exec::cargo("fmt").args(["--all", "--check"]))?;
    exec::run(exec::cargo("fmt").arg("--check").current_dir(workspace::ebpf_crate()))
}

/// Clippy of everything that runs on the host, tests included.
pub(crate) fn clippy_host() -> Result<()> {
    exec::run(exec::cargo("clippy").args(["--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Clippy of what runs in the kernel, by the compiler that builds it.
pub(crate) fn clippy_bpf(consent: Consent) -> Result<()> {
    ensure(&[Need::EbpfLint], consent)?;
    let mut clippy = toolchain::ready(true)?.clippy();
    build_ebpf::aim(&mut clippy);
    exec::run(clippy.args(["--", "-D", "warnings"]))
}
