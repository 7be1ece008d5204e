//! All pools under watch: gathers what is told of backends, judges twice a second, and tells what follows.

use super::chart::Chart;
use super::ejection::Change;
use super::influence::Influence;
use super::ward::{Fact, Terms, Ward};
use super::{Board, Verdict};
use crate::clock::{Clock, Moment};
use crate::config::{Config, Pool};
use crate::state::key::BackendName;
use arc_swap::ArcSwap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Time between two rounds.
pub const ROUND: Duration = Duration::from_millis(500);

/// A fact and whom it is about.
#[derive(Clone, Debug)]
pub struct Told {
    pub pool: Arc<str>,
    pub backend: Arc<str>,
    pub fact: Fact,
}

/// The charts of all backends, for whoever shows or acts on them; in the order of pools and names.
#[derive(Clone, Debug, Default)]
pub struct Charts(Arc<ArcSwap<Vec<Chart>>>);

impl Charts {
    pub fn all(&self) -> Arc<Vec<Chart>> {
        self.0.load_full()
    }

    #[cfg(test)]
    pub(crate) fn put(&self, charts: Vec<Chart>) {
        self.0.store(Arc::new(charts));
    }

    pub fn of(&self, name: &BackendName) -> Option<Chart> {
        let charts = self.0.load();
        charts.iter().find(|it| *it.pool == *name.pool && *it.backend == *name.backend).cloned()
    }
}

/// The wards of all pools, and what was told to the world last.
#[derive(Debug, Default)]
pub struct Doctor {
    wards: BTreeMap<Arc<str>, Ward>,
    told: BTreeMap<BackendName, Influence>,
    /// When each probe's news were taken in.
    heard: BTreeMap<super::Key, Moment>,
}

/// What a round came to.
#[derive(Debug, Default)]
pub struct Findings {
    pub charts: Vec<Chart>,
    /// Of backends whose influence has changed.
    pub influences: Vec<(BackendName, Influence)>,
    /// By pool.
    pub changes: Vec<(Arc<str>, Change)>,
}

impl Doctor {
    /// Follows a configuration. Backends that stay keep what is known of them.
    pub fn admit(&mut self, config: &Config, now: Moment) {
        let pools: BTreeSet<&str> = config.pools.iter().map(|pool| pool.name.as_str()).collect();
        self.wards.retain(|name, _| pools.contains(&**name));
        for pool in &config.pools {
            let name: Arc<str> = pool.name.as_str().into();
            let terms = terms(pool);
            let ward = self.wards.entry(name.clone()).or_insert_with(|| Ward::new(name, terms.clone(), now));
            ward.admit(terms, &pool.backends.iter().map(|it| it.name.as_str().into()).collect(), now);
        }
        let there = |name: &BackendName| {
            config.pool(&name.pool).is_some_and(|pool| pool.backend(&name.backend).is_some())
        };
        self.told.retain(|name, _| there(name));
    }

    pub fn hear(&mut self, told: Told, now: Moment) {
        if let Some(ward) = self.wards.get_mut(&told.pool) {
            ward.hear(&told.backend, told.fact, now);
        }
    }

    /// Takes in what active probes have found since the last time. A backend that several services probe is dead when
    /// it is dead in all of them; in which of them it takes flows is the state's business.
    pub fn read(&mut self, board: &Board, now: Moment) {
        let mut backends: BTreeMap<(Arc<str>, Arc<str>), (bool, Fact)> = BTreeMap::new();
        let standings = board.all();
        self.heard.retain(|key, _| standings.iter().any(|(it, _)| it == key));
        for (key, standing) in standings {
            let Some(heard) = standing.heard else { continue };
            let fresh = self.heard.insert(key.clone(), heard) != Some(heard);
            let fact = Fact::Probe { verdict: standing.verdict, trouble: standing.trouble };
            let entry = backends.entry((key.pool, key.backend)).or_insert_with(|| (fresh, fact.clone()));
            entry.0 |= fresh;
            if standing.verdict != Verdict::Dead {
                entry.1 = fact;
            }
        }
        for ((pool, backend), (fresh, fact)) in backends {
            if fresh {
                self.hear(Told { pool, backend, fact }, now);
            }
        }
    }

