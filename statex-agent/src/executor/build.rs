//! The executor that the configuration asks for.

use super::docker::{Docker, Service};
use super::process::Processes;
use super::systemd::{Systemd, Template};
use super::webhook::Webhook;
use super::{Executor, ExecutorError, Patience};
use crate::clock::Clock;
use crate::config::{Runner, Workload};
use std::sync::Arc;

impl From<&Workload> for Patience {
    fn from(workload: &Workload) -> Self {
        Self { stop: workload.stop_within, drain: workload.drain_within, ready: workload.ready_within }
    }
}

/// Makes the executor of the pool `name`. Needs a tokio runtime: it may listen for news, or start processes.
///
/// # Errors
/// It cannot be had with this configuration.
pub fn build(name: &str, workload: &Workload, clock: &Clock) -> Result<Arc<dyn Executor>, ExecutorError> {
    let (patience, hook) = (workload.into(), workload.hook.clone());
    Ok(match &workload.runner {
        Runner::Docker { socket, project, service } => {
            let service = Service { project: project.clone(), service: service.clone() };
            Docker::listening(socket, service, patience, hook, clock.clone())?
        }
        Runner::Systemd { unit, bus } => {
            let strange =
                || ExecutorError::Unable { what: unit.clone(), why: "it is no template".to_owned() };
            let template = Template::new(unit).ok_or_else(strange)?;
            Arc::new(Systemd::new(template, bus.clone(), patience, hook, clock.clone()))
        }
        Runner::Process { command, replicas } => {
            let processes = Processes::new(name, command.clone(), patience, hook, clock.clone());
            processes.begin(*replicas);
            Arc::new(processes)
        }
        Runner::Webhook { url, secret } => {
            Arc::new(Webhook::new(url.clone(), secret.clone(), patience, clock.clone()))
        }
    })
}
