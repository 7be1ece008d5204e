//! `statex drain`, `undrain`, `reload` and `events`: requests to a running agent.

use std::{io::Write, path::PathBuf};

use super::{block_on, default_socket};
use crate::admin::client::Client;

/// How to reach the agent.
#[derive(Debug, clap::Args)]
pub(super) struct Socket {
    /// The control socket of the agent.
    #[arg(long, value_name = "PATH", default_value_os_t = default_socket())]
    pub(super) socket: PathBuf,
}

/// Which backend is meant.
#[derive(Debug, clap::Args)]
pub(super) struct Backend {
    /// Its name, or POOL/NAME when several pools have one of that name.
    backend: String,
    #[command(flatten)]
    socket: Socket,
}

pub(super) fn drain(arguments: &Backend, drain: bool) -> anyhow::Result<()> {
    block_on(async {
        let mut client = Client::connect(&arguments.socket.socket).await?;
        println!("{}", client.drain(&arguments.backend, drain).await?.done);
        Ok(())
    })
}

pub(super) fn reload(arguments: &Socket) -> anyhow::Result<()> {
    block_on(async {
        let mut client = Client::connect(&arguments.socket).await?;
        println!("{}", client.reload().await?.done);
        Ok(())
    })
}

pub(super) fn events(arguments: &Socket) -> anyhow::Result<()> {
    block_on(async {
        let mut client = Client::connect(&arguments.socket).await?;
        // A reader that goes away (`statex events | head`) ends the command, not in an error.
        client.events(|line| writeln!(std::io::stdout(), "{line}").is_ok()).await?;
        Ok(())
    })
}
