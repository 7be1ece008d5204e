//! One host of the laboratory: a network namespace and a mount namespace that have no name.
//!
//! Only file descriptors keep them. When the process that laid the laboratory is gone, for whatever reason, the
//! kernel takes everything away: interfaces, addresses, files, pinned objects, and the processes started by
//! [`command`](Namespace::command).

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::thread;

use anyhow::{Context, Result, ensure};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use serde::{Deserialize, Serialize};

/// A network namespace, and a mount namespace with its own `/sys`, bpf file system and `/run`.
///
/// The private mounts let two nodes on one machine pin the same names and listen at the same control socket path.
#[derive(Debug)]
pub struct Namespace {
    net: File,
    mount: File,
    run: File,
}

/// Where other processes find a namespace, as long as the process that holds it lives.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    net: PathBuf,
    mount: PathBuf,
}

impl Place {
    /// A path by which `ip` names the network namespace: `ip link set … netns PATH`.
    pub fn net(&self) -> &Path {
        &self.net
    }

    /// A command that will run in both namespaces and is killed when the thread that starts it ends.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args([format!("--net={}", self.net.display()), format!("--mount={}", self.mount.display())]);
        command.args(["--wd=.", "--", "setpriv", "--pdeathsig", "KILL"]).arg(program);
        command
    }
}

impl Namespace {
    /// Makes both namespaces, with the loopback interface still down.
    ///
    /// # Errors
    /// When the process is not root, or the kernel lacks namespaces.
    pub fn new() -> Result<Self> {
        ensure!(
            nix::unistd::geteuid().is_root(),
            "the laboratory needs root, for it makes network namespaces: run it with sudo"
        );
        on_own_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).context("cannot make namespaces")?;
            private_mounts()?;
            let [net, mount, run] =
                ["/proc/thread-self/ns/net", "/proc/thread-self/ns/mnt", "/run"].map(File::open);
            Ok(Self { net: net?, mount: mount?, run: run? })
        })
    }

    /// A second hold on the same namespaces.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { net: self.net.try_clone()?, mount: self.mount.try_clone()?, run: self.run.try_clone()? })
    }

    /// Where other processes find these namespaces.
    pub fn place(&self) -> Place {
        Place { net: path_of(&self.net), mount: path_of(&self.mount) }
    }

    /// The host's private `/run`, under a path that works outside the namespace.
    pub fn run_folder(&self) -> PathBuf {
        path_of(&self.run)
    }

    /// Runs `work` on a thread of its own inside the network namespace; a panic goes on in the caller.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        on_own_thread(|| {
            self.enter().expect("a namespace that is held open can be entered");
            work()
        })
    }

    /// Moves the calling thread into the network namespace, for good.
    pub fn enter(&self) -> io::Result<()> {
        Ok(setns(&self.net, CloneFlags::CLONE_NEWNET)?)
    }

    /// A command that will run in both namespaces and is killed when the thread that starts it ends.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.place().command(program)
    }

    /// Sets kernel parameters of the network namespace: pairs of a path below `/proc/sys` and a value.
    pub fn set_sysctls(&self, settings: &[(&str, &str)]) -> Result<()> {
        self.run(|| {
            settings.iter().try_for_each(|(key, value)| {
                fs::write(format!("/proc/sys/{key}"), value)
                    .with_context(|| format!("cannot set {key} to {value}"))
            })
        })
    }
}

/// A path to an open file that other processes can use too.
fn path_of(file: &File) -> PathBuf {
    format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd()).into()
}

fn private_mounts() -> Result<()> {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .context("cannot make mounts private")?;
    for (kind, target) in [("sysfs", "/sys"), ("bpf", "/sys/fs/bpf"), ("tmpfs", "/run")] {
        mount(Some(kind), target, Some(kind), MsFlags::empty(), none)
            .with_context(|| format!("cannot mount {kind} at {target}"))?;
    }
    Ok(())
}

fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| resume_unwind(panic))
}