    /// Judges everybody.
    pub fn round(&mut self, now: Moment) -> Findings {
        let mut findings = Findings::default();
        for (pool, ward) in &mut self.wards {
            let (charts, changes) = ward.tick(now);
            findings.charts.extend(charts);
            findings.changes.extend(changes.into_iter().map(|change| (pool.clone(), change)));
        }
        for chart in &findings.charts {
            let name = BackendName { pool: chart.pool.to_string(), backend: chart.backend.to_string() };
            let influence = Influence::of(chart);
            let before = self.told.insert(name.clone(), influence).unwrap_or_default();
            if before != influence {
                findings.influences.push((name, influence));
            }
        }
        findings
    }
}

/// What a pool's configuration says about its health.
fn terms(pool: &Pool) -> Terms {
    // Three probes that did not come are no accident.
    let probes = pool
        .health
        .as_ref()
        .map(|health| (super::diagnosis::Source::Probe, health.interval * 3 + health.timeout));
    Terms {
        rules: (&pool.outlier).into(),
        expected: probes.into_iter().collect(),
        latency: pool.outlier.latency,
    }
}

/// What the loop is given.
pub struct Sources {
    /// Facts from the proxy, executors and agent reports.
    pub told: mpsc::Receiver<Told>,
    pub board: Board,
    /// The configuration that is in force.
    pub config: Box<dyn Fn() -> Arc<Config> + Send>,
    /// What the data plane has counted since it was asked last.
    pub flows: Box<dyn FnMut() -> Vec<Told> + Send>,
}

/// Judges until nobody listens to `influences` any more.
pub async fn watch(
    mut sources: Sources,
    charts: Charts,
    influences: mpsc::Sender<Vec<(BackendName, Influence)>>,
    clock: Clock,
) {
    let mut doctor = Doctor::default();
    let mut config: Option<Arc<Config>> = None;
    let mut at = clock.now();
    loop {
        at = (at + ROUND).max(clock.now());
        clock.sleep_until(at).await;
        let now = clock.now();
        let current = (sources.config)();
        if config.as_ref().is_none_or(|config| !Arc::ptr_eq(config, &current)) {
            doctor.admit(&current, now);
            config = Some(current);
        }
        doctor.read(&sources.board, now);
        for told in (sources.flows)() {
            doctor.hear(told, now);
        }
        while let Ok(told) = sources.told.try_recv() {
            doctor.hear(told, now);
        }
        let findings = doctor.round(now);
        report(&charts.all(), &findings);
        charts.0.store(Arc::new(findings.charts));
        if !findings.influences.is_empty() && influences.send(findings.influences).await.is_err() {
            return;
        }
        if influences.is_closed() {
            return;
        }
    }
}

