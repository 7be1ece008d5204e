//! One life of the agent: from a loaded object to the stop, or to the next object.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::Context;
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinHandle, JoinSet},
    time::{Sleep, sleep, timeout},
};

use super::{
    control::{Door, Request},
    flow_facts::FlowFacts,
    interfaces::Interfaces,
    reload::{Reload, Reloaded},
    view::View,
};
use crate::{
    admin::{api::Refused, metrics},
    clock::Clock,
    config::{self, Config},
    health::{
        self, Board,
        doctor::{self, Charts, Sources},
    },
    kernel::{
        events, growth,
        neighbours::{self, Fact},
        netlink::Netlink,
        pin::Pins,
        plane::{Maps, Plane},
        shape::{HashKey, Shape},
    },
    signals,
    state::{event::Event, store::Store},
};

/// How long the first attach waits for next hops that are not known yet.
const HOPS: Duration = Duration::from_secs(2);
/// How often the routes of health probes are looked up.
const ROUTES: Duration = Duration::from_secs(5);
/// Time between two looks at what the programs have logged.
const LOG_TURN: Duration = Duration::from_millis(100);
/// How long the loops may take to end.
const ENDING: Duration = Duration::from_secs(5);
/// Facts that wait while the tables are written.
const QUEUE: usize = 256;

/// How a life ends.
pub(super) enum End {
    /// With the configuration that was in force.
    Stopped(Arc<Config>),
    Reshaped(Next),
}

/// A configuration that needs another object, which is loaded already.
pub(super) struct Next {
    pub(super) config: Arc<Config>,
    pub(super) key: HashKey,
    pub(super) loaded: Box<(Plane, Maps)>,
}

