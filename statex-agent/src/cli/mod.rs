//! The command line: one module a command, and the only place that prints.
//!
//! Ends with 0 when done, 1 when it failed, 2 when usage or configuration are wrong or the host is not enough.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what a command line is for")]

mod audit;
mod backend;
mod check;
mod control;
mod explain;
mod forecast;
mod heal;
mod log;
mod paint;
mod run;
mod status;
mod unload;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use statex_common::abi::ABI_VERSION;

use crate::{
    admin::{client::ClientError, peer::UnknownName},
    config,
    kernel::{attach::AttachError, links::UnknownInterface, privileges::Missing},
};

/// Spreads connections over backends, in XDP.
#[derive(Debug, Parser)]
#[command(name = "statex", version, disable_help_subcommand = true, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node: load the data plane, attach it, keep it as the configuration says.
    Run(run::Arguments),
    /// Check a configuration file. Needs no privileges.
    Check(check::Arguments),
    /// Show services, backends and their state.
    Status(status::Arguments),
    /// Say why a backend is as it is, and what would change it.
    Explain(explain::Arguments),
    /// Show what healing does, and tell it what to do.
    Heal(heal::Arguments),
    /// Show what was decided and done, and check that the record of it is whole.
    Audit(audit::Arguments),
    /// Give a backend no new flows; those that run go on.
    Drain(control::Backend),
    /// End a backend's drain.
    Undrain(control::Backend),
    /// Make the agent read its configuration again.
    Reload(control::Socket),
    /// Print events as they happen, one JSON object a line.
    Events(control::Socket),
    /// Say what load to expect, or how good such forecasts of a recorded series are.
    Forecast(forecast::Arguments),
    /// Run a backend: take encapsulation off packets for virtual addresses.
    Backend(backend::Arguments),
    /// Detach the data plane and remove everything that a node has pinned.
    Unload(unload::Arguments),
    /// Print the version, and that of the tables' layout: agents of one layout take over each other's tables.
    Version,
}

/// Where the control socket is when nobody says otherwise.
fn default_socket() -> PathBuf {
    config::Control::default().socket
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way, too; clap knows where each belongs.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let result = match arguments.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Heal(arguments) => heal::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Drain(arguments) => control::drain(&arguments, true),
        Command::Undrain(arguments) => control::drain(&arguments, false),
        Command::Reload(arguments) => control::reload(&arguments),
        Command::Events(arguments) => control::events(&arguments),
        Command::Forecast(arguments) => forecast::run(&arguments),
        Command::Backend(arguments) => backend::run(arguments),
        Command::Unload(arguments) => unload::run(&arguments),
        Command::Version => {
            println!("statex {}, table layout {ABI_VERSION}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} {error:#}", paint::stderr("statex:", paint::RED));
            ExitCode::from(status_of(&error))
        }
    }
}

/// 2 when the person who started the command can put it right without us, 1 otherwise.
fn status_of(error: &anyhow::Error) -> u8 {
    let theirs = error.chain().any(|cause| {
        cause.is::<Missing>()
            || cause.is::<AttachError>()
            || cause.is::<UnknownInterface>()
            || cause.is::<UnknownName>()
            || cause.is::<config::Errors>()
            || cause.is::<forecast::BadInput>()
            || matches!(cause.downcast_ref(), Some(ClientError::Invalid(_)))
    });
    if theirs { 2 } else { 1 }
}

/// A small runtime for commands that ask something and end.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_the_host_lacks_ends_with_two() {
        let missing = anyhow::Error::new(Missing::new("no bpf", "get it")).context("cannot start");
        assert_eq!(status_of(&missing), 2);
        assert_eq!(status_of(&anyhow::anyhow!("it broke")), 1);
    }

    #[test]
    fn backend_wants_an_interface_and_an_address() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        assert!(parse("statex backend --interface eth0 --address 192.0.2.1").is_ok());
        assert!(parse("statex backend --interface eth0").is_err());
        assert!(parse("statex backend --interface eth0 --address 192.0.2.300").is_err());
        assert!(parse("statex backend --interface eth0 --address fd00::/64 --mode fast").is_err());
    }
}
