//! `statex backend`: the decapsulating side, until it is told to stop.

use std::{net::IpAddr, path::PathBuf, str::FromStr};

use anyhow::Context;
use ipnet::IpNet;

use super::{block_on, log};
use crate::{
    backend::{self, Told},
    config::Attach,
    kernel::privileges,
    signals,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Interface that packets from the node come in by; may be given several times.
    #[arg(long, required = true, value_name = "NAME")]
    interface: Vec<String>,
    /// Virtual address, or prefix of virtual addresses, to accept; may be given several times.
    #[arg(long, required = true, value_name = "ADDRESS[/LENGTH]", value_parser = address)]
    address: Vec<IpNet>,
    /// UDP port of GUE, as in the node's [encapsulation].
    #[arg(long, default_value_t = 6080, value_name = "PORT")]
    gue_port: u16,
    /// Where the program runs: in the driver, in the stack, or the first if it can.
    #[arg(long, default_value = "auto", value_name = "auto|native|generic", value_parser = mode)]
    mode: Attach,
    /// Folder that remembers what was changed on this host, in case that the process is killed.
    #[arg(long, default_value = "/run/statex", value_name = "FOLDER")]
    journal: PathBuf,
}

fn address(text: &str) -> Result<IpNet, String> {
    let net = IpNet::from_str(text)
        .or_else(|_| IpAddr::from_str(text).map(IpNet::from))
        .map_err(|_| "expected an address like 192.0.2.1 or a prefix like 192.0.2.0/24".to_owned())?;
    match net.trunc() == net {
        true => Ok(net),
        false => Err(format!("has host bits; did you mean {}, or {}?", net.trunc(), net.addr())),
    }
}

fn mode(text: &str) -> Result<Attach, String> {
    match text {
        "auto" => Ok(Attach::Auto),
        "native" => Ok(Attach::Native),
        "generic" => Ok(Attach::Generic),
        _ => Err("expected auto, native or generic".to_owned()),
    }
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<()> {
    log::start(None);
    privileges::check()?;
    privileges::drop_to_needed().context("cannot drop capabilities")?;
    let options = backend::Options {
        interfaces: arguments.interface,
        addresses: arguments.address,
        gue_port: arguments.gue_port,
        attach: arguments.mode,
        journal: arguments.journal,
    };
    block_on(async {
        let stop = signals::stop().context("cannot listen for signals")?;
        backend::run(options, stop, |told| match told {
            Told::Attached { interface, mode } => println!("{interface}: decapsulates ({mode})"),
            Told::Ready => println!("ready; stop with Ctrl-C"),
            Told::Stopped { decapsulated } => println!("stopped; {decapsulated} packets decapsulated"),
        })
        .await
    })
}