/// The loops of one loaded object.
pub(super) struct Life {
    path: PathBuf,
    config: Arc<Config>,
    key: HashKey,
    pins: Pins,
    door: Arc<Door>,
    /// The first life of the process: what is wrong ends it.
    first: bool,
    view: Arc<View>,
    interfaces: Interfaces,
    netlink: Netlink,
    facts: mpsc::Receiver<Fact>,
    /// Addresses that nothing was told of yet.
    untold: BTreeSet<IpAddr>,
    /// Virtual addresses that probes cannot be sent to.
    unroutable: BTreeSet<IpAddr>,
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
pub(super) async fn load(config: &Config, key: &HashKey, pins: &Pins) -> anyhow::Result<(Plane, Maps)> {
    let (shape, pins) = (Shape::of(config, key), pins.clone());
    let loaded = tokio::task::spawn_blocking(move || Plane::load(&shape, pins)).await;
    Ok(loaded.context("loading the data plane was broken off")??)
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
        key: HashKey,
        pins: Pins,
        loaded: (Plane, Maps),
        door: Arc<Door>,
    ) -> anyhow::Result<Self> {
        let netlink = Netlink::open().context("cannot open the routing socket")?;
        let links = netlink.links().await.context("cannot read the interfaces")?;
        config.node.interfaces.iter().try_for_each(|name| links.named(name).map(drop))?;
        let (plane, maps) = loaded;
        let cpus = aya::util::online_cpus().map_err(|(file, error)| anyhow::anyhow!("{file}: {error}"))?;
        let clock = Clock::machine();
        let (store, handle) =
            Store::open(Box::new(maps.live), config.clone(), cpus.len() as u32, clock.clone())?;
        let (board, charts) = (Board::default(), Charts::default());
        let counters = maps.counters;
        let view = Arc::new(View::new(
            handle.clone(),
            counters.clone(),
            board.clone(),
            charts.clone(),
            clock.clone(),
            door.totals(),
        ));

        let mut loops = JoinSet::new();
        let (facts_sender, facts) = mpsc::channel(QUEUE);
        let wanted = handle.wanted_hops();
        let untold = wanted.borrow().keys().copied().collect();
        loops.spawn(follow_neighbours(wanted, facts_sender));
        let (reports_sender, mut reports) = mpsc::channel(QUEUE);
        let settings = health::Settings { seed: key[0], at_once: 512 };
        loops.spawn(health::watch(handle.targets(), reports_sender, board.clone(), clock.clone(), settings));
        let (_tell, told) = mpsc::channel(QUEUE);
        let (current, counted) = (handle.clone(), handle.clone());
        let mut flows = FlowFacts::new(counters);
        let sources = Sources {
            told,
            board,
            config: Box::new(move || current.snapshot().config.clone()),
            flows: Box::new(move || flows.since(&counted.snapshot())),
        };
        let (influence_sender, mut influences) = mpsc::channel(QUEUE);
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
            config,
            key,
            pins,
            first,
            door,
            view,
            interfaces: Interfaces::new(plane, links),
            netlink,
            facts,
            untold,
            unroutable: BTreeSet::new(),
            file,
            loops,
            store: tokio::spawn(store.run()),
            metrics,
        })
    }

    /// Attaches when the tables are filled, then keeps everything as the configuration says.
    ///
    /// # Errors
    ///
    /// The first attach failed, or a loop that must not end has ended.
    pub(super) async fn run(mut self, stop: Pin<&mut impl Future<Output = ()>>) -> anyhow::Result<End> {
        let requests = self.door.take_requests().context("two lives at once")?;
        let end = self.serve(stop, requests).await;
        self.end().await;
        end
    }

    async fn serve(
        &mut self,
        mut stop: Pin<&mut impl Future<Output = ()>>,
        mut requests: mpsc::Receiver<Request>,
    ) -> anyhow::Result<End> {
        let mut hangup = signals::hangup().context("cannot listen for signals")?;
        let mut targets = self.view.store.targets();
        let mut routes = tokio::time::interval(ROUTES);
        let mut begin: Option<Pin<Box<Sleep>>> = Some(Box::pin(sleep(HOPS)));
        let end = loop {
            if begin.is_some() && self.untold.is_empty() {
                begin = Some(Box::pin(sleep(Duration::ZERO)));
            }
            let request = tokio::select! {
                () = stop.as_mut() => break Ok(End::Stopped(self.config.clone())),
                Some(()) = futures_util::future::OptionFuture::from(begin.as_mut()) => {
                    begin = None;
                    if let Err(error) = self.begin().await {
                        break Err(error);
                    }
                    continue;
                }
                fact = self.facts.recv() => {
                    match fact {
                        Some(fact) => self.hear(fact).await,
                        None => break Err(anyhow::anyhow!("nobody watches routes and neighbours any more")),
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
                _ = hangup.recv() => None,
                () = changed(&mut self.file) => None,
                Some(request) = requests.recv() => Some(request),
            };
            match request {
                Some(Request::HandOver(reply)) => {
                    tracing::info!("another agent takes over");
                    let _ = reply.send(());
                    break Ok(End::Stopped(self.config.clone()));
                }
                Some(Request::Reload(reply)) => {
                    if let Some(end) = self.reload(Some(reply)).await {
                        break Ok(end);
                    }
                }
                None => {
                    if let Some(end) = self.reload(None).await {
                        break Ok(end);
                    }
                }
            }
        };
        self.door.give_back(requests);
        end
    }

    /// The first attach: by now the tables hold what is known.
    async fn begin(&mut self) -> anyhow::Result<()> {
        self.view.store.settled().await;
        self.interfaces.begin(&self.config, self.first)?;
        self.look().await;
        let snapshot = self.view.store.snapshot();
        tracing::info!(services = snapshot.services.len(), "ready");
        Ok(())
    }

    async fn hear(&mut self, fact: Fact) {
        match &fact {
            Fact::NextHop { address, .. } => drop(self.untold.remove(address)),
            // The message may be older than what was done to the interface since; the kernel knows better.
            Fact::Link(link) if self.config.node.interfaces.contains(&link.name) => return self.look().await,
            Fact::Link(link) => self.interfaces.hear(link),
            Fact::LinkGone(link) => {
                self.interfaces.lose(link, &self.config);
                self.view.note(self.interfaces.begun(), self.interfaces.problems());
            }
        }
        self.view.store.tell(fact).await;
    }

    /// Puts the program that sends probes through tunnels where they would leave the host.
    async fn route_probes(&mut self, targets: &[health::Target]) {
        let marked = targets.iter().filter(|target| target.mark.is_some());
        let addresses: BTreeSet<IpAddr> = marked.map(|target| target.key.to.ip()).collect();
        let mut indices = BTreeSet::new();
        self.unroutable.retain(|address| addresses.contains(address));
        for address in addresses {
            match self.netlink.route(address).await {
                Ok(route) => {
                    indices.insert(route.interface);
                    self.unroutable.remove(&address);
                }
                Err(why) if self.unroutable.insert(address) => {
                    tracing::warn!(%why, "health probes for {address} cannot leave; give this host a route to it");
                }
                Err(_) => {}
            }
        }
        self.interfaces.let_probes_leave_by(&indices);
    }

    /// Looks at the interfaces, attaches where the program is missing, and tells everybody where it is.
    async fn look(&mut self) {
        if let Err(error) = self.try_to_look().await {
            tracing::warn!(%error, "the interfaces cannot be read");
        }
        self.view.note(self.interfaces.begun(), self.interfaces.problems());
    }

    async fn try_to_look(&mut self) -> Result<(), rtnetlink::Error> {
        let mut links = self.netlink.links().await?;
        if self.interfaces.restore(&links, &self.config) {
            links = self.netlink.links().await?;
        }
        for link in self.interfaces.look(&links, &self.config) {
            self.view.store.tell(Fact::Link(link)).await;
        }
        // Whoever sees that the program is attached shall also see how.
        self.view.store.settled().await;
        Ok(())
    }

    /// Reads the configuration again; Some when it needs another life.
    async fn reload(&mut self, reply: Option<oneshot::Sender<Result<String, Refused>>>) -> Option<End> {
        let reload = Reload {
            path: &self.path,
            config: &self.config,
            key: &self.key,
            pins: &self.pins,
            links: self.interfaces.links(),
        };
        let (answer, end) = match reload.read().await {
            Err(refused) => (Err(refused), None),
            Ok(Reloaded::Same) => (Ok("nothing has changed".to_owned()), None),
            Ok(Reloaded::Live { config, metrics }) => {
                self.follow(config, metrics).await;
                (Ok("reloaded".to_owned()), None)
            }
            Ok(Reloaded::Reshaped(next)) => {
                let end = End::Reshaped(next);
                (Ok("reloaded, with tables of other sizes or another secret".to_owned()), Some(end))
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
        end
    }

    /// Takes over a configuration that this object can serve.
    async fn follow(&mut self, config: Arc<Config>, listener: Option<tokio::net::TcpListener>) {
        if self.config.metrics != config.metrics {
            end_of(self.metrics.take()).await;
            self.metrics = listener.map(|listener| tokio::spawn(metrics::serve(listener, self.view.clone())));
        }
        self.interfaces.follow(&self.config, &config);
        self.config = config.clone();
        self.look().await;
        self.view.store.tell(Event::Configured(config)).await;
        self.view.store.settled().await;
    }

    /// Ends all loops and waits for them: whoever comes next finds tables that nobody else writes.
    async fn end(mut self) {
        self.door.hide();
        end_of(self.metrics.take()).await;
        self.loops.shutdown().await;
        drop(self.view);
        if timeout(ENDING, self.store).await.is_err() {
            tracing::warn!("the tables' owner did not end in time");
        }
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

async fn follow_neighbours(
    wanted: tokio::sync::watch::Receiver<neighbours::Wanted>,
    facts: mpsc::Sender<Fact>,
) {
    while !facts.is_closed() {
        match neighbours::watch(wanted.clone(), facts.clone(), neighbours::REFRESH).await {
            Ok(()) => return,
            Err(error) => tracing::warn!("watching routes and neighbours failed, starting again: {error:#}"),
        }
        sleep(neighbours::REFRESH).await;
    }
}

async fn changed(file: &mut Option<config::Watch>) {
    match file {
        Some(file) => file.changed().await,
        None => std::future::pending().await,
    }
}
