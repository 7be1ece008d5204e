//! `lab`: a laboratory for people, and the origins inside it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

use std::net::IpAddr;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use statex_tests::deployment::Mode;
use statex_tests::lab::{Family, Layout};
use statex_tests::{origin, standing};

/// A laboratory of network namespaces: two clients, a router, a Statex node, three backends
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lay the laboratory, start Statex and the backends, and leave all standing
    Up(Shape),
    /// Take it down
    Down,
    /// Run a command on one of its hosts
    Exec {
        host: String,
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Hold a laboratory until terminated
    #[command(hide = true)]
    Hold(Shape),
    /// Serve TCP echo, UDP echo and HTTP here until standard input ends
    #[command(hide = true)]
    Origin { name: String, addresses: Vec<IpAddr> },
}

#[derive(clap::Args)]
struct Shape {
    /// Where the backends are, seen from the node
    #[arg(long, value_enum, default_value = "shared")]
    layout: Layout,
    /// Hosts only, without Statex and origins
    #[arg(long)]
    bare: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Up(shape) => up(&shape),
        Command::Down => standing::down(),
        Command::Exec { host, command } => standing::exec(&host, &command),
        Command::Hold(shape) => standing::hold(shape.layout, shape.bare),
        Command::Origin { name, addresses } => origin::serve_until_stdin_ends(&name, &addresses),
    }
}

fn up(shape: &Shape) -> Result<()> {
    let layout = clap::ValueEnum::to_possible_value(&shape.layout);
    let layout = layout.as_ref().map_or("shared", |value| value.get_name());
    let hosts =
        standing::up(&[&["--layout", layout][..], if shape.bare { &["--bare"] } else { &[] }].concat())?;
    println!("the laboratory stands: {}", hosts.join(", "));
    if !shape.bare {
        for mode in Mode::ALL {
            println!("  cargo xtask lab exec client1 curl http://{}/   # {mode}", mode.http(Family::V4));
        }
        println!("  cargo xtask lab exec node statex status");
    }
    println!("  cargo xtask lab exec router tcpdump -ni lan\n  cargo xtask lab down");
    Ok(())
}
