//! `statex unload`: takes away what a node has pinned and attached.

use std::{os::unix::net::UnixStream, path::PathBuf};

use anyhow::{Context, bail};

use super::{block_on, control::Socket};
use crate::{
    config::Node,
    kernel::{netlink::Netlink, pin, probes},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder of the node's pins, as in [node].
    #[arg(long, value_name = "FOLDER", default_value_os_t = Node::default().pins)]
    pins: PathBuf,
    #[command(flatten)]
    socket: Socket,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if UnixStream::connect(&arguments.socket.socket).is_ok() {
        bail!("statex runs and would put everything back; stop it first");
    }
    let links = block_on(async { Ok(Netlink::open()?.links().await?) })?;
    probes::sweep(&links);
    let pins = &arguments.pins;
    let removed = pin::remove_all(pins).with_context(|| format!("cannot remove {}", pins.display()))?;
    for path in &removed {
        println!("removed {}", path.display());
    }
    if removed.is_empty() {
        println!("nothing is pinned in {}", pins.display());
    }
    Ok(())
}
