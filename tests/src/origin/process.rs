//! An origin as a process of its own, so that its death is a real one and its sockets do not count as ours.

use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::process::{Child, ChildStdout, Stdio};

use anyhow::{Context, Result, ensure};

use super::READY;
use crate::lab::{Namespace, binary};

/// A running origin. Dropping it kills it.
#[derive(Debug)]
pub struct Origin {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Origin {
    /// Starts `lab origin` in a host and waits until it listens; for the arguments see
    /// [`serve_until_stdin_ends`](super::serve_until_stdin_ends).
    ///
    /// # Errors
    /// When the program `lab` is missing, or a port is taken.
    pub fn start(namespace: &Namespace, name: &str, addresses: &[IpAddr]) -> Result<Self> {
        let mut command = namespace.command(binary("lab")?);
        command.args(["origin", name]).args(addresses.iter().map(IpAddr::to_string));
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start an origin")?;
        let output = BufReader::new(child.stdout.take().context("standard output is piped")?);
        let mut origin = Self { child, output };
        origin.wait_until_ready().with_context(|| format!("origin {name}"))?;
        Ok(origin)
    }

    /// Sets what `/health` answers: 200 or 503.
    pub fn set_healthy(&mut self, healthy: bool) -> Result<()> {
        let input = self.child.stdin.as_mut().context("standard input is piped")?;
        writeln!(input, "{}", if healthy { "well" } else { "unwell" })?;
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(line.trim() == READY, "it ended");
        Ok(())
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        // Errors say that it has died already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
