//! Containers of one service, by the API of the Docker Engine.
//!
//! | file | holds |
//! |---|---|
//! | `select.rs` | which containers are meant: pure |
//! | `see.rs` | from what the engine says to replicas: pure |
//! | `clone.rs` | another container like one that there is, as compose would make it: pure |
//! | `events.rs` | news from the engine, taken up again where they broke off |
//!
//! Only containers that carry the label `statex.managed=true` are seen or touched, and never the one that the agent
//! itself runs in. Whoever may use the engine's socket is root on its host: give the agent a filtering proxy where that
//! is too much.

mod clone;
mod events;
mod see;
mod select;

pub use select::Service;

use super::hook::{self, Hook};
use super::{Abilities, Executor, ExecutorError, Observed, Order, Patience, Step};
use crate::clock::Clock;
use bollard::Docker as Engine;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, NetworkConnectRequest};
use bollard::query_parameters::{
    CreateContainerOptions, KillContainerOptions, ListContainersOptions, RemoveContainerOptions,
    RestartContainerOptions, StatsOptions, StopContainerOptions,
};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use see::Counted;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, Notify};

/// How long the engine may take to tell what there is.
const ANSWER: Duration = Duration::from_secs(5);
/// How long it may take at all, in seconds: to stop a container takes the container's time.
const LONGEST: u64 = 120;

/// The containers of one service.
pub struct Docker {
    engine: Engine,
    name: String,
    service: Service,
    patience: Patience,
    hook: Option<Hook>,
    /// The engine gives published ports out of ranges, and not atomically: one start at a time.
    starts: AsyncMutex<()>,
    /// What was counted of each container when it was looked at last.
    counted: Mutex<HashMap<String, Counted>>,
    news: Notify,
}

impl Docker {
    /// Does not speak with the engine yet: it may come and go.
    ///
    /// # Errors
    /// The socket's path is none.
    pub fn new(
        socket: &Path,
        service: Service,
        patience: Patience,
        hook: Option<Hook>,
    ) -> Result<Self, ExecutorError> {
        let name = format!("docker {service}");
        let path = socket.to_string_lossy();
        let engine = Engine::connect_with_unix(&path, LONGEST, OLDEST)
            .map_err(|error| ExecutorError::Unreachable { what: name.clone(), why: error.to_string() })?;
        let (starts, counted, news) = (AsyncMutex::default(), Mutex::default(), Notify::new());
        Ok(Self { engine, name, service, patience, hook, starts, counted, news })
    }

    /// The same, which listens for the engine's news as long as somebody has it.
    ///
    /// # Errors
    /// The socket's path is none.
    pub fn listening(
        socket: &Path,
        service: Service,
        patience: Patience,
        hook: Option<Hook>,
        clock: Clock,
    ) -> Result<Arc<Self>, ExecutorError> {
        let docker = Arc::new(Self::new(socket, service, patience, hook)?);
        tokio::spawn(events::listen(Arc::downgrade(&docker), clock));
        Ok(docker)
    }

