//! A laboratory that stands until it is told to go, for people: a process in the background holds it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio, id};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use crate::deployment::{Configuration, Deployment};
use crate::lab::{Host, Lab, Layout, Place, binary};
use crate::wait;

/// Says who holds the laboratory and where its hosts are.
const RECORD: &str = "/run/statex-lab.json";
/// What the holder says when the laboratory stands.
const READY: &str = "ready";
/// How long the holder may take to go.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Serialize, Deserialize)]
struct Record {
    holder: i32,
    hosts: BTreeMap<String, Place>,
}

/// Starts a holder and waits until the laboratory stands; gives the names of its hosts. `arguments` are for
/// [`hold`], which `lab hold` calls.
///
/// # Errors
/// When one stands already, or with what the holder says.
pub fn up(arguments: &[&str]) -> Result<Vec<String>> {
    if let Ok(record) = standing() {
        bail!("a laboratory stands already, held by process {}: take it down first", record.holder);
    }
    let mut command = Command::new(binary("lab")?);
    // A process group of its own: Ctrl-C in this terminal is not meant for it.
    let command = command.arg("hold").args(arguments).stdin(Stdio::null()).process_group(0);
    // Neither output is this process's own: a pipeline that it stands in ends with it, not with the holder.
    let mut holder = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut said = String::new();
    BufReader::new(holder.stdout.take().context("standard output is piped")?).read_line(&mut said)?;
    if said.trim() != READY {
        let output = holder.wait_with_output()?;
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(standing()?.hosts.into_keys().collect())
}

/// Lays a laboratory, with Statex deployed in it unless it shall be `bare`, and holds it until the process is asked
/// to stop.
///
/// # Errors
/// When it cannot be laid.
pub fn hold(layout: Layout, bare: bool) -> Result<()> {
    if bare {
        let lab = Lab::up(layout)?;
        wait_for_end(&lab)?;
    } else {
        let deployment = Deployment::start(layout, &Configuration::default())?;
        wait_for_end(&deployment.lab)?;
    }
    Ok(fs::remove_file(RECORD)?)
}

/// Takes the laboratory down.
///
/// # Errors
/// When none stands, or its holder does not go.
pub fn down() -> Result<()> {
    let holder = Pid::from_raw(standing()?.holder);
    kill(holder, Signal::SIGTERM).context("cannot stop the holder")?;
    wait::until(PATIENCE, || match standing() {
        Ok(_) => Err("it still stands"),
        Err(_) => Ok(()),
    })
}

/// Becomes a command on a host of the standing laboratory, with the built programs on its path.
///
/// # Errors
/// When none stands, there is no such host, or the command cannot be run.
pub fn exec(host: &str, command: &[String]) -> Result<()> {
    let hosts = standing()?.hosts;
    let names = || hosts.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let place = hosts.get(host).with_context(|| format!("there is no host {host}; there are {}", names()))?;
    let programs = binary("lab")?;
    let programs = programs.parent().unwrap_or(Path::new("."));
    let path = std::env::var("PATH").unwrap_or_default();
    let (program, arguments) = command.split_first().context("name a command to run")?;
    let mut inside = place.command(program);
    Err(inside.args(arguments).env("PATH", format!("{}:{path}", programs.display())).exec().into())
}

fn standing() -> Result<Record> {
    let record = match fs::read(RECORD) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("no laboratory stands: `cargo xtask lab up` lays one")
        }
        record => record?,
    };
    let record: Record = serde_json::from_slice(&record)?;
    let stands = record.hosts.values().all(|place| place.net().exists());
    ensure!(stands, "the laboratory is gone with its holder: `cargo xtask lab up` lays another");
    Ok(record)
}

fn wait_for_end(lab: &Lab) -> Result<()> {
    let place = |(name, host): (&str, &Host)| (name.to_owned(), host.namespace.place());
    let hosts = lab.hosts().into_iter().map(place).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        fs::write(RECORD, serde_json::to_vec(&Record { holder: id() as i32, hosts })?)?;
        writeln!(std::io::stdout(), "{READY}")?;
        terminate.recv().await;
        Ok(())
    })
}
