//! What the automation may do to the replicas of a pool, and where it keeps its records.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::Words;
use crate::cron::Cron;
use crate::web::Url;

/// `[pool.heal]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heal {
    pub mode: Mode,
    /// All of them hold; the most restrictive counts.
    pub budgets: Vec<Budget>,
    /// Part of the pool, in percent, beyond which a cause outside of it is suspected.
    pub max_unhealthy: u8,
    /// After a start, and after a change of the configuration, nothing is done for so long.
    pub grace: Duration,
    /// Whether its replicas hold data; `None`: their images and commands tell.
    pub stateful: Option<bool>,
    /// Backends that may be restarted although they hold data.
    pub allowed: Vec<String>,
}

impl Default for Heal {
    fn default() -> Self {
        Self {
            mode: Mode::Observe,
            budgets: vec![Budget { most: Most::Percent(10), window: None }],
            max_unhealthy: 20,
            grace: Duration::from_secs(30),
            stateful: None,
            allowed: Vec::new(),
        }
    }
}

/// How far the automation may go. The same code decides in all three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Says what it would do.
    #[default]
    Observe,
    /// Asks a person each time.
    Approve,
    Act,
}

impl Words for Mode {
    const KIND: &'static str = "mode";
    const WORDS: &'static [(&'static str, Self)] =
        &[("observe", Self::Observe), ("approve", Self::Approve), ("act", Self::Act)];
}

/// `[[pool.heal.budget]]`: how many at once, and when that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    pub most: Most,
    /// `None`: always.
    pub window: Option<Window>,
}

/// How much of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Most {
    Percent(u8),
    Count(u32),
}

/// Hours that come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub begins: Cron,
    /// At most a week.
    pub lasts: Duration,
    pub zone: TimeZone,
}

/// `[heal]`: what all pools share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healing {
    /// The audit log.
    pub audit: PathBuf,
    /// While there is such a file, nothing is done.
    pub switch: PathBuf,
    pub lease: LeasePlace,
    pub alert: Alert,
}

impl Default for Healing {
    fn default() -> Self {
        let folder = PathBuf::from("/var/lib/statex");
        Self {
            audit: folder.join("audit.log"),
            switch: folder.join("heal.off"),
            lease: LeasePlace::File(folder.join("heal.lease")),
            alert: Alert::default(),
        }
    }
}

/// Where it is decided which node heals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeasePlace {
    /// Among the agents of this host.
    File(PathBuf),
    /// Among the nodes that use the same key.
    Etcd { endpoints: Vec<Url>, key: String },
}

/// How a person is called, beside the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alert {
    /// `POST`, as JSON.
    pub url: Option<Url>,
    /// Gets the text in `STATEX_ALERT`; empty: none.
    pub command: Vec<String>,
}
