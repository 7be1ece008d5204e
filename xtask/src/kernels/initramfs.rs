//! The initramfs: one static binary, `specs-init` of `statex-tests`, that the kernel starts as process 1.

use crate::{exec, workspace};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The binary that runs the packet specs as process 1 and powers the machine off.
const INIT: &str = "specs-init";

/// Builds and packs the init; `None` while the package has none.
pub(super) fn build() -> Result<Option<PathBuf>> {
    if !workspace::has_program(INIT)? {
        return Ok(None);
    }
    // What follows `--` reaches the last crate only: all below it is what the other tests link.
    let mut cargo = exec::cargo("rustc");
    cargo.args(["--package=statex-tests", "--bin", INIT, "--", "-C", "target-feature=+crt-static"]);
    exec::run(&mut cargo)?;
    pack(&workspace::root().join("target/debug").join(INIT)).map(Some)
}

/// Packs a static binary as `/init`.
fn pack(init: &Path) -> Result<PathBuf> {
    let dir = workspace::root().join("target/kernels/initramfs");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    std::fs::copy(init, dir.join("init")).with_context(|| format!("cannot copy {}", init.display()))?;
    let cpio = "echo init | cpio --quiet --create --format=newc --file ../initramfs.cpio";
    exec::run(exec::command("sh").args(["-c", cpio]).current_dir(&dir))?;
    Ok(dir.with_extension("cpio"))
}
