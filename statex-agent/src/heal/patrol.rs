//! The loop: twice a second looks at all charts, decides, writes down, and has done what is to be done.
//!
//! What cannot be written down is not done. What is done runs beside the loop, under the fence that it was decided
//! under; its outcome comes back as a message.

use super::alert::Alerts;
use super::crew::Crew;
use super::gate::{Gate, PoolBalancer};
use super::guard::{Outlook, Pool, Scene, is_sick};
use super::healer::{Decision, Healer, Outcome, Verdict, Who};
use super::keeper::{Held, keep, lease};
use super::ladder::Rung;
use super::matching::replica_of;
use super::notes::Notes;
use super::tally::Tally;
use super::{record, request::Request};
use crate::audit::{Entry, Log};
use crate::clock::{Clock, Moment};
use crate::config::{self, Config, LeasePlace, Words};
use crate::executor::{Intent, Order, Patience, run, steps};
use crate::health::chart::Chart;
use crate::health::doctor::{Charts, ROUND, Told};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

#[cfg(test)]
mod tests;

/// How often an audit log that could not be opened is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// A pool's outlook, by the pool's name.
pub type Outlooks = Box<dyn Fn(&str) -> Option<Outlook> + Send + Sync>;

/// What the loop is given.
pub struct Sources {
    pub charts: Charts,
    /// The configuration that is in force.
    pub config: Box<dyn Fn() -> Arc<Config> + Send + Sync>,
    /// Hears of replicas.
    pub tell: mpsc::Sender<Told>,
    pub gate: Arc<dyn Gate>,
    pub requests: mpsc::Receiver<Request>,
    /// What the forecast says of a pool.
    pub outlook: Outlooks,
}

/// What became of an action.
struct Ended {
    who: Who,
    outcome: Outcome,
    entry: Entry,
}

/// Everything that is remembered.
pub(super) struct Patrol {
    pub(super) healer: Healer,
    pub(super) config: Arc<Config>,
    pub(super) crews: BTreeMap<String, Crew>,
    pub(super) notes: Notes,
    pub(super) alerts: Alerts,
    pub(super) clock: Clock,
    /// `None`: it cannot be written, and nothing is done.
    pub(super) audit: Option<Log>,
    /// The lease that is kept, and whether it is held; none while nothing is to be healed.
    lease: Option<(LeasePlace, watch::Receiver<Option<Held>>)>,
    /// The latest that was decided about each backend, and when.
    pub(super) said: BTreeMap<Who, (Timestamp, Entry)>,
    pub(super) tally: Tally,
    trouble: Option<String>,
    try_at: Moment,
    changed: BTreeMap<String, Moment>,
    orders: u64,
    ended: (mpsc::Sender<Ended>, mpsc::Receiver<Ended>),
}

/// Runs until `sources.tell` is closed.
pub async fn watch(mut sources: Sources, clock: Clock) {
    let mut patrol = Patrol::new(clock.clone());
    let mut at = clock.now();
    patrol.follow((sources.config)(), &sources.tell);
    loop {
        at = (at + ROUND).max(clock.now());
        loop {
            tokio::select! {
                () = clock.sleep_until(at) => break,
                Some(request) = sources.requests.recv() => patrol.answer(request),
                Some(ended) = patrol.ended.1.recv() => patrol.take(ended),
                () = sources.tell.closed() => return,
            }
        }
        patrol.follow((sources.config)(), &sources.tell);
        patrol.round(&sources).await;
    }
}

impl Patrol {
    fn new(clock: Clock) -> Self {
        Self {
            healer: Healer::default(),
            config: Arc::default(),
            crews: BTreeMap::new(),
            notes: Notes::default(),
            alerts: Alerts::default(),
            clock,
            audit: None,
            lease: None,
            said: BTreeMap::new(),
            tally: Tally::default(),
            trouble: None,
            try_at: Moment::ZERO,
            changed: BTreeMap::new(),
            orders: 0,
            ended: mpsc::channel(64),
        }
    }

