//! Statex deployed in the laboratory: a node, three backends, and a virtual address for every forward mode.

mod backend;
mod configuration;
mod mode;
mod node;
mod process;

use std::time::Duration;

use anyhow::{Context, Result};
pub use backend::Backend;
pub use configuration::{Configuration, HEALTH_MILLIS};
pub use mode::{Mode, Path};
pub use node::Node;
pub use process::Process;

use crate::lab::{Addresses, Family, Lab, Layout, ip};
use crate::origin::Origin;
use crate::wait;

/// How long a change may take to reach the kernel.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that runs. Fields are dropped in this order: programs before the hosts that they run on.
#[derive(Debug)]
pub struct Deployment {
    pub node: Node,
    pub backends: Vec<Backend>,
    /// The origin on the node, for forward mode `local`.
    pub local: Origin,
    pub layout: Layout,
    pub lab: Lab,
}

impl Deployment {
    /// Lays a laboratory and starts everything; returns when the node forwards to all backends.
    pub fn start(layout: Layout, configuration: &Configuration) -> Result<Self> {
        let lab = Lab::up(layout)?;
        let backends = lab.backends.iter().map(Backend::start).collect::<Result<_>>()?;
        let local = serve_locally(&lab)?;
        let node = Node::start(&lab.node, &configuration.text(&lab, layout))?;
        let deployment = Self { node, backends, local, layout, lab };
        for backend in &deployment.backends {
            deployment.wait_for(&backend.name, "up")?;
        }
        Ok(deployment)
    }

    /// Waits until a backend is in this state (`up`, `down`, `draining`) in every service.
    pub fn wait_for(&self, backend: &str, state: &str) -> Result<()> {
        wait::until(PATIENCE, || self.node.backend_is(backend, state))
            .with_context(|| format!("the agent said:\n{}", self.node.words()))
    }

    /// Takes new flows away from a backend.
    pub fn drain(&self, backend: &str) -> Result<()> {
        self.control_everywhere("drain", backend)?;
        self.wait_for(backend, "draining")
    }

    /// Gives a backend new flows again.
    pub fn undrain(&self, backend: &str) -> Result<()> {
        self.control_everywhere("undrain", backend)?;
        self.wait_for(backend, "up")
    }

    fn control_everywhere(&self, command: &str, backend: &str) -> Result<()> {
        Configuration::pools().try_for_each(|pool| {
            self.node.control(&[command, &format!("{pool}/{backend}")])?;
            Ok(())
        })
    }
}

fn serve_locally(lab: &Lab) -> Result<Origin> {
    let Addresses { v4, v6 } = Mode::Local.address();
    let namespace = &lab.node.namespace;
    ip(namespace, &format!("address add {v4}/32 dev lo\naddress add {v6}/128 dev lo nodad\n"))?;
    Origin::start(namespace, &lab.node.name, &Family::BOTH.map(|family| Mode::Local.address().of(family)))
}