/// Tells the log what has changed.
fn report(before: &[Chart], findings: &Findings) {
    for chart in &findings.charts {
        let old = before.iter().find(|it| it.pool == chart.pool && it.backend == chart.backend);
        let (pool, backend) = (&*chart.pool, &*chart.backend);
        if old.is_some_and(|old| old.class != chart.class) {
            let why =
                chart.worst().map_or_else(|| "nothing speaks against it".to_owned(), ToString::to_string);
            tracing::info!(pool, backend, class = chart.class.word(), score = chart.score, why, "health");
        }
        if old.is_some_and(|old| old.is_known()) && !chart.is_known() {
            let missing: Vec<_> = chart.missing.iter().map(|(source, _)| source.word()).collect();
            tracing::warn!(
                pool,
                backend,
                missing = missing.join(", "),
                "frozen: its health is not known any more"
            );
        }
    }
    for (pool, change) in &findings.changes {
        match change {
            Change::Ejected { backend, times, .. } => tracing::info!(%pool, %backend, times, "ejected"),
            Change::OnProbation { backend } => tracing::info!(%pool, %backend, "on probation"),
            Change::Back { backend } => tracing::info!(%pool, %backend, "back"),
            Change::Opened => tracing::warn!(%pool, "most backends look sick: nobody is taken out"),
            Change::Spared { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use crate::health::facts::Outcomes;
    use crate::health::{Key, Standing, influence::Admits};
    use std::path::Path;

    fn config() -> Config {
        let backends: String = (1..=10)
            .map(|n| format!("[[pool.backend]]\nname = \"web-{n}\"\naddress = \"198.51.100.{n}\"\n"))
            .collect();
        let text = format!(
            "[node]\ninterfaces = [\"eth0\"]\n[[pool]]\nname = \"web\"\n[pool.health]\n{backends}\
             [[service]]\nname = \"s\"\naddress = \"203.0.113.1\"\nport = 80\nprotocol = \"tcp\"\npool = \"web\"\nforward = \"ipip\"\n"
        );
        parse(&text, Path::new("test.toml"), &|_| None).unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn doctor() -> Doctor {
        let mut doctor = Doctor::default();
        doctor.admit(&config(), Moment::ZERO);
        doctor
    }

    fn outcomes(backend: u32, failures: u64) -> Told {
        let outcomes = Outcomes { requests: 100, failures, ..Outcomes::default() };
        Told {
            pool: "web".into(),
            backend: format!("web-{backend}").into(),
            fact: Fact::Outcomes(Box::new(outcomes)),
        }
    }

    fn key(service: &str) -> Key {
        Key {
            to: ([203, 0, 113, 1], 80).into(),
            pool: "web".into(),
            backend: "web-1".into(),
            service: Some(service.into()),
        }
    }

    #[test]
    fn an_influence_is_told_once() {
        let mut doctor = doctor();
        let mut told = Vec::new();
        for second in 1..=5 {
            let now = Duration::from_secs(second);
            (1..=10).for_each(|n| doctor.hear(outcomes(n, if n == 3 { 40 } else { 1 }), now));
            told.extend(doctor.round(now).influences);
        }
        let out: Vec<_> = told.iter().filter(|(_, it)| it.admits == Admits::None).collect();
        assert_eq!((out.len(), out[0].0.backend.as_str()), (1, "web-3"));
    }

    #[test]
    fn a_backend_is_down_when_it_is_dead_in_all_services() {
        let (mut doctor, board) = (doctor(), Board::default());
        let stand = |service: &str, verdict| {
            let standing = Standing { verdict, heard: Some(Moment::from_secs(1)), ..Standing::default() };
            board.put(key(service), standing);
        };
        let class = |doctor: &mut Doctor| {
            let charts = doctor.round(Moment::from_secs(1)).charts;
            charts.iter().find(|chart| &*chart.backend == "web-1").unwrap().class
        };
        stand("a", Verdict::Dead);
        stand("b", Verdict::Alive);
        doctor.read(&board, Moment::from_secs(1));
        assert_eq!(class(&mut doctor), crate::health::diagnosis::Class::Well);
        let standing =
            Standing { verdict: Verdict::Dead, heard: Some(Moment::from_secs(2)), ..Standing::default() };
        board.put(key("b"), standing);
        doctor.read(&board, Moment::from_secs(2));
        assert_eq!(class(&mut doctor), crate::health::diagnosis::Class::Down);
    }

    #[test]
    fn probes_that_stop_coming_are_missed() {
        let mut doctor = doctor();
        let known = |doctor: &mut Doctor, second| {
            doctor.round(Moment::from_secs(second)).charts.iter().all(Chart::is_known)
        };
        assert!(known(&mut doctor, 6) && !known(&mut doctor, 8));
    }

    #[test]
    fn what_is_gone_from_the_configuration_is_forgotten() {
        let mut doctor = doctor();
        doctor.admit(&Config::default(), Moment::ZERO);
        assert!(doctor.round(Moment::ZERO).charts.is_empty());
    }

    #[tokio::test]
    async fn the_loop_tells_what_it_was_told() {
        let (tell, told) = mpsc::channel(64);
        let (send, mut influences) = mpsc::channel(4);
        let (charts, clock, config) = (Charts::default(), Clock::by_hand(), Arc::new(config()));
        let sources = Sources {
            told,
            board: Board::default(),
            config: Box::new(move || config.clone()),
            flows: Box::new(Vec::new),
        };
        tokio::spawn(watch(sources, charts.clone(), send, clock.clone()));
        for n in 1..=10 {
            tell.send(outcomes(n, if n == 3 { 40 } else { 1 })).await.unwrap();
        }
        let first = loop {
            clock.advance(ROUND);
            tokio::task::yield_now().await;
            if let Ok(first) = influences.try_recv() {
                break first;
            }
        };
        assert_eq!(first[0].0.backend, "web-3");
        assert_eq!(charts.all().len(), 10);
    }
}
