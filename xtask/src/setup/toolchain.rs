//! The compiler and linker of eBPF programs: the first of two ways that a machine has; where it has neither,
//! the first that can be had.
//!
//! | way | compiler | linker |
//! |---|---|---|
//! | [`Toolchain::Rustup`] | rustup's nightly of a pinned date with `rust-src` | bpf-linker with the compiler's own LLVM |
//! | [`Toolchain::Debian`] | Debian's `rustc-web` with its `rust-web-src` | bpf-linker with Debian's LLVM |
//!
//! The linker's LLVM must be at least as new as the compiler's: both are 22.

use super::apt;
use crate::{exec, workspace};
use anyhow::{Context, Result, anyhow};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The nightly whose LLVM is the linker's; `build-std` wants a nightly.
const NIGHTLY: &str = "nightly-2026-05-20";

/// How long rustup's downloads may take.
const RUSTUP_LIMIT: Duration = Duration::from_secs(300);

/// How long compiling the linker may take: it needs about 75 s on two cores.
const LINKER_LIMIT: Duration = Duration::from_secs(900);

const DEBIAN_PACKAGES: [&str; 5] =
    ["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy", "llvm-22-dev"];
const DEBIAN_LLVM: &str = "/usr/lib/llvm-22";

/// A compiler for the target `bpfel-unknown-none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    Rustup,
    Debian,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Toolchain::Rustup => write!(f, "eBPF programs are built by rustup's {NIGHTLY}"),
            Toolchain::Debian => write!(f, "eBPF programs are built by Debian's rustc-web"),
        }
    }
}

impl Toolchain {
    /// `cargo` of this toolchain in the eBPF crate, set up to compile and link for the kernel.
    pub(crate) fn cargo(self) -> Command {
        let mut cargo = match self {
            Toolchain::Rustup => rustup_run("cargo"),
            Toolchain::Debian => debian("/usr/bin/cargo"),
        };
        for_the_kernel(&mut cargo);
        cargo
    }

    /// `cargo clippy` of this toolchain, set up like [`Toolchain::cargo`].
    ///
    /// Debian's is called by its path: `cargo clippy` would look for cargo-clippy among rustup's programs first.
    pub(crate) fn clippy(self) -> Command {
        let mut clippy = match self {
            Toolchain::Rustup => rustup_run("cargo"),
            Toolchain::Debian => debian("/usr/bin/cargo-clippy"),
        };
        clippy.arg("clippy");
        for_the_kernel(&mut clippy);
        clippy
    }

    fn has_compiler(self) -> bool {
        match self {
            Toolchain::Rustup => exec::output(rustup_run("rustc").args(["--print", "sysroot"]))
                .is_ok_and(|sysroot| has_source(&Path::new(sysroot.trim()).join("lib/rustlib"))),
            Toolchain::Debian => {
                Path::new(DEBIAN_LLVM).join("bin/llvm-config").exists()
                    && has_source(Path::new("/usr/lib/rustlib"))
                    && exec::output(Command::new("/usr/bin/rustc").arg("-vV"))
                        .is_ok_and(|version| is_new_enough(&version))
            }
        }
    }

    fn has_clippy(self) -> bool {
        match self {
            Toolchain::Rustup => exec::output(rustup_run("cargo-clippy").arg("--version")).is_ok(),
            Toolchain::Debian => Path::new("/usr/bin/clippy-driver").exists(),
        }
    }

    fn has_linker(self) -> bool {
        let mut ask = match self {
            Toolchain::Rustup => rustup_run(linker()),
            Toolchain::Debian => Command::new(linker()),
        };
        exec::output(ask.arg("--version")).is_ok_and(|version| self.takes_linker(version.trim()))
    }

    fn takes_linker(self, version: &str) -> bool {
        match self {
            Toolchain::Rustup => ["bpf-linker 0.10.4", "bpf-linker 0.13.0"].contains(&version),
            Toolchain::Debian => version == "bpf-linker 0.13.0",
        }
    }

    fn install_linker(self) -> Result<()> {
        if self.has_linker() {
            return Ok(());
        }
        let mut install = exec::cargo("install");
        install.args(["bpf-linker", "--locked", "--force", "--version"]);
        match self {
            Toolchain::Rustup => install.arg("0.10.4"),
            Toolchain::Debian => install
                .args(["0.13.0", "--no-default-features", "--features", "llvm-22"])
                .env("LLVM_PREFIX", DEBIAN_LLVM),
        };
        exec::run(&mut exec::within(LINKER_LIMIT, &install)).context("cannot install bpf-linker")
    }
}

