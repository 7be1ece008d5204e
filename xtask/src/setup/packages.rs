//! Debian packages, found missing by the programs they bring, so that other systems need not have them by name.

use super::Need;
use crate::exec;
use anyhow::{Context, Result, bail};
use std::time::Duration;

/// A program, the Debian package that has it, and what it is needed for.
struct Tool {
    program: &'static str,
    package: &'static str,
    need: Need,
}

const fn tool(need: Need, program: &'static str, package: &'static str) -> Tool {
    Tool {
        program,
        package,
        need,
    }
}

const TOOLS: [Tool; 11] = [
    tool(Need::Lab, "ip", "iproute2"),
    tool(Need::Lab, "ethtool", "ethtool"),
    tool(Need::Lab, "bpftool", "bpftool"),
    tool(Need::Lab, "tcpdump", "tcpdump"),
    tool(Need::Lab, "curl", "curl"),
    tool(Need::Lab, "ping", "iputils-ping"),
    tool(Need::Bench, "trafgen", "netsniff-ng"),
    tool(Need::Kernels, "qemu-system-x86_64", "qemu-system-x86"),
    tool(Need::Kernels, "cpio", "cpio"),
    tool(Need::Kernels, "dpkg-deb", "dpkg"),
    tool(Need::Dist, "dpkg-deb", "dpkg"),
];

/// The packages that `needs` ask for and whose programs are not there.
pub(super) fn missing(needs: &[Need]) -> Vec<&'static str> {
    let absent = |tool: &&Tool| needs.contains(&tool.need) && exec::find(tool.program).is_none();
    let mut packages: Vec<_> = TOOLS
        .iter()
        .filter(absent)
        .map(|tool| tool.package)
        .collect();
    packages.dedup();
    packages
}

/// Whether Debian packages can be installed here.
pub(super) fn available() -> bool {
    exec::find("apt-get").is_some()
}

/// Installs packages, after one update of the package lists.
pub(super) fn install(names: &[&str]) -> Result<()> {
    if !available() {
        bail!(
            "there is no apt-get here: install by this system's package manager what Debian calls {}",
            names.join(", ")
        );
    }
    update()?;
    let mut install = apt_get();
    install
        .args(["install", "--yes", "--no-install-recommends"])
        .args(names);
    exec::run(&mut exec::within(Duration::from_secs(900), &install))
        .with_context(|| format!("cannot install {}", names.join(", ")))
}

/// Reads the package lists anew; without them apt knows no package or names old ones.
pub(crate) fn update() -> Result<()> {
    let mut update = apt_get();
    update.args(["update", "--quiet"]);
    exec::run(&mut exec::within(Duration::from_secs(300), &update))
        .context("cannot read the package lists")
}

fn apt_get() -> std::process::Command {
    let mut apt = exec::as_root("env");
    apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    for option in [
        "Acquire::http::Timeout=30",
        "Acquire::Retries=2",
        "DPkg::Lock::Timeout=120",
    ] {
        apt.args(["-o", option]);
    }
    apt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_missing_for_no_need() {
        assert!(missing(&[]).is_empty());
    }
}
