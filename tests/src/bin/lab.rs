//! `lab`: a laboratory for people, and the origins inside it.

use std::net::IpAddr;

use anyhow::Result;
use clap::{Parser, Subcommand};
use statex_tests::origin;

#[derive(Parser)]
#[command(about = "A laboratory of network namespaces around a Statex node")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve TCP echo, UDP echo and HTTP here until standard input ends
    #[command(hide = true)]
    Origin { name: String, addresses: Vec<IpAddr> },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Origin { name, addresses } => origin::serve_until_stdin_ends(&name, &addresses),
    }
}