    /// Takes a configuration over: executors that are asked for otherwise are made anew.
    fn follow(&mut self, config: Arc<Config>, tell: &mpsc::Sender<Told>) {
        if Arc::ptr_eq(&config, &self.config) {
            return;
        }
        let now = self.clock.now();
        for pool in &config.pools {
            let before = self.config.pool(&pool.name);
            if before.is_some_and(|before| before != pool) {
                self.changed.insert(pool.name.clone(), now);
            }
        }
        let wanted = |name: &String| config.pool(name).and_then(|pool| pool.workload.as_ref());
        self.crews.retain(|name, crew| wanted(name) == Some(&crew.workload));
        for pool in &config.pools {
            let Some(workload) = &pool.workload else { continue };
            if let Some(crew) = self.crews.get(&pool.name) {
                crew.follow(pool);
                continue;
            }
            match Crew::new(pool, workload, tell.clone(), self.clock.clone()) {
                Ok(crew) => drop(self.crews.insert(pool.name.clone(), crew)),
                Err(error) => tracing::warn!(pool = pool.name, %error, "nobody can touch its replicas"),
            }
        }
        let before = std::mem::replace(&mut self.config, config);
        let healing = &self.config.healing;
        if before.healing.switch != healing.switch || before.pools.is_empty() {
            self.notes = Notes::read(&healing.switch);
        }
        if before.healing.audit != healing.audit {
            (self.audit, self.trouble, self.try_at) = (None, None, Moment::ZERO);
        }
        self.keep_lease();
    }

    /// Asks for the lease while there is something to heal.
    fn keep_lease(&mut self) {
        let place = &self.config.healing.lease;
        let wanted = self.config.pools.iter().any(|pool| pool.heal.is_some());
        if !wanted || self.lease.as_ref().is_some_and(|(kept, _)| kept != place) {
            self.lease = None;
        }
        if wanted && self.lease.is_none() {
            let (send, held) = watch::channel(None);
            let lease = lease(place, &self.config.node.name);
            tokio::spawn(keep(lease, send, self.clock.clone()));
            self.lease = Some((place.clone(), held));
        }
    }

    /// Why nothing may be done at all.
    pub(super) fn killed(&self) -> Option<String> {
        self.notes.off().or_else(|| self.trouble.clone())
    }

    /// The fence under which this node may act now.
    pub(super) fn fence(&self) -> Option<u64> {
        let now = self.clock.now();
        let (_, held) = self.lease.as_ref()?;
        held.borrow().filter(|held| now < held.until).map(|held| held.fence)
    }

    async fn round(&mut self, sources: &Sources) {
        let healed: Vec<_> = self.config.pools.iter().filter(|pool| pool.heal.is_some()).cloned().collect();
        if healed.is_empty() {
            return;
        }
        self.open_audit();
        let charts = sources.charts.all();
        let drained = sources.gate.drained();
        let sick: Vec<&str> =
            healed.iter().filter(|pool| is_common(pool, &charts)).map(|it| it.name.as_str()).collect();
        for pool in &healed {
            let own: Vec<Chart> = charts.iter().filter(|chart| *chart.pool == *pool.name).cloned().collect();
            let outlook = (sources.outlook)(&pool.name);
            let decisions = self.decide(pool, &own, &sick, &drained, outlook);
            for decision in decisions {
                self.carry(decision, pool, sources, outlook);
            }
        }
        self.give_back(&sources.gate).await;
    }

    fn decide(
        &mut self,
        pool: &config::Pool,
        charts: &[Chart],
        sick: &[&str],
        drained: &BTreeSet<crate::state::key::BackendName>,
        outlook: Option<Outlook>,
    ) -> Vec<Decision> {
        let Some(policy) = &pool.heal else { return Vec::new() };
        let (killed, breaker) = (self.killed(), self.healer.breaker.is_open().map(str::to_owned));
        let scene = Scene {
            now: self.clock.now(),
            calendar: self.clock.timestamp(),
            killed: killed.as_deref(),
            fence: self.fence(),
            breaker: breaker.as_deref(),
            other_pools_sick: sick.iter().copied().filter(|name| *name != pool.name).collect(),
        };
        let crew = self.crews.get(&pool.name);
        let latest = crew.map(Crew::latest).unwrap_or_default();
        let by_others = drained.iter().filter(|name| name.pool == pool.name);
        let maintained: BTreeSet<String> = by_others
            .filter(|name| !self.notes.drained.contains(&(name.pool.clone(), name.backend.clone())))
            .map(|name| name.backend.clone())
            .collect();
        let view = Pool {
            name: &pool.name,
            policy,
            patience: crew.map_or_else(Patience::default, |crew| crew.executor.patience()),
            charts,
            abilities: crew.map(|crew| crew.executor.abilities()),
            unreachable: latest.unreachable.as_deref(),
            in_progress: 0,
            maintained: &maintained,
            changed: self.changed.get(&pool.name).copied(),
            outlook,
        };
        self.healer.step(&scene, &view, |chart| replica_of(&chart.backend, pool, &latest.observed))
    }

