//! One life of the agent: from a loaded object to the stop, or to the next object. A node that only runs the proxy has
//! one life, without an object.

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::Context;
use statex_common::{abi::Node, shared::Fixed};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::{Sleep, sleep, timeout},
};

use super::{
    certificates::Certificates,
    control::{Door, Request},
    flow_facts::FlowFacts,
    forwarding::{Basis, Forwarding},
    reload::{Reload, Reloaded},
    serving::{Prepared, Serving},
    view::View,
};
use crate::{
    admin::{api::Refused, metrics},
    clock::Clock,
    config::{self, Config},
    health::{
        self, Board,
        doctor::{self, Sources},
    },
    kernel::{
        events,
        fake::Fake,
        growth,
        image::{Kernel, Sizes},
        neighbours::Fact,
        plane::{Maps, Plane},
        shape::Shape,
    },
    signals,
    state::{event::Event, snapshot::Proxied, store::Store},
};

/// How long the first attach waits for next hops that are not known yet.
const HOPS: Duration = Duration::from_secs(2);
/// How often the routes of health probes are looked up.
const ROUTES: Duration = Duration::from_secs(5);
/// Time between two looks at what the programs have logged.
const LOG_TURN: Duration = Duration::from_millis(100);
/// How long the loops may take to end.
const ENDING: Duration = Duration::from_secs(5);
/// Verdicts that wait while the tables are written.
const QUEUE: usize = 256;

/// How a life ends.
pub(super) enum End {
    /// With the configuration that was in force, and the proxy still running.
    Stopped(Arc<Config>, Serving),
    Reshaped(Next, Serving),
}

/// A configuration that needs another object, which is loaded already.
pub(super) struct Next {
    pub(super) config: Arc<Config>,
    pub(super) loaded: Loaded,
}

/// A loaded object, and what it was loaded for.
pub(super) struct Loaded {
    pub(super) basis: Basis,
    pub(super) object: Box<(Plane, Maps)>,
}

/// The loops of one life.
pub(super) struct Life {
    path: PathBuf,
    config: Arc<Config>,
    door: Arc<Door>,
    /// The first life of the process: what is wrong ends it.
    first: bool,
    view: Arc<View>,
    /// For whoever asks backends about themselves.
    configs: tokio::sync::watch::Sender<Arc<Config>>,
    /// None where only the proxy runs.
    forwarding: Option<Forwarding>,
    serving: Serving,
    certificates: Certificates,
    proxied: watch::Receiver<Arc<Vec<Proxied>>>,
    file: Option<config::Watch>,
    loops: JoinSet<()>,
    store: JoinHandle<()>,
    metrics: Option<JoinHandle<()>>,
}

/// Hands an object to the kernel, away from the threads that serve others: the verifier takes its time.
///
/// # Errors
///
/// See [`LoadError`](crate::kernel::load::LoadError).
pub(super) async fn load(config: &Config, basis: Basis) -> anyhow::Result<Loaded> {
    let (shape, pins) = (Shape::of(config, &basis.key), basis.pins.clone());
    let loaded = tokio::task::spawn_blocking(move || Plane::load(&shape, pins)).await;
    Ok(Loaded { basis, object: Box::new(loaded.context("loading the data plane was broken off")??) })
}

/// The tables of a node that forwards nothing: there is no service to write into them.
fn no_tables() -> Box<dyn Kernel> {
    const BUCKETS: u32 = 256;
    let mut node = Node::NONE;
    node.index_mask = Fixed::new(BUCKETS - 1);
    Box::new(Fake::new(node, Sizes { services: 1, backends: 1, ring_slots: 0 }))
}

