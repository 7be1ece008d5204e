//! Debian's package manager, with a time limit on all that it does.

use crate::exec;
use anyhow::{Context, Result, bail};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const UPDATE_LIMIT: Duration = Duration::from_secs(300);
const INSTALL_LIMIT: Duration = Duration::from_secs(900);

/// Whether Debian packages can be installed here.
pub(crate) fn available() -> bool {
    exec::find("apt-get").is_some()
}

/// Installs packages, after reading the package lists anew.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if !available() {
        bail!(
            "there is no apt-get here: install by this system's package manager what Debian calls {}",
            packages.join(", ")
        );
    }
    update()?;
    let mut install = apt_get();
    install.args(["install", "--yes", "--no-install-recommends"]).args(packages);
    exec::run(&mut exec::within(INSTALL_LIMIT, &install))
        .with_context(|| format!("cannot install {}", packages.join(", ")))
}

/// Reads the package lists anew, once a run; without them apt knows no package, or names old ones.
pub(crate) fn update() -> Result<()> {
    static UPDATED: AtomicBool = AtomicBool::new(false);
    if UPDATED.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut update = apt_get();
    update.args(["update", "--quiet"]);
    exec::run(&mut exec::within(UPDATE_LIMIT, &update)).context("cannot read the package lists")?;
    UPDATED.store(true, Ordering::Relaxed);
    Ok(())
}

fn apt_get() -> Command {
    let mut apt = exec::as_root("env");
    apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    for option in ["Acquire::http::Timeout=30", "Acquire::Retries=2", "DPkg::Lock::Timeout=120"] {
        apt.args(["-o", option]);
    }
    apt
}
