//! `cargo xtask setup`: installs what is missing, and only that; every command asks it for what it needs.
//!
//! | file | installs |
//! |---|---|
//! | `toolchain.rs` | the compiler and linker of eBPF programs |
//! | `packages.rs` | Debian packages, by the programs that are missing |
//! | `apt.rs` | how packages are installed |

pub(crate) mod apt;
mod packages;
pub(crate) mod toolchain;

use crate::exec;
use anyhow::{Result, bail};
use std::io::{IsTerminal, Write};
use toolchain::Toolchain;

/// What a command can need of the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// The compiler and linker of eBPF programs.
    Ebpf,
    /// Clippy of the eBPF compiler.
    EbpfLint,
    /// Network namespaces, real clients, and the BPF file system.
    Lab,
    /// A public packet generator.
    Bench,
    /// Booting other kernels.
    Kernels,
    /// Packing a release.
    Dist,
}

const ALL: [Need; 6] = [Need::Ebpf, Need::EbpfLint, Need::Lab, Need::Bench, Need::Kernels, Need::Dist];

/// Whether the machine may be changed without asking.
#[derive(Clone, Copy)]
pub(crate) enum Consent {
    Given,
    Ask,
}

impl Consent {
    /// Asks only a person: nobody answers in continuous integration or without a terminal.
    pub(crate) fn new(yes: bool) -> Self {
        let unattended = std::env::var("CI").is_ok_and(|ci| ci == "true") || !std::io::stdin().is_terminal();
        match yes || unattended {
            true => Consent::Given,
            false => Consent::Ask,
        }
    }
}

/// One thing to install.
enum Step {
    Packages(Vec<&'static str>),
    Compiler,
    MountBpf,
}

impl Step {
    fn describe(&self) -> String {
        match self {
            Step::Packages(names) => format!("packages: {}", names.join(" ")),
            Step::Compiler => toolchain::describe_install(),
            Step::MountBpf => "the BPF file system, mounted on /sys/fs/bpf".into(),
        }
    }
}

/// Sets up the machine for every command.
pub(crate) fn run(consent: Consent) -> Result<()> {
    ensure(&ALL, consent)?;
    println!("Ready: {}.", toolchain::ready(true)?);
    Ok(())
}

/// Makes the machine fit for `needs`; does nothing, quickly, when it is already.
pub(crate) fn ensure(needs: &[Need], consent: Consent) -> Result<()> {
    let steps = missing(needs);
    if steps.is_empty() {
        return Ok(());
    }
    eprintln!("Missing here:");
    for step in &steps {
        eprintln!("  - {}", step.describe());
    }
    if let Consent::Ask = consent {
        ask()?;
    }
    for step in steps {
        match step {
            Step::Packages(names) => apt::install(&names)?,
            Step::Compiler => toolchain::install(needs.contains(&Need::EbpfLint))?,
            Step::MountBpf => exec::run(exec::as_root("mount").args(["-t", "bpf", "bpf", "/sys/fs/bpf"]))?,
        }
    }
    Ok(())
}

fn missing(needs: &[Need]) -> Vec<Step> {
    let mut steps = Vec::new();
    let names = packages::missing(needs, packages::is_installed);
    if !names.is_empty() {
        steps.push(Step::Packages(names));
    }
    let lint = needs.contains(&Need::EbpfLint);
    if (lint || needs.contains(&Need::Ebpf)) && toolchain::ready(lint).is_err() {
        steps.push(Step::Compiler);
    }
    if needs.contains(&Need::Lab) && !bpf_is_mounted() {
        steps.push(Step::MountBpf);
    }
    steps
}

/// The eBPF toolchain, installed first where it is missing.
pub(crate) fn ebpf_toolchain(consent: Consent) -> Result<Toolchain> {
    ensure(&[Need::Ebpf], consent)?;
    toolchain::ready(false)
}

fn bpf_is_mounted() -> bool {
    std::fs::read_to_string("/proc/mounts")
        .unwrap_or_default()
        .lines()
        .any(|mount| mount.split(' ').nth(1) == Some("/sys/fs/bpf"))
}

fn ask() -> Result<()> {
    eprint!("Install it now? [Y/n] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "" | "y" | "yes" => Ok(()),
        _ => bail!("nothing was installed; `cargo xtask setup` asks again"),
    }
}