/// The first toolchain that is there whole, with its clippy if `lint`.
pub(crate) fn ready(lint: bool) -> Result<Toolchain> {
    [Toolchain::Rustup, Toolchain::Debian]
        .into_iter()
        .find(|way| way.has_compiler() && way.has_linker() && (!lint || way.has_clippy()))
        .ok_or_else(|| anyhow!("no compiler for eBPF programs: run `cargo xtask setup`"))
}

pub(super) fn describe_install() -> String {
    format!(
        "a compiler for eBPF programs: packages {}, where apt has none of them rustup's {NIGHTLY}; \
         and bpf-linker by `cargo install`",
        DEBIAN_PACKAGES.join(" ")
    )
}

/// Installs what is missing of the first way that is there or can be had.
pub(super) fn install(lint: bool) -> Result<()> {
    let there = [Toolchain::Rustup, Toolchain::Debian]
        .into_iter()
        .find(|way| way.has_compiler() && (!lint || way.has_clippy()));
    let way = match there {
        Some(way) => way,
        None => install_compiler()?,
    };
    eprintln!("{way}.");
    way.install_linker()
}

/// Debian's packages first: they are the compiler that continuous integration tests, and apt answers at once
/// when it has none. A toolchain by rustup is a download of its own, which may not be allowed where this runs.
fn install_compiler() -> Result<Toolchain> {
    if apt::available() {
        match apt::install(&DEBIAN_PACKAGES) {
            Ok(()) if Toolchain::Debian.has_compiler() => return Ok(Toolchain::Debian),
            Ok(()) => {
                eprintln!("Debian's rustc-web is older than Rust 1.95 here, or its LLVM newer than 22.")
            }
            Err(error) => eprintln!("{error:#}"),
        }
    }
    let mut install = exec::command("rustup");
    install.args(["toolchain", "install", NIGHTLY, "--profile", "minimal", "--no-self-update"]).args([
        "--component",
        "rust-src",
        "--component",
        "clippy",
    ]);
    exec::run(&mut exec::within(RUSTUP_LIMIT, &install)).with_context(|| {
        format!(
            "no compiler for eBPF programs can be had: install rustup's {NIGHTLY} with rust-src and clippy"
        )
    })?;
    Ok(Toolchain::Rustup)
}

fn rustup_run(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut rustup = exec::command("rustup");
    rustup.args(["run", NIGHTLY]).arg(program).env_remove("RUSTC").env_remove("CARGO");
    rustup
}

/// Debian's programs, unswayed by what rustup's cargo left in the environment.
fn debian(program: &str) -> Command {
    let mut command = exec::command(program);
    command
        .env("CARGO", "/usr/bin/cargo")
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("RUSTUP_TOOLCHAIN");
    command
}

fn for_the_kernel(cargo: &mut Command) {
    cargo
        .current_dir(workspace::ebpf_crate())
        .env("CARGO_TARGET_DIR", workspace::root().join("target/ebpf"))
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", linker());
}

fn linker() -> PathBuf {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .unwrap_or_default();
    home.join("bin/bpf-linker")
}

fn has_source(rustlib: &Path) -> bool {
    rustlib.join("src/rust/library/core/src/lib.rs").exists()
}

/// Whether `rustc -vV` tells of Rust 1.95 or newer with an LLVM that the linker can read.
fn is_new_enough(version: &str) -> bool {
    let numbers = |label: &str| {
        let value = version.lines().find_map(|line| line.strip_prefix(label))?;
        let mut parts = value.trim().split(['.', '-', ' ']).map_while(|part| part.parse::<u32>().ok());
        Some((parts.next()?, parts.next()?))
    };
    numbers("release:") >= Some((1, 95)) && numbers("LLVM version:").is_some_and(|(major, _)| major <= 22)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiler_must_know_the_edition_and_write_bitcode_that_the_linker_reads() {
        assert!(is_new_enough("rustc 1.96.0\nrelease: 1.96.0\nLLVM version: 22.1.8\n"));
        assert!(is_new_enough("release: 1.97.0-nightly\nLLVM version: 22.1.4"));
        assert!(!is_new_enough("release: 1.63.0\nLLVM version: 14.0.6"));
        assert!(!is_new_enough("release: 1.98.0\nLLVM version: 23.1.0"));
        assert!(!is_new_enough(""));
    }

    #[test]
    fn other_linkers_are_replaced() {
        assert!(Toolchain::Debian.takes_linker("bpf-linker 0.13.0"));
        assert!(!Toolchain::Debian.takes_linker("bpf-linker 0.10.4"));
        assert!(Toolchain::Rustup.takes_linker("bpf-linker 0.10.4"));
        assert!(!Toolchain::Rustup.takes_linker("bpf-linker 0.9.14"));
    }
}
