//! `cargo xtask dist`: a tarball and a Debian package with the one binary, its systemd units and its configuration.
//!
//! | file | makes |
//! |---|---|
//! | `tree.rs` | a folder with everything at its place |
//! | `tarball.rs` | `statex-<version>-x86_64.tar.gz` |
//! | `deb.rs` | `statex_<version>_amd64.deb` |

mod deb;
mod tarball;
mod tree;

use crate::setup::{self, Consent, Need};
use crate::{build_ebpf, exec, workspace};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// The version of all crates of the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn run(consent: Consent) -> Result<()> {
    if !cfg!(target_arch = "x86_64") {
        bail!("releases are made on x86_64, for x86_64");
    }
    setup::ensure(&[Need::Ebpf, Need::Dist], consent)?;
    build_ebpf::run(consent)?;
    let binary = build()?;
    let dist = workspace::root().join("target/dist");
    for made in [tarball::make(&binary, &dist)?, deb::make(&binary, &dist)?] {
        println!("{}", made.display());
    }
    Ok(())
}

/// The release binary, linked with nothing that a host would have to have.
fn build() -> Result<PathBuf> {
    let mut cargo = exec::cargo("rustc");
    cargo.args(["--release", "--package=statex-agent", "--bin=statex"]);
    exec::run(cargo.args(["--", "-C", "target-feature=+crt-static"]))?;
    let binary = workspace::root().join("target/release/statex");
    match needs_an_interpreter(&std::fs::read(&binary)?) {
        false => Ok(binary),
        true => bail!("{} is linked dynamically: it would not run on every host", binary.display()),
    }
}

/// Whether an ELF file for 64 bits names a dynamic loader: a program header of type `PT_INTERP`.
fn needs_an_interpreter(elf: &[u8]) -> bool {
    const PT_INTERP: u32 = 3;
    let number = |at: usize, size: usize| {
        let bytes = elf.get(at..at + size).unwrap_or_default();
        bytes.iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let (headers, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).any(|index| number(headers + index * size, 4) == PT_INTERP as usize)
}

/// A file of `xtask/packaging`.
fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dynamically_linked_program_is_told_apart() {
        let this_test = std::fs::read("/proc/self/exe").unwrap();
        assert!(needs_an_interpreter(&this_test));
        assert!(!needs_an_interpreter(b"\x7fELF"));
    }

    #[test]
    fn systemd_accepts_the_units() {
        if exec::find("systemd-analyze").is_none() {
            eprintln!("skipped: there is no systemd-analyze here");
            return;
        }
        for unit in ["statex.service", "statex-backend.service"] {
            let verify =
                exec::command("systemd-analyze").arg("verify").arg(packaging(unit)).output().unwrap();
            let complaints = String::from_utf8(verify.stderr).unwrap();
            let of_the_unit = |line: &&str| !line.contains("/usr/bin/statex is not executable");
            assert_eq!(complaints.lines().find(of_the_unit), None, "{unit}");
        }
    }
}
