//! What an executor knows of one replica.

use jiff::Timestamp;
use std::net::IpAddr;

/// All replicas of a workload at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// By number, then by id.
    pub replicas: Vec<Replica>,
}

impl Observed {
    pub fn new(mut replicas: Vec<Replica>) -> Self {
        replicas.sort_by(|a, b| (a.number, &a.id).cmp(&(b.number, &b.id)));
        Self { replicas }
    }

    pub fn get(&self, id: &str) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.id == id)
    }

    /// Replicas that run, ready or not.
    pub fn running(&self) -> impl Iterator<Item = &Replica> {
        self.replicas.iter().filter(|replica| replica.condition.runs())
    }

    /// Replicas that serve, as far as their runtime can tell.
    pub fn ready(&self) -> usize {
        self.replicas.iter().filter(|replica| replica.condition.serves()).count()
    }
}

/// One copy of what serves: a container, a unit, a process.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica {
    /// What the runtime calls it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The backend that it is, where it says so itself; else its address tells.
    pub backend: Option<String>,
    /// What runs in it, as far as that tells what it is: an image, a unit, a command.
    pub program: Option<String>,
    /// Its place among the replicas, counted from 1; no two have the same.
    pub number: u32,
    /// Where it serves; `None`: not known, or not yet.
    pub address: Option<IpAddr>,
    pub condition: Condition,
    /// When it was started last.
    pub started: Option<Timestamp>,
    /// Times that the runtime has started it again by itself.
    pub restarts: u32,
    /// How it ended last.
    pub exit: Option<Exit>,
    /// What it uses; `None`: not known.
    pub usage: Option<Usage>,
}

/// What the runtime says of a replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Runs, and the runtime's own check has not spoken yet.
    Starting,
    /// Runs, and nobody checks it there.
    #[default]
    Running,
    /// The runtime's own check passes.
    Healthy,
    /// The runtime's own check fails.
    Unhealthy,
    /// Ended, and shall be so.
    Stopped,
    /// Ended by a fault, or the runtime is between two tries to start it.
    Failed,
}

impl Condition {
    pub fn runs(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Healthy | Self::Unhealthy)
    }

    pub fn serves(self) -> bool {
        matches!(self, Self::Running | Self::Healthy)
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// How a replica ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    pub code: i32,
    /// The kernel ended it for its memory.
    pub out_of_memory: bool,
}

/// What a replica uses of what it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// CPU time used, in parts of the quota (or of the machine's CPUs where there is none): 0 to 1, more in bursts.
    pub cpu: f64,
    /// Part of the scheduler's periods in which it was held back for its quota.
    pub throttled: f64,
    /// Bytes of memory without inactive file cache, which the kernel gives back when asked.
    pub memory: u64,
    /// Bytes that it may use; `None`: no limit, so a share would mean nothing.
    pub memory_limit: Option<u64>,
    /// Part of the last ten seconds in which some task waited for memory (PSI `some avg10`), 0 to 1.
    pub memory_pressure: Option<f64>,
    /// The same for CPU.
    pub cpu_pressure: Option<f64>,
    /// Processes that the kernel ended for their memory, since the start.
    pub oom_kills: u64,
}

impl Usage {
    /// Part of the memory limit that is used.
    pub fn memory_share(&self) -> Option<f64> {
        self.memory_limit.filter(|limit| *limit > 0).map(|limit| self.memory as f64 / limit as f64)
    }
}
