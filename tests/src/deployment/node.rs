//! The node: `statex run` on its host.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use statex_agent::admin::status::Status;

use super::Process;
use crate::lab::{Host, Namespace, binary};

/// A node with a running agent, unless that was stopped.
#[derive(Debug)]
pub struct Node {
    namespace: Namespace,
    starts: u32,
    /// None while stopped.
    agent: Option<Process>,
}

impl Node {
    /// Starts an agent with this configuration and waits until the kernel is as it asks for.
    pub fn start(host: &Host, configuration: &str) -> Result<Self> {
        let namespace = host.namespace.try_clone()?;
        let mut node = Self { namespace, starts: 0, agent: None };
        node.write(configuration)?;
        node.restart()?;
        Ok(node)
    }

    /// Starts an agent beside the one that runs, if any, and waits until it has taken over.
    pub fn restart(&mut self) -> Result<()> {
        self.starts += 1;
        let mut command = self.namespace.command(binary("statex")?);
        command.args(["run", "--config", "/run/statex.toml"]);
        let log = self.namespace.run_folder().join(format!("node-{}.log", self.starts));
        let mut agent = Process::start("statex run", &mut command, log)?;
        agent.wait_until(|_| self.settled())?;
        self.agent = Some(agent);
        Ok(())
    }

    /// Sends a signal to the agent and waits for its end.
    pub fn stop(&mut self, signal: Signal) -> Result<()> {
        let mut agent = self.agent.take().context("no agent runs")?;
        agent.stop(signal)?;
        Ok(())
    }

    /// Writes another configuration, which the running agent may notice by itself.
    pub fn write(&self, configuration: &str) -> Result<()> {
        // Renaming puts the new file in place whole.
        let folder = self.namespace.run_folder();
        fs::write(folder.join("next.toml"), configuration)?;
        Ok(fs::rename(folder.join("next.toml"), folder.join("statex.toml"))?)
    }

    /// Runs a command of the control API, such as `drain backend1`, and gives what it says.
    pub fn control(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.namespace.command(binary("statex")?);
        let output = command.args(arguments).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "statex {}: {}", arguments.join(" "), said.trim());
        Ok(String::from_utf8(output.stdout)?)
    }

    /// What the agent says of itself.
    pub fn status(&self) -> Result<Status> {
        Ok(serde_json::from_str(&self.control(&["status", "--json"])?)?)
    }

    /// Whether the kernel is as the configuration asks for, and no backend is unknown.
    pub fn settled(&self) -> Result<()> {
        let status = self.status()?;
        ensure!(status.settled, "the kernel's tables are not settled: {:?}", status.problems);
        for service in &status.services {
            if let Some(backend) = service.backends.iter().find(|backend| backend.state == "unknown") {
                bail!("{} of {} is unknown yet", backend.name, service.name);
            }
        }
        Ok(())
    }

    /// Whether a backend is in this state (`up`, `down`, `draining`) in every service.
    pub fn backend_is(&self, name: &str, state: &str) -> Result<()> {
        let status = self.status()?;
        ensure!(status.settled, "the kernel's tables are not settled");
        for service in &status.services {
            if let Some(backend) = service.backends.iter().find(|b| b.name == name && b.state != state) {
                bail!("{name} of {} is {}", service.name, backend.state);
            }
        }
        Ok(())
    }

    /// All that the running agent has said.
    pub fn words(&self) -> String {
        self.agent.as_ref().map(Process::words).unwrap_or_default()
    }
}
