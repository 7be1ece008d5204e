//! The node's configuration in the laboratory.

use std::fmt::Write;

use super::Mode;
use crate::client::Transport;
use crate::lab::{Family, Lab, Layout};
use crate::origin;

/// What differs between tests; the rest follows from the laboratory's plan.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Forward modes that have services.
    pub modes: Vec<Mode>,
    /// Keys of `[pool.health]` for every pool, beside the kind of probe.
    pub health: String,
    /// Keys of every `[[service]]` with backends.
    pub service: String,
    /// Keys of `[node]` and tables that come after it.
    pub node: String,
    /// Keys of every `[[pool.backend]]`, by the number of the backend.
    pub backend: fn(usize) -> &'static str,
}

/// Time from the death of a backend to its leaving the rings: probes that fail, and one that is under way. A machine
/// that compiles or floods itself meanwhile answers late; shorter, and it would take living backends for dead.
pub const HEALTH_MILLIS: u64 = 4 * 500 + 500;

impl Default for Configuration {
    fn default() -> Self {
        Self {
            modes: Mode::ALL.to_vec(),
            health: "interval = \"500ms\"\ntimeout = \"500ms\"\nrise = 1\nfall = 4\n".to_owned(),
            service: "ring_slots = 4093\n".to_owned(),
            node: String::new(),
            backend: |_| "",
        }
    }
}

impl Configuration {
    /// Names of all pools.
    pub fn pools() -> impl Iterator<Item = String> {
        Family::BOTH.into_iter().flat_map(|family| Transport::BOTH.map(|transport| pool(family, transport)))
    }

    /// The text of `statex.toml` for a laboratory.
    pub fn text(&self, lab: &Lab, layout: Layout) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = self.write(&mut text, lab, layout);
        text
    }

    fn write(&self, out: &mut String, lab: &Lab, layout: Layout) -> std::fmt::Result {
        let interfaces = if layout == Layout::TwoLegged { r#""eth0", "eth1""# } else { r#""eth0""# };
        let node = lab.node.addresses;
        writeln!(out, "[node]\nname = \"node\"\ninterfaces = [{interfaces}]\n{}", self.node)?;
        writeln!(out, "[nat]\naddresses = [\"{}\", \"{}\"]\n", node.v4, node.v6)?;
        writeln!(out, "[limits]\nflows = 262144\nring_slots = 1048576\n")?;
        for family in Family::BOTH {
            for transport in Transport::BOTH {
                self.write_pool(out, lab, family, transport)?;
            }
        }
        for &mode in &self.modes {
            for family in Family::BOTH {
                for (transport, port) in [
                    (Transport::Tcp, origin::ECHO),
                    (Transport::Udp, origin::ECHO),
                    (Transport::Tcp, origin::HTTP),
                ] {
                    self.write_service(out, mode, family, transport, port)?;
                }
            }
        }
        Ok(())
    }

    fn write_pool(
        &self,
        out: &mut String,
        lab: &Lab,
        family: Family,
        transport: Transport,
    ) -> std::fmt::Result {
        writeln!(out, "[[pool]]\nname = \"{}\"", pool(family, transport))?;
        for (index, backend) in lab.backends.iter().enumerate() {
            writeln!(out, "[[pool.backend]]\nname = \"{}\"", backend.name)?;
            writeln!(out, "address = \"{}\"\n{}", backend.addresses.of(family), (self.backend)(index + 1))?;
        }
        let probe = match transport {
            Transport::Tcp => "kind = \"tcp\"",
            Transport::Udp => "kind = \"udp\"\nsend = \"who\"\nexpect = \"backend\"",
        };
        writeln!(out, "[pool.health]\n{probe}\n{}", self.health)
    }

    fn write_service(
        &self,
        out: &mut String,
        mode: Mode,
        family: Family,
        transport: Transport,
        port: u16,
    ) -> std::fmt::Result {
        let protocol = transport.to_string().to_lowercase();
        let version = &family.to_string()[2..];
        writeln!(out, "[[service]]\nname = \"{mode}-{protocol}{port}-{version}\"")?;
        writeln!(out, "address = \"{}\"\nport = {port}", mode.address().of(family))?;
        writeln!(out, "protocol = \"{protocol}\"\nforward = \"{mode}\"")?;
        if mode.has_backends() {
            writeln!(out, "pool = \"{}\"\n{}", pool(family, transport), self.service)?;
        }
        Ok(())
    }
}

fn pool(family: Family, transport: Transport) -> String {
    format!("{transport}-{family}").to_lowercase()
}
