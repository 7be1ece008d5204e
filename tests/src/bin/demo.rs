//! `demo`: every forward mode with real traffic, a drain and a kill.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Parser;
use statex_tests::demo::{Options, run, table};

/// Send real traffic through every forward mode, drain a backend, kill another, and show what that broke.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// One JSON object a path instead of the table
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match demonstrate(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn demonstrate(arguments: &Arguments) -> Result<()> {
    let begun = Instant::now();
    let outcomes =
        run(arguments.options, &|next| eprintln!("{:>6.1} s  {next}", begun.elapsed().as_secs_f64()))?;
    if arguments.json {
        for outcome in &outcomes {
            println!("{}", serde_json::to_string(outcome)?);
        }
    } else {
        println!("\n{}", table(&outcomes));
    }
    let faults: Vec<_> = outcomes.iter().flat_map(|outcome| outcome.faults()).collect();
    match faults.as_slice() {
        [] => Ok(()),
        faults => bail!("not as it must be:\n  {}", faults.join("\n  ")),
    }
}
