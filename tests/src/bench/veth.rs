//! A pair of interfaces between two network namespaces: a generator's, and a node's.
//!
//! ```text
//! generator ── gen ═══ node ── the program under test ── sends back ── gen ── sink counts and drops
//! ```

use anyhow::{Context, Result};
use aya::programs::Xdp;
use aya::programs::xdp::{XdpLinkId, XdpMode};

use crate::lab::{Namespace, join};

/// The generator's interface.
pub(super) const GENERATOR: &str = "gen";
/// The node's interface.
pub(super) const NODE: &str = "node";
const MTU: u32 = 1500;

/// Both ends of the pair.
pub(super) struct Pair {
    pub(super) generator: Namespace,
    pub(super) node: Namespace,
}

impl Pair {
    /// # Errors
    /// Without root, or when `ip` or `ethtool` is missing.
    pub(super) fn lay() -> Result<Self> {
        let (generator, node) = (Namespace::new()?, Namespace::new()?);
        join((&generator, GENERATOR), (&node, NODE), MTU)?;
        Ok(Self { generator, node })
    }
}

/// The index of an interface in a namespace.
pub(super) fn index(namespace: &Namespace, name: &str) -> Result<u32> {
    Ok(namespace.run(|| nix::net::if_::if_nametoindex(name))?)
}

/// Attaches a program to an interface in a namespace, inside the driver.
pub(super) fn attach(namespace: &Namespace, name: &str, program: &mut Xdp) -> Result<XdpLinkId> {
    let attached = namespace.run(|| program.attach(name, XdpMode::Driver));
    attached.with_context(|| format!("cannot attach XDP to {name}"))
}