    /// Writes a decision down, and has it done if that is what it says.
    fn carry(
        &mut self,
        decision: Decision,
        pool: &config::Pool,
        sources: &Sources,
        outlook: Option<Outlook>,
    ) {
        let mode = pool.heal.as_ref().map_or("observe", |heal| heal.mode.word());
        let intent = intent(&decision);
        let plan = self.plan(pool, intent.as_ref());
        let subject = format!("{}/{}", decision.pool, decision.backend);
        let entry = record::entry(&decision, mode, &plan, outlook);
        let written = self.write(entry.clone());
        let who = (decision.pool.clone(), decision.backend.clone());
        self.tally.decided(&decision);
        self.said.insert(who.clone(), (self.clock.timestamp(), entry.clone()));
        match &decision.verdict {
            Verdict::Page => self.alert(&subject, &entry.says.join("; ")),
            Verdict::Hold if decision.checks.iter().any(|it| !it.passed && calls(it.name)) => {
                self.alert(&subject, &entry.says.join("; "));
            }
            Verdict::Ask { .. } => self.alert(&subject, &entry.says[0]),
            Verdict::Act { fence, .. } => {
                if !written {
                    // It was decided, and cannot be told of: it is not done.
                    return self.not_done(&who);
                }
                self.orders += 1;
                let key = format!("{}-{fence}-{}", self.config.node.name, self.orders);
                self.act(decision.rung, who, intent, Order { fence: *fence, key }, pool, sources);
            }
            _ => {}
        }
    }

    fn not_done(&mut self, who: &Who) {
        self.finish(who, &Outcome::Unreachable);
    }

    fn plan(&self, pool: &config::Pool, intent: Option<&Intent>) -> Vec<String> {
        let planned = intent
            .zip(self.crews.get(&pool.name))
            .map(|(intent, crew)| steps(&*crew.executor, intent, &crew.latest().observed));
        match planned {
            Some(Ok(steps)) => steps.iter().map(ToString::to_string).collect(),
            Some(Err(refusal)) => vec![refusal.to_string()],
            None => Vec::new(),
        }
    }

    fn act(
        &mut self,
        rung: Rung,
        who: Who,
        intent: Option<Intent>,
        order: Order,
        pool: &config::Pool,
        sources: &Sources,
    ) {
        let balancer =
            PoolBalancer::new(pool.clone(), sources.gate.clone(), sources.charts.clone(), self.clock.clone());
        if rung == Rung::Drain {
            self.notes.drain(&who);
        }
        let crew = self.crews.get(&pool.name);
        let (executor, patience) = (
            crew.map(|crew| crew.executor.clone()),
            crew.map_or_else(Patience::default, |crew| crew.executor.patience()),
        );
        let (ended, clock) = (self.ended.0.clone(), self.clock.clone());
        tokio::spawn(async move {
            let result = match (rung, executor, intent) {
                (Rung::Drain, ..) => {
                    balancer.drain_backend(&who.1, patience.drain).await;
                    Ok(vec![format!("{} gets no new flows", who.1)])
                }
                (_, Some(executor), Some(intent)) => {
                    run(&*executor, &balancer, &intent, &order, &clock).await
                }
                _ => Ok(Vec::new()),
            };
            let (outcome, entry) = match &result {
                Ok(done) => (Outcome::Done, record::outcome(&who.0, &who.1, done, None)),
                Err(failed) => {
                    let outcome = if failed.unreachable { Outcome::Unreachable } else { Outcome::Failed };
                    (outcome, record::outcome(&who.0, &who.1, &failed.done, Some(&failed.why)))
                }
            };
            // Nobody listens only when all of it ends.
            let _ = ended.send(Ended { who, outcome, entry }).await;
        });
    }

