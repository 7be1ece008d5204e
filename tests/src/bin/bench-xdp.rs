//! `bench-xdp`: what a packet costs on each path of the data plane.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Parser;
use statex_tests::bench::{Options, run, tables};

/// Measure what a packet costs on each path of the data plane, next to doing nothing and to the least that
/// encapsulation costs
#[derive(Parser)]
struct Arguments {
    /// One JSON object a figure instead of tables
    #[arg(long)]
    json: bool,
    /// Only the paths with this text in their name
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

fn main() -> ExitCode {
    match bench(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(arguments: Arguments) -> Result<()> {
    let begun = Instant::now();
    let findings = run(&Options { only: arguments.only }, &|next| {
        eprintln!("{:>6.1} s  {next}", begun.elapsed().as_secs_f64());
    })?;
    if arguments.json {
        for figure in &findings.figures {
            println!("{}", serde_json::to_string(figure)?);
        }
    } else {
        println!("\n{}", tables(&findings.figures));
    }
    match findings.failures.as_slice() {
        [] => Ok(()),
        failures => bail!("not measured:\n  {}", failures.join("\n  ")),
    }
}
