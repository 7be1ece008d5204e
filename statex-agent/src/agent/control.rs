//! What the control socket asks of the agent.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{
    requests,
    view::{Totals, View},
};
use crate::{
    admin::{
        api::{Control, HealOrder, Refused},
        status::{Backend, Explanation, Healing, Interface, Named, Service, Status},
    },
    config::Config,
    heal::request as heal,
    health::{Verdict, chart, doctor::Charts, influence::Admits},
    state::{key::BackendName, snapshot},
};

/// Events that wait for a slow listener.
const EVENTS: usize = 1024;

/// What the socket asks of the life that runs.
pub(super) enum Request {
    Reload(oneshot::Sender<Result<String, Refused>>),
    /// Stop, and leave the data plane to another agent.
    HandOver(oneshot::Sender<()>),
}

/// The control socket's view of the agent. It outlives lives.
pub(super) struct Door {
    /// None between two lives.
    view: ArcSwapOption<View>,
    requests: mpsc::Sender<Request>,
    /// Taken by the life that runs, and given back at its end.
    waiting: Mutex<Option<mpsc::Receiver<Request>>>,
    events: broadcast::Sender<Arc<str>>,
    totals: Arc<Totals>,
    shown: AtomicBool,
    charts: Charts,
    heal: mpsc::Sender<heal::Request>,
}

impl Door {
    /// The door, and what it will ask of healing.
    pub(super) fn new() -> (Arc<Self>, mpsc::Receiver<heal::Request>) {
        let (heal, asked) = mpsc::channel(16);
        let (requests, waiting) = mpsc::channel(16);
        let (events, _) = broadcast::channel(EVENTS);
        let (view, waiting) = (ArcSwapOption::empty(), Mutex::new(Some(waiting)));
        let door = Arc::new(Self {
            view,
            requests,
            waiting,
            events,
            totals: Arc::default(),
            shown: AtomicBool::new(false),
            charts: Charts::default(),
            heal,
        });
        (door, asked)
    }

    /// The life that runs.
    pub(super) fn view(&self) -> Option<Arc<View>> {
        self.view.load_full()
    }

    /// The configuration in force; `None` between two lives.
    pub(super) fn config(&self) -> Option<Arc<Config>> {
        self.view().map(|view| view.store.snapshot().config.clone())
    }

    /// How backends are, as the life that runs judges them.
    pub(super) fn charts(&self) -> Charts {
        self.charts.clone()
    }

    /// Asks healing for something.
    pub(super) async fn ask_heal<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> heal::Request,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.heal.send(request(reply)).await.ok()?;
        answer.await.ok()
    }

    /// Where flow events go.
    pub(super) fn listeners(&self) -> broadcast::Sender<Arc<str>> {
        self.events.clone()
    }

    pub(super) fn totals(&self) -> Arc<Totals> {
        self.totals.clone()
    }

    /// Ends the sight of a life that is ending.
    pub(super) fn hide(&self) {
        self.view.store(None);
    }

    /// Shows a life to the socket. Says whether it is the first.
    pub(super) fn show(&self, view: Arc<View>) -> bool {
        self.view.store(Some(view));
        !self.shown.swap(true, Ordering::Relaxed)
    }

    /// The requests, for the life that runs.
    pub(super) fn take_requests(&self) -> Option<mpsc::Receiver<Request>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn give_back(&self, requests: mpsc::Receiver<Request>) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(requests);
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.ok()?;
        answer.await.ok()
    }
}

fn busy() -> Refused {
    Refused::Failed("the agent is starting or stopping; ask again".to_owned())
}

impl Control for Door {
    fn status(&self) -> BoxFuture<'_, Status> {
        let view = self.view.load_full();
        Box::pin(async move {
            match view {
                Some(view) => status(&view),
                None => Status { version: env!("CARGO_PKG_VERSION").to_owned(), ..Status::default() },
            }
        })
    }

    fn drain(&self, backend: String, drain: bool) -> BoxFuture<'_, Result<String, Refused>> {
        let view = self.view.load_full();
        Box::pin(async move {
            let view = view.ok_or_else(busy)?;
            let names = view.store.drain(&backend, drain).await;
            let names = names.map_err(|unknown| Refused::Unknown(unknown.to_string()))?;
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            let what = if drain { "gets no new flows" } else { "gets new flows" };
            tracing::info!(backends = names.join(", "), "{what}");
            Ok(format!("{} {what}", names.join(", ")))
        })
    }

    fn explain(&self, backend: String) -> BoxFuture<'_, Result<Vec<Explanation>, Refused>> {
        let view = self.view.load_full();
        Box::pin(async move {
            let mut explanations = explain(&*view.ok_or_else(busy)?, &backend)?;
            for it in &mut explanations {
                let who = (it.pool.clone(), it.backend.clone());
                let healing = self.ask_heal(|reply| heal::Request::Explain { who, reply }).await;
                it.healing = healing.unwrap_or_default();
            }
            Ok(explanations)
        })
    }

    fn healing(&self) -> BoxFuture<'_, Result<Healing, Refused>> {
        Box::pin(async {
            let status = self.ask_heal(heal::Request::Status).await.ok_or_else(busy)?;
            Ok(healing(status))
        })
    }

    fn heal(&self, order: HealOrder, by: String) -> BoxFuture<'_, Result<String, Refused>> {
        Box::pin(async move {
            let request = |reply| match order {
                HealOrder::Switch(on) => heal::Request::Switch { on, by, reply },
                HealOrder::Resume => heal::Request::Resume { by, reply },
                HealOrder::Answer { id, yes } => heal::Request::Answer { id, yes, by, reply },
            };
            self.ask_heal(request).await.ok_or_else(busy)?.map_err(Refused::Unknown)
        })
    }

    fn reload(&self) -> BoxFuture<'_, Result<String, Refused>> {
        Box::pin(async move { self.ask(Request::Reload).await.unwrap_or_else(|| Err(busy())) })
    }

    fn hand_over(&self) -> BoxFuture<'_, Result<String, Refused>> {
        Box::pin(async move {
            self.ask(Request::HandOver).await.ok_or_else(busy)?;
            Ok("stopped; the data plane goes on".to_owned())
        })
    }

    fn events(&self) -> broadcast::Receiver<Arc<str>> {
        self.events.subscribe()
    }
}