impl Life {
    /// Starts all loops; nothing is attached yet.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub(super) async fn start(
        path: &Path,
        config: Arc<Config>,
        loaded: Option<Loaded>,
        serving: Serving,
        door: Arc<Door>,
    ) -> anyhow::Result<Self> {
        let (mut forwarding, maps) = match loaded {
            Some(Loaded { basis, object }) => {
                let (plane, maps) = *object;
                (Some(Forwarding::start(basis, plane, &config).await?), Some(maps))
            }
            None => (None, None),
        };
        let cpus = aya::util::online_cpus().map_err(|(file, error)| anyhow::anyhow!("{file}: {error}"))?;
        let clock = Clock::machine();
        let counters = maps.as_ref().map(|maps| maps.counters.clone());
        let mut loops = JoinSet::new();
        let tables = match maps {
            Some(maps) => {
                loops.spawn(growth::watch(maps.growth));
                loops.spawn(events::watch(maps.events, door.listeners()));
                if let Some(mut log) = maps.log.filter(|_| config.log.packets) {
                    loops.spawn(async move {
                        let mut turn = tokio::time::interval(LOG_TURN);
                        loop {
                            turn.tick().await;
                            log();
                        }
                    });
                }
                Box::new(maps.live)
            }
            None => no_tables(),
        };
        let (store, handle) = Store::open(tables, config.clone(), cpus.len() as u32, clock.clone())?;
        let (board, charts, proxied) = (Board::default(), door.charts(), handle.proxied());
        let targets = handle.targets();
        let (tell, told) = mpsc::channel(QUEUE);
        let view = Arc::new(View::new(
            handle,
            counters,
            board.clone(),
            &door,
            clock.clone(),
            tell.clone(),
            serving.shown(),
        ));
        if let Some(forwarding) = &mut forwarding {
            forwarding.follow_neighbours(&view, &mut loops);
        }
        let (reports_sender, mut reports) = mpsc::channel(QUEUE);
        let seed = forwarding.as_ref().map_or(0, |forwarding| forwarding.basis.key[0]);
        let settings = health::Settings { seed, at_once: 512 };
        loops.spawn(health::watch(targets, reports_sender, board.clone(), clock.clone(), settings));
        let (current, counted) = (view.store.clone(), view.store.clone());
        let mut flows = view.counters.clone().map(FlowFacts::new);
        let sources = Sources {
            told,
            board,
            config: Box::new(move || current.snapshot().config.clone()),
            flows: Box::new(move || {
                flows.as_mut().map(|flows| flows.since(&counted.snapshot())).unwrap_or_default()
            }),
        };
        let (influence_sender, mut influences) = mpsc::channel(QUEUE);
        let (configs, followed) = tokio::sync::watch::channel(config.clone());
        loops.spawn(health::report::watch(followed, tell, clock.clone()));
        loops.spawn(doctor::watch(sources, charts, influence_sender, clock));
        let listener = view.clone();
        loops.spawn(async move {
            while let Some(news) = influences.recv().await {
                listener.store.tell(Event::Influence(news)).await;
            }
        });
        let listener = view.clone();
        loops.spawn(async move {
            while let Some(report) = reports.recv().await {
                listener.store.tell(report).await;
            }
        });

        let metrics = match config.metrics {
            Some(address) => Some(tokio::spawn(metrics::serve(metrics::bind(address).await?, view.clone()))),
            None => None,
        };
        let file = config::Watch::new(path)
            .inspect_err(|error| tracing::warn!(%error, "changes of the configuration file go unnoticed"))
            .ok();
        let first = door.show(view.clone());
        Ok(Self {
            path: path.to_owned(),
            first,
            door,
            view,
            configs,
            forwarding,
            certificates: Certificates::follow(&config, &serving.store()),
            serving,
            proxied,
            file,
            loops,
            store: tokio::spawn(store.run()),
            metrics,
            config,
        })
    }

    /// Attaches when the tables are filled, then keeps everything as the configuration says.
    ///
    /// # Errors
    ///
    /// The first attach failed, or a loop that must not end has ended.
    pub(super) async fn run(mut self, stop: Pin<&mut impl Future<Output = ()>>) -> anyhow::Result<End> {
        let requests = self.door.take_requests().context("two lives at once")?;
        let next = self.serve(stop, requests).await;
        let config = self.config.clone();
        let serving = self.end().await;
        Ok(match next? {
            Some(next) => End::Reshaped(next, serving),
            None => End::Stopped(config, serving),
        })
    }

    /// Serves until the end, or until another object is needed.
    async fn serve(
        &mut self,
        mut stop: Pin<&mut impl Future<Output = ()>>,
        mut requests: mpsc::Receiver<Request>,
    ) -> anyhow::Result<Option<Next>> {
        let mut hangup = signals::hangup().context("cannot listen for signals")?;
        let mut targets = self.view.store.targets();
        let mut routes = tokio::time::interval(ROUTES);
        let mut begin: Option<Pin<Box<Sleep>>> = Some(Box::pin(sleep(HOPS)));
        let end = loop {
            if begin.is_some() && self.forwarding.as_ref().is_none_or(Forwarding::knows_all) {
                begin = Some(Box::pin(sleep(Duration::ZERO)));
            }
            let request = tokio::select! {
                () = stop.as_mut() => break Ok(None),
                Some(()) = futures_util::future::OptionFuture::from(begin.as_mut()) => {
                    begin = None;
                    if let Err(error) = self.begin().await {
                        break Err(error);
                    }
                    continue;
                }
                fact = fact(&mut self.forwarding) => {
                    match (fact, &mut self.forwarding) {
                        (Some(fact), Some(forwarding)) => forwarding.hear(fact, &self.view, &self.config).await,
                        _ => break Err(anyhow::anyhow!("nobody watches routes and neighbours any more")),
                    }
                    continue;
                }
                _ = routes.tick() => {
                    let targets = targets.borrow().clone();
                    self.route_probes(&targets).await;
                    continue;
                }
                Ok(()) = targets.changed() => {
                    let targets = targets.borrow_and_update().clone();
                    self.route_probes(&targets).await;
                    continue;
                }
                Ok(()) = self.proxied.changed() => {
                    let proxied = self.proxied.borrow_and_update().clone();
                    self.serving.hear(&self.config, proxied).await;
                    continue;
                }
                _ = hangup.recv() => None,
                () = changed(&mut self.file) => None,
                Some(request) = requests.recv() => Some(request),
            };
            let reply = match request {
                Some(Request::HandOver(reply)) => {
                    tracing::info!("another agent takes over");
                    let _ = reply.send(());
                    break Ok(None);
                }
                Some(Request::Reload(reply)) => Some(reply),
                None => None,
            };
            if let Some(next) = self.reload(reply).await {
                break Ok(Some(next));
            }
        };
        self.door.give_back(requests);
        end
    }

    /// The first attach: by now the tables hold what is known.
    async fn begin(&mut self) -> anyhow::Result<()> {
        self.view.store.settled().await;
        match &mut self.forwarding {
            Some(forwarding) => forwarding.begin(&self.view, &self.config, self.first).await?,
            None => self.view.note(true, Vec::new()),
        }
        let snapshot = self.view.store.snapshot();
        let listeners = self.config.proxy.listeners.len();
        tracing::info!(services = snapshot.services.len(), listeners, "ready");
        Ok(())
    }

    async fn route_probes(&mut self, targets: &[health::Target]) {
        if let Some(forwarding) = &mut self.forwarding {
            forwarding.route_probes(targets).await;
        }
    }

    /// Reads the configuration again; Some when it needs another life.
    async fn reload(&mut self, reply: Option<oneshot::Sender<Result<String, Refused>>>) -> Option<Next> {
        let reload = Reload {
            path: &self.path,
            config: &self.config,
            forwarding: self.forwarding.as_ref(),
            serving: &self.serving,
        };
        let (answer, next) = match reload.read().await {
            Err(refused) => (Err(refused), None),
            Ok(Reloaded::Same) => (Ok("nothing has changed".to_owned()), None),
            Ok(Reloaded::Live { config, metrics, prepared }) => {
                self.follow(config, metrics, prepared).await;
                (Ok("reloaded".to_owned()), None)
            }
            Ok(Reloaded::Reshaped { next, prepared }) => {
                self.serving.follow(prepared).await;
                (Ok("reloaded, with tables of other sizes or another secret".to_owned()), Some(next))
            }
        };
        let totals = self.door.totals();
        match &answer {
            Ok(done) => {
                totals.reloads_done.fetch_add(1, Ordering::Relaxed);
                tracing::info!("configuration: {done}");
            }
            Err(refused) => {
                totals.reloads_refused.fetch_add(1, Ordering::Relaxed);
                tracing::error!("configuration: {refused}");
            }
        }
        if let Some(reply) = reply {
            let _ = reply.send(answer);
        }
        next
    }

    /// Takes over a configuration that this object can serve.
    async fn follow(
        &mut self,
        config: Arc<Config>,
        listener: Option<tokio::net::TcpListener>,
        prepared: Prepared,
    ) {
        if self.config.metrics != config.metrics {
            end_of(self.metrics.take()).await;
            self.metrics = listener.map(|listener| tokio::spawn(metrics::serve(listener, self.view.clone())));
        }
        self.serving.follow(prepared).await;
        if self.config.proxy.certificates != config.proxy.certificates {
            self.certificates = Certificates::follow(&config, &self.serving.store());
        }
        if let Some(forwarding) = &mut self.forwarding {
            forwarding.follow(&self.view, &self.config, &config).await;
        }
        self.config = config.clone();
        self.configs.send_replace(config.clone());
        self.view.store.tell(Event::Configured(config)).await;
        self.view.store.settled().await;
    }

    /// Ends all loops and waits for them: whoever comes next finds tables that nobody else writes.
    async fn end(mut self) -> Serving {
        self.door.hide();
        end_of(self.metrics.take()).await;
        self.loops.shutdown().await;
        drop(self.view);
        if timeout(ENDING, self.store).await.is_err() {
            tracing::warn!("the tables' owner did not end in time");
        }
        self.serving
    }
}

/// Ends a task and waits until it has let go of what it had.
async fn end_of(task: Option<JoinHandle<()>>) {
    if let Some(task) = task {
        task.abort();
        // Broken off is what it shall be.
        let _ = task.await;
    }
}

async fn fact(forwarding: &mut Option<Forwarding>) -> Option<Fact> {
    match forwarding {
        Some(forwarding) => forwarding.fact().await,
        None => std::future::pending().await,
    }
}

async fn changed(file: &mut Option<config::Watch>) {
    match file {
        Some(file) => file.changed().await,
        None => std::future::pending().await,
    }
}
