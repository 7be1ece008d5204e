//! `cargo xtask test`: every check and test, cheapest first, each with its time; goes on after a failure.

mod totals;

use crate::setup::{self, Consent, Need};
use crate::{build_ebpf, exec, kernels, lint, tidy, workspace};
use anyhow::{Result, bail};
use clap::ValueEnum;
use std::process::Command;
use std::time::Instant;
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

type Run = fn(&mut Totals, Consent) -> Result<()>;

/// One thing that can fail, and how to try it again.
struct Step {
    name: &'static str,
    again: String,
    run: Run,
}

fn steps(part: Part) -> Vec<Step> {
    let steps: &[(&'static str, Run)] = match part {
        Part::Lint => &[
            ("tidy", |_, _| tidy::run(tidy::Args::default())),
            ("format", |_, _| lint::format()),
            ("clippy, host", |_, _| lint::clippy_host()),
            ("clippy, eBPF", |_, consent| lint::clippy_bpf(consent)),
        ],
        Part::Unit => &[("unit tests", |totals, _| unit(totals))],
        Part::Specs => &[("packet specs", |totals, _| integration(totals, is_spec))],
        Part::Lab => &[("laboratory", |totals, _| integration(totals, is_lab))],
        Part::Kernels => &[("older kernels", |totals, _| kernels::run(totals))],
    };
    let step = |&(name, run)| Step { name, again: format!("cargo xtask test {}", part.name()), run };
    steps.iter().map(step).collect()
}

pub(crate) fn run(args: Args, consent: Consent) -> Result<()> {
    let parts = match args.parts.is_empty() {
        true => Part::value_variants().to_vec(),
        false => args.parts,
    };
    let begun = Instant::now();
    let mut report = Report::default();
    let needs: Vec<_> = parts.iter().flat_map(|part| part.needs()).chain([&Need::Ebpf]).copied().collect();
    report.prepare("set-up", "cargo xtask setup", || setup::ensure(&needs, consent))?;
    report.prepare("eBPF build", "cargo xtask build-ebpf", || build_ebpf::run(consent))?;
    for step in parts.into_iter().flat_map(steps) {
        report.step(step, consent);
    }
    report.finish(begun)
}

fn unit(totals: &mut Totals) -> Result<()> {
    let others = totals.count(cargo_test().args(["--workspace", "--exclude=statex-tests"]));
    let tests = totals.count(cargo_test().args(["--package=statex-tests", "--lib", "--bins"]));
    others.and(tests)
}

/// The integration tests of `statex-tests` whose names are `wanted`, one at a time: each has the machine to itself.
fn integration(totals: &mut Totals, wanted: fn(&str) -> bool) -> Result<()> {
    let names = workspace::test_targets("test")?;
    let mut tests = cargo_test();
    tests.arg("--package=statex-tests");
    let mut any = false;
    for name in names.iter().filter(|name| wanted(name)) {
        tests.args(["--test", name]);
        any = true;
    }
    if !any {
        return Ok(());
    }
    // Tests start the programs by their paths, so cargo does not know that it should build them.
    exec::run(exec::cargo("build").args(["--workspace", "--bins"]))?;
    totals.count(tests.args(["--", "--test-threads=1"]))
}

/// `cargo test` whose tests run as root, since only root may load programs and make namespaces.
fn cargo_test() -> Command {
    let mut cargo = exec::cargo("test");
    cargo.arg("--no-fail-fast");
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

/// What has been done so far, for the summary.
#[derive(Default)]
struct Report {
    totals: Totals,
    lines: Vec<String>,
    failed: Vec<String>,
}

impl Report {
    /// A step without which none of the others can run.
    fn prepare(&mut self, name: &str, again: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
        let begun = heading(name);
        run().inspect_err(|_| eprintln!("{name} failed; to try it again: {again}"))?;
        self.lines.push(line("ok", name, begun));
        Ok(())
    }

    fn step(&mut self, step: Step, consent: Consent) {
        let begun = heading(step.name);
        let failed_before = self.totals.failed;
        let outcome = match (step.run)(&mut self.totals, consent) {
            Ok(()) => "ok",
            Err(error) => {
                eprintln!("error: {error:#}");
                self.failed.push(step.again);
                self.totals.failed += u64::from(self.totals.failed == failed_before);
                "FAILED"
            }
        };
        self.lines.push(line(outcome, step.name, begun));
    }

    fn finish(mut self, begun: Instant) -> Result<()> {
        println!("\n{}\n{}", self.lines.join("\n"), line("", "all", begun));
        self.failed.dedup();
        for again in &self.failed {
            println!("to try it again: {again}");
        }
        println!("{}", self.totals);
        match self.failed.len() {
            0 => Ok(()),
            failed => bail!("{failed} of the parts failed"),
        }
    }
}

fn heading(name: &str) -> Instant {
    println!("\n== {name}");
    Instant::now()
}

fn line(outcome: &str, name: &str, begun: Instant) -> String {
    format!("{outcome:<8}{name:<16}{:>8.1} s", begun.elapsed().as_secs_f64())
}
