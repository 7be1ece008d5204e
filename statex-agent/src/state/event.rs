//! What may happen to the world.

use super::key::BackendName;
use super::observed::Found;
use crate::config::Config;
use crate::health;
use crate::health::influence::Influence;
use crate::kernel::neighbours::Fact;
use std::sync::Arc;

/// A fact or an intent.
#[derive(Clone, Debug)]
pub enum Event {
    /// A configuration that is valid; the whole of it.
    Configured(Arc<Config>),
    /// What the tables still knew when the agent started.
    Found(Found),
    /// No new flows for these backends, until further notice.
    Drain(Vec<BackendName>),
    Undrain(Vec<BackendName>),
    Health(health::Report),
    /// What the health of backends does to their part of new flows.
    Influence(Vec<(BackendName, Influence)>),
    Kernel(Fact),
}

impl From<health::Report> for Event {
    fn from(report: health::Report) -> Self {
        Self::Health(report)
    }
}

impl From<Fact> for Event {
    fn from(fact: Fact) -> Self {
        Self::Kernel(fact)
    }
}
