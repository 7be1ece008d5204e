//! `cargo xtask test kernels`: the verifier and all packet specs on older kernels, each booted in qemu.
//!
//! ```text
//! apt-get download ─ vmlinuz ┐
//! static specs-init ─ cpio ──┴─ qemu ─ serial console ─ "specs: N passed, N failed"
//! ```

mod boot;
mod image;
mod initramfs;

use crate::test::Totals;
use anyhow::{Result, bail};

/// The kernel series that are tested beside the one that runs here.
const SERIES: [&str; 2] = ["6.1", "6.12"];

/// Boots each kernel; one that cannot be had on this system is skipped, aloud.
pub(crate) fn run(totals: &mut Totals) -> Result<()> {
    let Some(initramfs) = initramfs::build()? else {
        return Ok(());
    };
    let mut failed = Vec::new();
    for series in SERIES {
        let Some(kernel) = image::find(series)? else {
            eprintln!("skipped: apt knows no cloud kernel {series} here (Debian 12 has it)");
            totals.skipped += 1;
            continue;
        };
        if let Err(error) = boot::run(&kernel, &initramfs, totals) {
            eprintln!("error: Linux {series}: {error:#}");
            failed.push(series);
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => bail!("the packet specs failed on Linux {}", failed.join(", ")),
    }
}