    fn take(&mut self, ended: Ended) {
        if let Some(case) = self.healer.case(&ended.who) {
            self.tally.ended(case.rung, &ended.outcome);
        }
        self.write(ended.entry);
        self.finish(&ended.who, &ended.outcome);
    }

    fn finish(&mut self, who: &Who, outcome: &Outcome) {
        let crew = self.crews.get(&who.0);
        let before = self.healer.breaker.is_open().is_some();
        let abilities = crew.map(|crew| crew.executor.abilities());
        let patience = crew.map_or_else(Patience::default, |crew| crew.executor.patience());
        self.healer.done(who, outcome, self.clock.now(), abilities, patience);
        if let (false, Some(why)) = (before, self.healer.breaker.is_open().map(str::to_owned)) {
            let says =
                vec![format!("all automation stops: {why}"), "`statex heal resume` lets it go on".to_owned()];
            self.write(Entry::new("breaker", self.config.node.name.clone(), says));
            self.alert("heal", &format!("the breaker has opened: {why}"));
        }
    }

    /// Gives those their flows back that are in order again, or that nobody heals any more.
    async fn give_back(&mut self, gate: &Arc<dyn Gate>) {
        let drained: Vec<Who> = self.notes.drained.iter().cloned().collect();
        for who in drained {
            if self.healer.case(&who).is_none_or(|case| !case.drained) {
                gate.undrain(&crate::state::key::BackendName { pool: who.0.clone(), backend: who.1.clone() })
                    .await;
                self.notes.undrain(&who);
            }
        }
    }

    fn open_audit(&mut self) {
        if self.audit.is_some() || self.clock.now() < self.try_at {
            return;
        }
        self.try_at = self.clock.now() + AGAIN;
        match Log::open(&self.config.healing.audit, &self.config.node.name, self.clock.clone()) {
            Ok(log) => (self.audit, self.trouble) = (Some(log), None),
            Err(error) => {
                self.alert("audit", &format!("nothing is healed: {error}"));
                self.trouble = Some(error.to_string());
            }
        }
    }

    /// Writes an entry; whether it is on disk.
    pub(super) fn write(&mut self, entry: Entry) -> bool {
        let Some(log) = &self.audit else { return false };
        match log.append(entry) {
            Ok(_) => true,
            Err(error) => {
                self.audit = None;
                self.try_at = self.clock.now() + AGAIN;
                self.trouble = Some(error.to_string());
                self.alert("audit", &format!("nothing is healed: {error}"));
                false
            }
        }
    }

    pub(super) fn alert(&mut self, subject: &str, text: &str) {
        self.alerts.say(subject, text, &self.config.healing.alert, &self.clock);
    }
}

/// What the executor is asked for.
fn intent(decision: &Decision) -> Option<Intent> {
    let id = decision.replica.clone()?;
    match decision.rung {
        Rung::Hook => Some(Intent::Hook { id }),
        Rung::Restart => Some(Intent::Restart { id }),
        Rung::Replace => Some(Intent::Replace { id }),
        Rung::Weight | Rung::Eject | Rung::Drain | Rung::Page => None,
    }
}

/// Whether a check that fails is a person's business at once.
fn calls(check: &str) -> bool {
    matches!(check, "cause" | "elsewhere" | "known" | "breaker")
}

/// Whether so much of a pool is sick that the cause must be elsewhere.
fn is_common(pool: &config::Pool, charts: &[Chart]) -> bool {
    let own = || charts.iter().filter(|chart| *chart.pool == *pool.name);
    let (all, sick) = (own().count(), own().filter(|chart| is_sick(chart)).count());
    let most = pool.heal.as_ref().map_or(100, |heal| heal.max_unhealthy);
    sick > (usize::from(most) * all).div_ceil(100).max(1)
}
