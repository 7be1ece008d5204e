//! Wires healing to the life that runs. It outlives lives: it may be the one that runs the backends' processes.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::control::Door;
use crate::{
    clock::Clock,
    config::Config,
    heal::{
        gate::Gate,
        patrol::{self, Sources},
        request::Request,
    },
    health::doctor::Told,
    state::key::BackendName,
};

/// Facts of executors that wait for a life.
const QUEUE: usize = 256;

/// Heals until it is dropped.
pub(super) async fn heal(door: Arc<Door>, first: Arc<Config>, requests: mpsc::Receiver<Request>) {
    let (tell, told) = mpsc::channel(QUEUE);
    let current = door.clone();
    let sources = Sources {
        charts: door.charts(),
        config: Box::new(move || current.config().unwrap_or_else(|| first.clone())),
        tell,
        gate: door.clone(),
        requests,
        outlook: Box::new(|_| None),
    };
    tokio::join!(patrol::watch(sources, Clock::machine()), pass_on(told, door));
}

/// Gives facts to the life that runs; between two lives nobody needs them.
async fn pass_on(mut told: mpsc::Receiver<Told>, door: Arc<Door>) {
    while let Some(told) = told.recv().await {
        if let Some(view) = door.view() {
            // A life that ends listens no more.
            let _ = view.tell.send(told).await;
        }
    }
}

impl Gate for Door {
    fn drain<'a>(&'a self, backend: &'a BackendName) -> BoxFuture<'a, ()> {
        Box::pin(self.turn(backend, true))
    }

    fn undrain<'a>(&'a self, backend: &'a BackendName) -> BoxFuture<'a, ()> {
        Box::pin(self.turn(backend, false))
    }

    fn drained(&self) -> BTreeSet<BackendName> {
        self.view().map(|view| view.store.snapshot().drained.clone()).unwrap_or_default()
    }
}

impl Door {
    async fn turn(&self, backend: &BackendName, drain: bool) {
        let Some(view) = self.view() else { return };
        match view.store.drain(&backend.to_string(), drain).await {
            Ok(_) => view.store.settled().await,
            // It has just left the configuration.
            Err(unknown) => tracing::debug!(%unknown, "not drained"),
        }
    }
}
