//! `statex backend`: takes the encapsulation off packets for virtual addresses, in XDP, and makes this host accept them.
//!
//! ```text
//! node ── outer IP [UDP] inner IP ──> interface: statex_backend ── inner IP ──> lo: virtual address ──> server
//!                                                                  client <── straight back, from the virtual address
//! ```

mod change;
mod host;

use std::path::PathBuf;

use anyhow::Context;
use aya::programs::links::FdLink;
use ipnet::IpNet;
use statex_common::{Reason, abi::names};

use crate::{
    config::Attach,
    kernel::{attach::attach, counters::Counters, load, netlink::Netlink, shape::Shape, tables},
};
use host::Host;

/// What a backend is asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Interfaces that packets from the node come in by.
    pub interfaces: Vec<String>,
    /// Virtual addresses, or prefixes of them.
    pub addresses: Vec<IpNet>,
    /// UDP port of GUE.
    pub gue_port: u16,
    pub attach: Attach,
    /// Folder that remembers what was changed on the host, in case that the process is killed.
    pub journal: PathBuf,
}

/// Something that the backend tells the person who started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// An interface takes encapsulation off now, by this mode.
    Attached { interface: String, mode: &'static str },
    /// The host accepts packets now.
    Ready,
    /// Done; so many packets were decapsulated.
    Stopped { decapsulated: u64 },
}

/// Runs until `stop` ends, then takes back everything that it did.
///
/// # Errors
///
/// What could not be attached or configured, after taking back what was.
pub async fn run(
    options: Options,
    stop: impl Future<Output = ()>,
    tell: impl Fn(Told),
) -> anyhow::Result<()> {
    let netlink = Netlink::open().context("cannot open the routing socket")?;
    let journal = options.journal.join(format!("backend-{}.json", options.interfaces.join("+")));
    let mut host = Host::open(netlink.handle().clone(), journal).await?;
    let links = netlink.links().await.context("cannot read the interfaces")?;
    let wanted: Vec<_> =
        options.interfaces.iter().map(|name| links.named(name).cloned()).collect::<Result<_, _>>()?;

    let mut object = load::open(&Shape::backend(options.gue_port), None)?;
    load::xdp(&mut object, names::PROGRAM_BACKEND)?;
    let mut decap = tables::take_decap(&mut object)?;
    let counters = Counters::take(&mut object)?;
    for address in &options.addresses {
        decap.insert(*address, 1).context("cannot tell the program the virtual addresses")?;
    }

    let done = async {
        host.accept(&options.addresses, &wanted, &links).await?;
        let mut held: Vec<FdLink> = Vec::new();
        for link in &wanted {
            let program = load::loaded_xdp(&mut object, names::PROGRAM_BACKEND)?;
            held.push(attach(program, link, options.attach)?);
        }
        for link in netlink.links().await.context("cannot read the interfaces")?.iter() {
            if let (true, Some((_, mode))) = (wanted.iter().any(|w| w.index == link.index), link.xdp) {
                tell(Told::Attached { interface: link.name.clone(), mode: mode.name() });
            }
        }
        tell(Told::Ready);
        stop.await;
        Ok(held)
    };
    let done: anyhow::Result<Vec<FdLink>> = done.await;
    // The program goes first: no packet is taken out of its tunnel that nobody accepts any more.
    let done = done.map(drop);
    host.restore().await;
    let decapsulated = counters.reason(Reason::Decapsulated).unwrap_or(0);
    tell(Told::Stopped { decapsulated });
    done
}
