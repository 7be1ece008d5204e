//! `cargo xtask test`: every check and test, cheapest first, each with its time; goes on after a failure.

mod report;
mod totals;

use crate::setup::{self, Consent, Need};
use crate::{build_ebpf, exec, kernels, lint, tidy, workspace, workspace::TESTS};
use anyhow::Result;
use clap::ValueEnum;
use report::Report;
use std::process::Command;
pub(crate) use totals::Totals;

/// What to test.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The parts to run; all of them when none is named.
    parts: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The repository's rules, formatting, clippy on host and eBPF.
    Lint,
    /// Unit and property tests.
    Unit,
    /// Packet specs and parity, on the host and in the running kernel.
    Specs,
    /// The laboratory of network namespaces.
    Lab,
    /// Packet specs on older kernels, in qemu.
    Kernels,
}

impl Part {
    fn needs(self) -> &'static [Need] {
        match self {
            Part::Lint => &[Need::EbpfLint],
            Part::Unit | Part::Specs => &[Need::Lab],
            Part::Lab => &[Need::Lab, Need::Bench],
            Part::Kernels => &[Need::Kernels],
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// A step by its name.
type Step = (&'static str, fn(&mut Totals, Consent) -> Result<()>);

fn steps(part: Part) -> Vec<Step> {
    match part {
        Part::Lint => vec![
            ("tidy", |_, _| tidy::run(tidy::Args::default())),
            ("format", |_, _| lint::format()),
            ("clippy, host", |_, _| lint::clippy_host()),
            ("clippy, eBPF", |_, consent| lint::clippy_bpf(consent)),
        ],
        Part::Unit => vec![("unit tests", |totals, _| unit(totals))],
        Part::Specs => vec![("packet specs", |totals, _| integration(totals, is_spec))],
        Part::Lab => vec![("laboratory", |totals, _| integration(totals, is_lab))],
        Part::Kernels => vec![("older kernels", |totals, _| kernels::run(totals))],
    }
}

/// Whether everything passed.
pub(crate) fn run(args: Args, consent: Consent) -> bool {
    let parts = match args.parts.is_empty() {
        true => Part::value_variants().to_vec(),
        false => args.parts,
    };
    let needs: Vec<_> = parts.iter().flat_map(|part| part.needs()).chain([&Need::Ebpf]).copied().collect();
    let mut report = Report::new();
    let ready = report.step("set-up", "cargo xtask setup", |_| setup::ensure(&needs, consent))
        && report.step("eBPF build", "cargo xtask build-ebpf", |_| build_ebpf::run(consent));
    if ready {
        for part in parts {
            let again = format!("cargo xtask test {}", part.name());
            for (name, run) in steps(part) {
                report.step(name, &again, |totals| run(totals, consent));
            }
        }
    }
    report.finish()
}

/// The tests inside all packages, and the integration tests of all but `statex-tests`.
///
/// Always `--workspace`: a choice of packages would choose other features, and build the dependencies again.
fn unit(totals: &mut Totals) -> Result<()> {
    let mut tests = cargo_test();
    tests.args(["--lib", "--bins"]);
    for name in workspace::targets("test", |package| package != TESTS)? {
        tests.args(["--test", &name]);
    }
    let inside = totals.count(&mut tests);
    let documented = totals.count(cargo_test().arg("--doc"));
    inside.and(documented)
}

/// The integration tests of `statex-tests` whose names are `wanted`, one at a time: each has the machine to itself.
fn integration(totals: &mut Totals, wanted: fn(&str) -> bool) -> Result<()> {
    let names = workspace::targets("test", |package| package == TESTS)?;
    let names: Vec<_> = names.iter().filter(|name| wanted(name)).collect();
    if names.is_empty() {
        return Ok(());
    }
    // Tests start the programs by their paths, so cargo does not know that it should build them.
    exec::run(exec::cargo("build").args(["--workspace", "--bins"]))?;
    let mut tests = cargo_test();
    for name in names {
        tests.args(["--test", name]);
    }
    totals.count(tests.args(["--", "--test-threads=1"]))
}

/// `cargo test` whose tests run as root, since only root may load programs and make namespaces.
fn cargo_test() -> Command {
    let mut cargo = exec::cargo("test");
    cargo.args(["--workspace", "--no-fail-fast"]);
    if !exec::is_root() {
        cargo.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", "sudo --preserve-env");
    }
    cargo
}

/// Laboratory tests are named so; every other integration test sends packets through programs only.
fn is_lab(target: &str) -> bool {
    target.starts_with("lab")
}

fn is_spec(target: &str) -> bool {
    !is_lab(target)
}
