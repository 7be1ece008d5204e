//! Units of a template (`api@1.service`, `api@2.service` …), by the D-Bus interface of systemd's manager
//! (org.freedesktop.systemd1(5)).
//!
//! | file | holds |
//! |---|---|
//! | `manager.rs` | what is asked of the manager |
//! | `see.rs` | from a unit's properties to a replica: pure |
//!
//! A unit is the backend that is called like it: `api@1` or `api-1`; where the unit's number is a port, `api@3001` is the
//! replica 3001. Another replica is the unit with the next number: the template must make something of `%i`.

mod manager;
mod see;
#[cfg(test)]
mod tests;

use super::cgroup;
use super::hook::{self, Hook};
use super::{Abilities, Executor, ExecutorError, Observed, Order, Patience, Step, Usage};
use futures_util::future::BoxFuture;
use manager::Manager;
use see::Unit;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the manager may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// The units of one template.
pub struct Systemd {
    manager: Manager,
    name: String,
    /// `api@.service`.
    template: Template,
    patience: Patience,
    hook: Option<Hook>,
    counted: Mutex<HashMap<String, Counted>>,
    clock: crate::clock::Clock,
}

/// What was counted of a unit, and when.
#[derive(Clone, Copy)]
struct Counted {
    at: crate::clock::Moment,
    cpu: u64,
    periods: u64,
    throttled: u64,
}

/// The name of a template unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// Reads `api@.service`; `None`: that is no template of services.
    pub fn new(text: &str) -> Option<Self> {
        let prefix = text.strip_suffix("@.service")?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.:\\".contains(c);
        (!prefix.is_empty() && prefix.chars().all(fits)).then(|| Self(prefix.to_owned()))
    }

    /// `api@3.service`.
    fn unit(&self, number: u32) -> String {
        format!("{}@{number}.service", self.0)
    }

    /// The number of a unit of this template.
    fn number(&self, unit: &str) -> Option<u32> {
        unit.strip_prefix(&self.0)?.strip_prefix('@')?.strip_suffix(".service")?.parse().ok()
    }

    fn pattern(&self) -> String {
        format!("{}@*.service", self.0)
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@.service", self.0)
    }
}

impl Systemd {
    /// `bus`: the D-Bus address of the manager; `None`: the system's bus.
    pub fn new(
        template: Template,
        bus: Option<String>,
        patience: Patience,
        hook: Option<Hook>,
        clock: crate::clock::Clock,
    ) -> Self {
        let name = format!("systemd {template}");
        Self { manager: Manager::new(bus), name, template, patience, hook, counted: Mutex::default(), clock }
    }

    async fn look(&self) -> Result<Observed, ExecutorError> {
        let units = self.manager.units(&self.template.pattern()).await.map_err(|error| self.away(&error))?;
        let mut replicas = Vec::new();
        for name in units {
            let Some(number) = self.template.number(&name) else { continue };
            let unit = self.manager.unit(&name).await.map_err(|error| self.away(&error))?;
            let mut replica = see::replica(&name, &self.template.0, number, &unit);
            if replica.condition.runs() {
                replica.usage = self.usage(&name, &unit);
            }
            replicas.push(replica);
        }
        Ok(Observed::new(replicas))
    }

    fn usage(&self, name: &str, unit: &Unit) -> Option<Usage> {
        let folder = cgroup::of_path(&unit.control_group)?;
        let (cpu, periods, throttled) = cgroup::cpu(&folder)?;
        let now = Counted { at: self.clock.now(), cpu, periods, throttled };
        let mut all = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.insert(name.to_owned(), now).unwrap_or(now);
        let part =
            |new: u64, old: u64, all: f64| if all > 0.0 { new.saturating_sub(old) as f64 / all } else { 0.0 };
        let elapsed = now.at.saturating_sub(before.at).as_secs_f64();
        let cpus = std::thread::available_parallelism().map_or(1.0, |cpus| cpus.get() as f64);
        let (memory, memory_limit) = cgroup::memory(&folder).unwrap_or_default();
        Some(Usage {
            cpu: part(now.cpu, before.cpu, elapsed * 1e6) / cgroup::quota(&folder).unwrap_or(cpus),
            throttled: part(
                now.throttled,
                before.throttled,
                now.periods.saturating_sub(before.periods) as f64,
            ),
            memory,
            memory_limit,
            ..cgroup::pressure(&folder)
        })
    }