/// All backends that are meant by the name.
fn explain(view: &View, name: &str) -> Result<Vec<Explanation>, Refused> {
    let charts = view.charts.all();
    let named = |chart: &chart::Chart| BackendName {
        pool: chart.pool.to_string(),
        backend: chart.backend.to_string(),
    };
    let meant = charts.iter().filter(|chart| named(chart).is_meant_by(name));
    let explanations: Vec<_> = meant.map(|chart| explanation(chart, view.now())).collect();
    if explanations.is_empty() {
        let known: Vec<_> = charts.iter().map(|chart| named(chart).to_string()).collect();
        return Err(Refused::Unknown(format!(
            "no backend is called \"{name}\"; there are: {}",
            known.join(", ")
        )));
    }
    Ok(explanations)
}

fn healing(status: heal::Status) -> Healing {
    let heal::Status { killed, fence, breaker, asked, cases, tally: _ } = status;
    let named = |(name, says): (String, String)| Named { name, says };
    Healing {
        off: killed,
        leads: fence.is_some(),
        fence,
        breaker,
        asked: asked.into_iter().map(named).collect(),
        cases: cases.into_iter().map(named).collect(),
    }
}

fn explanation(chart: &chart::Chart, now: crate::clock::Moment) -> Explanation {
    let chart::Explanation { verdict, facts, follows, would_change } = chart::explain(chart, now);
    Explanation {
        pool: chart.pool.to_string(),
        backend: chart.backend.to_string(),
        class: chart.class.word().to_owned(),
        score: chart.score,
        share: chart.share,
        verdict,
        facts,
        follows,
        would_change,
        healing: Vec::new(),
    }
}

fn status(view: &View) -> Status {
    let snapshot = view.store.snapshot();
    let progress = &snapshot.progress;
    let mut problems = view.problems();
    problems.extend(progress.problems.iter().cloned());
    let interfaces = snapshot.config.node.interfaces.iter().map(|name| {
        let link = snapshot.links.values().find(|link| link.name == *name);
        Interface {
            name: name.clone(),
            up: link.is_some_and(|link| link.up),
            attached: link.and_then(|link| link.xdp).map(|(_, mode)| mode.name().to_owned()),
        }
    });
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        interfaces: interfaces.collect(),
        services: snapshot.services.iter().map(|service| status_of(view, &snapshot, service)).collect(),
        listeners: requests::listeners(view),
        routes: requests::routes(view),
        pools: requests::pools(view, &snapshot),
        settled: view.attached() && progress.behind_since.is_none(),
        lag_seconds: view.lag(&snapshot).as_secs_f64(),
        problems,
    }
}

fn status_of(view: &View, snapshot: &snapshot::Snapshot, service: &snapshot::Service) -> Service {
    let config = snapshot.config.services.iter().find(|config| config.name == service.name);
    let counters =
        service.id.and_then(|id| view.counters.as_ref()?.service(id.into()).ok()).unwrap_or_default();
    Service {
        name: service.name.clone(),
        address: service.key.to_string(),
        mode: config.map(|config| config.forward.to_string()).unwrap_or_default(),
        new_flows: counters.new_flows.get(),
        backends: service.backends.iter().map(|backend| backend_status(view, backend)).collect(),
    }
}

fn backend_status(view: &View, backend: &snapshot::Backend) -> Backend {
    let counters =
        backend.id.and_then(|(id, _)| view.counters.as_ref()?.backend(id.into()).ok()).unwrap_or_default();
    let probed = backend.health.as_ref();
    let state = match (backend.draining, backend.verdict) {
        (false, Verdict::Alive | Verdict::Unknown) if backend.influence.admits == Admits::None => "ejected",
        (false, Verdict::Alive | Verdict::Unknown) if backend.influence.admits == Admits::One => "probation",
        (draining, verdict) => state_of(draining, verdict, probed.is_some()),
    };
    let trouble = probed.and_then(|key| view.board.get(key)).and_then(|standing| standing.trouble);
    Backend {
        name: backend.name.backend.clone(),
        address: backend.address.to_string(),
        weight: backend.weight,
        state: state.to_owned(),
        why: match (&backend.why, trouble) {
            (Some(why), Some(trouble)) => Some(format!("{why}: {trouble}")),
            (why, _) => why.clone(),
        },
        share: backend.share,
        packets: counters.packets.get(),
        bytes: counters.bytes.get(),
    }
}

/// The word for what is known of a backend.
pub(super) fn state_of(draining: bool, verdict: Verdict, is_probed: bool) -> &'static str {
    match (draining, verdict) {
        (true, _) => "draining",
        (false, Verdict::Dead) => "down",
        (false, Verdict::Alive) => "up",
        // Nobody says that it is not.
        (false, Verdict::Unknown) if !is_probed => "up",
        (false, Verdict::Unknown) => "unknown",
    }
}