    async fn inspect_all(&self) -> Result<Vec<ContainerInspectResponse>, ExecutorError> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(self.service.filters()),
            ..ListContainersOptions::default()
        };
        let listed = self.engine.list_containers(Some(options)).await.map_err(|error| self.blame(error))?;
        let mut all = Vec::new();
        for id in listed.into_iter().filter_map(|it| it.id).filter(|id| !select::is_own(id)) {
            match self.engine.inspect_container(&id, None).await {
                Ok(container) => all.push(container),
                // It has gone since the list was made.
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => {}
                Err(error) => return Err(self.blame(error)),
            }
        }
        Ok(all)
    }

    async fn look(&self) -> Result<Observed, ExecutorError> {
        let all = self.inspect_all().await?;
        let mut replicas = Vec::new();
        for container in &all {
            let Some(mut replica) = see::replica(container, &self.service) else { continue };
            if replica.condition.runs() {
                replica.usage = self.usage(container, &replica.id).await;
            }
            replicas.push(replica);
        }
        let ids: Vec<&str> = replicas.iter().map(|replica| replica.id.as_str()).collect();
        self.counted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|id, _| ids.contains(&id.as_str()));
        Ok(Observed::new(replicas))
    }

    /// What it has used since it was looked at last; nothing at the first look.
    async fn usage(&self, container: &ContainerInspectResponse, id: &str) -> Option<super::Usage> {
        let options = StatsOptions { stream: false, one_shot: true };
        let stats = self.engine.stats(id, Some(options)).next().await?.ok()?;
        let now = see::counted(&stats)?;
        let mut all = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.insert(id.to_owned(), now);
        Some(see::usage(container, &stats, before, now))
    }

    async fn create(&self, number: u32, like: &str) -> Result<String, ExecutorError> {
        let _one_at_a_time = self.starts.lock().await;
        let pattern = self.engine.inspect_container(like, None).await.map_err(|error| self.blame(error))?;
        let other = clone::clone(&pattern, number)
            .map_err(|why| ExecutorError::Unable { what: self.name.clone(), why })?;
        let clone::Clone { name, image, body, networks } = other;
        let body = ContainerCreateBody { image: Some(self.same_image(image, &pattern).await), ..body };
        let options =
            CreateContainerOptions { name: Some(name.clone()), ..CreateContainerOptions::default() };
        let made =
            self.engine.create_container(Some(options), body).await.map_err(|error| self.blame(error))?;
        let begun = async {
            for (network, endpoint) in networks {
                let request =
                    NetworkConnectRequest { container: made.id.clone(), endpoint_config: Some(endpoint) };
                self.engine.connect_network(&network, request).await?;
            }
            self.engine.start_container(&made.id, None).await
        };
        if let Err(error) = begun.await {
            let force = RemoveContainerOptions { force: true, ..RemoveContainerOptions::default() };
            // What cannot be started is of no use; if it cannot be removed either, the error says enough.
            let _ = self.engine.remove_container(&made.id, Some(force)).await;
            return Err(self.blame(error));
        }
        Ok(format!("made {name}"))
    }

    /// The image by its name as long as that still means the same, else by its id: a replica is not an upgrade.
    async fn same_image(&self, name: String, pattern: &ContainerInspectResponse) -> String {
        let Some(id) = pattern.image.clone() else { return name };
        match self.engine.inspect_image(&name).await {
            Ok(image) if image.id.as_deref() == Some(id.as_str()) => name,
            _ => id,
        }
    }

    async fn remove(&self, id: &str, grace: Duration) -> Result<(), Error> {
        let stop = StopContainerOptions { signal: None, t: Some(seconds(grace)) };
        match self.engine.stop_container(id, Some(stop)).await {
            // 304: it has ended already.
            Ok(()) | Err(Error::DockerResponseServerError { status_code: 304, .. }) => {}
            Err(error) => return Err(error),
        }
        self.engine.remove_container(id, Some(RemoveContainerOptions::default())).await
    }

    async fn help_itself(&self, id: &str) -> Result<String, ExecutorError> {
        let observed = self.observe().await?;
        let gone = || ExecutorError::Refused { what: self.name.clone(), why: format!("{id} is gone") };
        let replica = observed.get(id).ok_or_else(gone)?;
        match &self.hook {
            Some(Hook::Signal(signal)) => {
                let options = KillContainerOptions { signal: signal.clone() };
                let sent = self.engine.kill_container(id, Some(options)).await;
                sent.map(|()| format!("sent {signal} to {}", replica.name)).map_err(|error| self.blame(error))
            }
            Some(hook) => hook::run(hook, replica).await,
            None => {
                Err(ExecutorError::Unable { what: self.name.clone(), why: "no hook is configured".into() })
            }
        }
    }

    async fn step(&self, step: &Step) -> Result<String, ExecutorError> {
        let done = match step {
            Step::Hook { id, .. } => return self.help_itself(id).await,
            Step::Create { number, like } => return self.create(*number, like).await,
            Step::Restart { id, name, grace } => {
                let options = RestartContainerOptions { signal: None, t: Some(seconds(*grace)) };
                let _one_at_a_time = self.starts.lock().await;
                self.engine.restart_container(id, Some(options)).await.map(|()| format!("restarted {name}"))
            }
            Step::Start { id, name } => {
                let _one_at_a_time = self.starts.lock().await;
                self.engine.start_container(id, None).await.map(|()| format!("started {name}"))
            }
            Step::Remove { id, name, grace } => {
                self.remove(id, *grace).await.map(|()| format!("removed {name}"))
            }
            Step::Drain { .. } | Step::Undrain { .. } | Step::AwaitReady { .. } | Step::Ask { .. } => {
                let why = format!("to {step} is not its business");
                return Err(ExecutorError::Unable { what: self.name.clone(), why });
            }
        };
        done.map_err(|error| self.blame(error))
    }

    /// Tells what the engine has refused from an engine that is not there.
    fn blame(&self, error: Error) -> ExecutorError {
        let what = self.name.clone();
        match error {
            Error::DockerResponseServerError { message, .. } => ExecutorError::Refused { what, why: message },
            error => ExecutorError::Unreachable { what, why: chain(&error) },
        }
    }
}

/// The error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

/// The oldest API that has all that is used here (Engine 20.10): what every engine since then speaks.
const OLDEST: &bollard::ClientVersion = &bollard::ClientVersion { major_version: 1, minor_version: 41 };

fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}

impl Executor for Docker {
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

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.news.notified())
    }
}
