//! A backend: `statex backend` and an origin on one host.

use std::net::IpAddr;

use anyhow::{Context, Result, ensure};

use super::{Mode, Process};
use crate::lab::{Family, Host, Namespace, VIRTUAL_PREFIXES, binary};
use crate::origin::Origin;

/// A backend that serves until it is dropped.
#[derive(Debug)]
pub struct Backend {
    pub name: String,
    namespace: Namespace,
    addresses: Vec<IpAddr>,
    /// Takes the encapsulation off.
    pub decapsulation: Process,
    /// None while killed.
    pub origin: Option<Origin>,
}

impl Backend {
    /// Starts both programs.
    pub fn start(host: &Host) -> Result<Self> {
        let mut command = host.namespace.command(binary("statex")?);
        command.args(["backend", "--interface", "eth0"]);
        command.args(VIRTUAL_PREFIXES.iter().flat_map(|prefix| ["--address", prefix]));
        let log = host.namespace.run_folder().join("backend.log");
        let mut decapsulation =
            Process::start(&format!("statex backend on {}", host.name), &mut command, log)?;
        decapsulation.wait_until(|words| {
            ensure!(words.contains("ready"), "it has not said that it is ready");
            Ok(())
        })?;
        let virtual_addresses = Mode::ALL.map(Mode::address);
        let all = virtual_addresses.iter().chain([&host.addresses]);
        let addresses = all.flat_map(|addresses| Family::BOTH.map(|family| addresses.of(family))).collect();
        let namespace = host.namespace.try_clone()?;
        let mut backend = Self { name: host.name.clone(), namespace, addresses, decapsulation, origin: None };
        backend.revive()?;
        Ok(backend)
    }

    /// Kills the origin: its connections end, and nobody listens any more.
    pub fn kill(&mut self) {
        self.origin = None;
    }

    /// Starts the origin again.
    pub fn revive(&mut self) -> Result<()> {
        let origin = Origin::start(&self.namespace, &self.name, &self.addresses);
        self.origin = Some(origin.with_context(|| format!("cannot serve on {}", self.name))?);
        Ok(())
    }
}
