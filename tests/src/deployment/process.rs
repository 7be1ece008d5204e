//! A program that runs inside a host of the laboratory, with its words kept for when it fails.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait;

/// How long a program may take to come up or go.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output going to the file `log`.
    pub fn start(name: &str, command: &mut Command, log: PathBuf) -> Result<Self> {
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        command.stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Looks until `ready` says yes.
    ///
    /// # Errors
    /// When the program has ended, or is not ready in time; with its last words.
    pub fn wait_until(&mut self, ready: impl Fn(&str) -> Result<()>) -> Result<()> {
        let mut ended = None;
        let result = wait::until(PATIENCE, || {
            ended = self.child.try_wait()?;
            if ended.is_some() { Ok(()) } else { ready(&self.words()) }
        });
        let words = || format!("{} said:\n{}", self.name, self.words());
        ensure!(ended.is_none(), "{} ended: {}; {}", self.name, ended.unwrap_or_default(), words());
        result.with_context(words)
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(Pid::from_raw(self.child.id() as i32), signal)
            .with_context(|| format!("cannot signal {}", self.name))
    }

    /// Sends a signal and waits for the end.
    pub fn stop(&mut self, signal: Signal) -> Result<ExitStatus> {
        self.signal(signal)?;
        let ended = wait::until(PATIENCE, || self.child.try_wait()?.context("it runs"));
        ended.with_context(|| format!("{} does not stop", self.name))
    }

    /// All that the program has said.
    pub fn words(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Errors say that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
