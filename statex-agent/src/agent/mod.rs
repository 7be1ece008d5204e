//! A node's agent: wires configuration, state, kernel, health checks and the two doors together.
//!
//! ```text
//! start: privileges ─ pins ─ control socket ─ drop capabilities ─ runtime
//! life:  load ─ first reconcile ─ attach ─ commit pins ─ serve … (a change of sizes: live again)
//! end:   keep everything attached, or remove it
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `life.rs` | one life: a loaded object from its start to the next |
//! | `forwarding.rs` | the part of a life that forwards packets |
//! | `serving.rs` | the proxy, which outlives lives |
//! | `certificates.rs` | follows the files of certificates |
//! | `reload.rs` | a configuration that is read again |
//! | `interfaces.rs` | which interfaces carry the program |
//! | `view.rs` | what the two doors see of a life |
//! | `control.rs` | what the control socket asks |
//! | `healing.rs` | what healing sees of a life |
//! | `flow_facts.rs` | what counters tell of backends' health |
//! | `sample.rs` | what `/metrics` asks |
//! | `requests.rs` | what both are told of the proxy |
//! | `succession.rs` | taking over from an agent that runs |

mod certificates;
mod control;
mod flow_facts;
mod forwarding;
mod healing;
mod interfaces;
mod life;
mod reload;
mod requests;
mod sample;
mod serving;
mod succession;
mod view;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;

use crate::{
    admin::{api::Socket, peer::Allowed},
    config::{self, Config, OnStop},
    kernel::{
        pin::{self, Pins},
        privileges, secret,
        shape::HashKey,
    },
    memory, signals,
};
use control::Door;
use forwarding::Basis;
use life::{End, Life, load};
use serving::{Prepared, Serving};

/// Threads that serve sockets and loops. Traffic has threads of its own.
const THREADS: usize = 2;
/// How long work that is under way may take when the agent stops.
const ENDING: Duration = Duration::from_secs(5);

/// Runs a node until it is told to stop.
///
/// # Errors
///
/// What kept it from starting, or made it stop.
pub fn run(path: PathBuf, config: Config) -> anyhow::Result<()> {
    memory::return_what_is_freed();
    let basis = if config.forwards() { Some(basis(&config)?) } else { None };
    privileges::raise_open_files();
    let allowed = Allowed::new(&config.control.users, &config.control.groups)?;
    // Before the one that runs lets go of its sockets: a connection that comes in between waits here.
    let serving = Serving::new(&secret(&config, basis.as_ref())?);
    let prepared = serving.prepare(&config)?;
    succession::take_over(&config.control.socket)?;
    let socket = Socket::bind(&config.control.socket, &allowed)?;
    privileges::drop_to_needed().context("cannot drop capabilities")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let root = config.node.pins.clone();
    let start = Start { path: &path, config: Arc::new(config), basis, serving, prepared };
    let end = runtime.block_on(serve(start, &socket, allowed));
    runtime.shutdown_timeout(ENDING);
    let (config, serving) = end?;
    if config.forwards() && config.node.on_stop == OnStop::Remove {
        pin::remove_all(&root).context("cannot remove the data plane")?;
        tracing::info!("the data plane is removed");
    }
    // Whoever takes over waits for the socket's file to go: now nobody here writes any more.
    drop(socket);
    serving.stop(config.proxy.stop_deadline);
    Ok(())
}

/// What forwarding needs of the host.
fn basis(config: &Config) -> anyhow::Result<Basis> {
    privileges::check()?;
    let pins = Pins::open(&config.node.pins)?;
    let key = match pins.node() {
        Some(node) => key_of(config, &secret::from_node(&node)),
        None => key_of(config, &secret::random().context("the kernel has no random numbers")?),
    };
    Ok(Basis { key, pins })
}

/// What the node keeps to itself over restarts: what was configured, else what the pins have, else what nobody knows.
fn secret(config: &Config, basis: Option<&Basis>) -> anyhow::Result<Vec<u8>> {
    if let Some(secret) = &config.node.hash_secret {
        return Ok(secret.as_bytes().to_vec());
    }
    let key = match basis {
        Some(basis) => basis.key,
        None => secret::random().context("the kernel has no random numbers")?,
    };
    Ok(key.iter().flat_map(|word| word.to_le_bytes()).collect())
}

/// What the first life begins with.
struct Start<'a> {
    path: &'a Path,
    config: Arc<Config>,
    /// None where only the proxy runs.
    basis: Option<Basis>,
    serving: Serving,
    prepared: Prepared,
}

/// Lives until the end; answers with the configuration of the last life, and the proxy.
async fn serve(
    start: Start<'_>,
    socket: &Socket,
    allowed: Allowed,
) -> anyhow::Result<(Arc<Config>, Serving)> {
    let Start { path, mut config, basis, mut serving, prepared } = start;
    let mut stop = std::pin::pin!(signals::stop().context("cannot listen for signals")?);
    let (door, heal_requests) = Door::new();
    let healing = tokio::spawn(healing::heal(door.clone(), config.clone(), heal_requests));
    let lives = async {
        serving.follow(prepared).await;
        let mut loaded = match basis {
            Some(basis) => Some(load(&config, basis).await?),
            None => None,
        };
        loop {
            let life = Life::start(path, config.clone(), loaded, serving, door.clone()).await?;
            match life.run(stop.as_mut()).await? {
                End::Stopped(last, proxy) => return Ok((last, proxy)),
                End::Reshaped(next, proxy) => {
                    (config, loaded, serving) = (next.config, Some(next.loaded), proxy);
                }
            }
        }
    };
    let end = tokio::select! {
        end = lives => end,
        failed = socket.serve(allowed, door.clone()) => failed
            .context("the control socket failed")
            .and_then(|()| Err(anyhow::anyhow!("the control socket was closed"))),
    };
    healing.abort();
    // Broken off is what it shall be.
    let _ = healing.await;
    end
}

/// The key of the data plane's hashes: from the configured secret, else the one that there is.
fn key_of(config: &Config, there_is: &HashKey) -> HashKey {
    match &config.node.hash_secret {
        Some(secret) => secret::from_secret(secret.as_bytes()),
        None => *there_is,
    }
}

/// Reads the configuration and logs what is doubtful in it.
///
/// # Errors
///
/// All that is wrong with it.
fn read(path: &Path) -> Result<Config, config::Errors> {
    let config = config::load(path)?;
    for problem in config.warnings() {
        tracing::warn!("{}", problem.in_file(path));
    }
    Ok(config)
}