    async fn step(&self, step: &Step) -> Result<String, ExecutorError> {
        match step {
            Step::Hook { id, .. } => self.help_itself(id).await,
            Step::Create { number, .. } => self.start(&self.template.unit(*number)).await,
            Step::Start { id, .. } => self.start(id).await,
            Step::Restart { id, name, .. } => {
                self.forgive(id).await?;
                self.manager.job("RestartUnit", id).await.map_err(|error| self.blame(&error))?;
                Ok(format!("restarted {name}"))
            }
            Step::Remove { id, name, grace } => {
                self.manager.job("StopUnit", id).await.map_err(|error| self.blame(&error))?;
                self.ended(id, *grace).await?;
                Ok(format!("stopped {name}"))
            }
            Step::Drain { .. } | Step::Undrain { .. } | Step::AwaitReady { .. } | Step::Ask { .. } => {
                let why = format!("to {step} is not its business");
                Err(ExecutorError::Unable { what: self.name.clone(), why })
            }
        }
    }

    async fn start(&self, unit: &str) -> Result<String, ExecutorError> {
        self.forgive(unit).await?;
        self.manager.job("StartUnit", unit).await.map_err(|error| self.blame(&error))?;
        Ok(format!("started {unit}"))
    }

    /// A unit that has failed too often is not started again before that is forgotten, not even by hand.
    async fn forgive(&self, unit: &str) -> Result<(), ExecutorError> {
        match self.manager.reset_failed(unit).await {
            // One that is not loaded has nothing to forget.
            Ok(()) | Err(zbus::Error::MethodError(..)) => Ok(()),
            Err(error) => Err(self.away(&error)),
        }
    }

    /// Waits until the unit has ended; the manager kills what does not end in its own time.
    async fn ended(&self, unit: &str, grace: Duration) -> Result<(), ExecutorError> {
        let within = grace + ANSWER;
        let until = self.clock.now() + within;
        loop {
            let now = self.manager.unit(unit).await.map_err(|error| self.away(&error))?;
            if matches!(now.active.as_str(), "inactive" | "failed") {
                return Ok(());
            }
            if self.clock.now() >= until {
                return Err(ExecutorError::TimedOut { what: format!("{unit} to stop"), within });
            }
            self.clock.sleep_until(self.clock.now() + Duration::from_millis(200)).await;
        }
    }

    async fn help_itself(&self, id: &str) -> Result<String, ExecutorError> {
        let number = self.template.number(id).unwrap_or(0);
        match &self.hook {
            Some(Hook::Signal(signal)) => {
                self.manager.kill(id, signal).await.map_err(|error| self.blame(&error))?;
                Ok(format!("sent {signal} to {id}"))
            }
            Some(hook) => {
                let unit = self.manager.unit(id).await.map_err(|error| self.away(&error))?;
                hook::run(hook, &see::replica(id, &self.template.0, number, &unit)).await
            }
            None => {
                Err(ExecutorError::Unable { what: self.name.clone(), why: "no hook is configured".into() })
            }
        }
    }

    /// Tells what the manager has refused from a manager that is not there.
    fn blame(&self, error: &zbus::Error) -> ExecutorError {
        match error {
            zbus::Error::MethodError(name, text, _) => {
                let why = text.clone().unwrap_or_else(|| name.to_string());
                ExecutorError::Refused { what: self.name.clone(), why }
            }
            error => self.away(error),
        }
    }

    fn away(&self, error: &zbus::Error) -> ExecutorError {
        ExecutorError::Unreachable { what: self.name.clone(), why: error.to_string() }
    }
}

impl Executor for Systemd {
    fn name(&self) -> &str {
        &self.name
    }

    fn abilities(&self) -> Abilities {
        Abilities { hook: self.hook.is_some(), restart: true, scale: true, asks: false }
    }

    fn patience(&self) -> Patience {
        self.patience
    }

    fn observe(&self) -> BoxFuture<'_, Result<Observed, ExecutorError>> {
        Box::pin(async {
            let looked = tokio::time::timeout(ANSWER, self.look()).await;
            looked.unwrap_or_else(|_| {
                let why = format!("no answer within {} s", ANSWER.as_secs());
                Err(ExecutorError::Unreachable { what: self.name.clone(), why })
            })
        })
    }

    fn carry_out<'a>(
        &'a self,
        step: &'a Step,
        _order: &'a Order,
    ) -> BoxFuture<'a, Result<String, ExecutorError>> {
        Box::pin(self.step(step))
    }
}
