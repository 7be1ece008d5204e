//! `cargo xtask`: everything that is done to Statex rather than by it, one module a command.

#![allow(clippy::print_stdout, clippy::print_stderr)] // a command-line tool talks to a person

mod bench;
mod build_ebpf;
mod demo;
mod dist;
mod exec;
mod kernels;
mod lab;
mod launch;
mod lint;
mod setup;
mod test;
mod tidy;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Set-up, builds and tests of Statex.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Xtask {
    /// Install what is missing without asking first.
    #[arg(long, global = true)]
    yes: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Installs the eBPF toolchain and the tools that tests, laboratory, demo and bench need.
    Setup,
    /// Builds the eBPF programs into target/bpf/.
    BuildEbpf,
    /// Runs every check and test, or the named ones.
    Test(test::Args),
    /// Checks the repository's own rules.
    Tidy(tidy::Args),
    /// Lays the laboratory of network namespaces, takes it away, or runs a command in it.
    #[command(disable_help_flag = true)]
    Lab(launch::Args),
    /// Shows every forward mode with real traffic, a drain and a kill.
    #[command(disable_help_flag = true)]
    Demo(launch::Args),
    /// Measures what a packet costs.
    Bench(bench::Args),
    /// Packs a release: a tarball and a Debian package.
    Dist,
}

fn main() -> ExitCode {
    let Xtask { yes, command } = Xtask::parse();
    let consent = setup::Consent::new(yes);
    let done = match command {
        Command::Setup => setup::run(consent),
        Command::BuildEbpf => build_ebpf::run(consent),
        Command::Test(args) => match test::run(args, consent) {
            true => Ok(()),
            false => return ExitCode::FAILURE,
        },
        Command::Tidy(args) => tidy::run(args),
        Command::Lab(args) => lab::run(args, consent),
        Command::Demo(args) => demo::run(args, consent),
        Command::Bench(args) => bench::run(args, consent),
        Command::Dist => dist::run(consent),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
