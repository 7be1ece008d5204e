//! The loop with processes that are really started and restarted, in time that goes fifty times as fast.

use super::*;
use crate::audit::verify;
use crate::config::parse;
use crate::heal::fixture::chart;
use crate::heal::request::Status;
use crate::health::diagnosis::Class;
use crate::state::key::BackendName;
use futures_util::future::BoxFuture;
use std::path::Path;
use std::sync::Mutex;
use tokio::sync::oneshot;

/// Notes who is drained.
#[derive(Default)]
struct Doors(Mutex<(BTreeSet<BackendName>, Vec<String>)>);

impl Gate for Doors {
    fn drain<'a>(&'a self, backend: &'a BackendName) -> BoxFuture<'a, ()> {
        let mut doors = self.0.lock().unwrap();
        doors.0.insert(backend.clone());
        doors.1.push(format!("drain {backend}"));
        Box::pin(async {})
    }

    fn undrain<'a>(&'a self, backend: &'a BackendName) -> BoxFuture<'a, ()> {
        let mut doors = self.0.lock().unwrap();
        doors.0.remove(backend);
        doors.1.push(format!("undrain {backend}"));
        Box::pin(async {})
    }

    fn drained(&self) -> BTreeSet<BackendName> {
        self.0.lock().unwrap().0.clone()
    }
}

struct Play {
    folder: tempfile::TempDir,
    charts: Charts,
    doors: Arc<Doors>,
    requests: mpsc::Sender<Request>,
    _facts: mpsc::Receiver<Told>,
}

/// Two backends `b0` and `b1`, each a process that sleeps.
fn play(mode: &str, audit: Option<&str>) -> Play {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let audit = audit.map_or_else(|| at("audit.log"), str::to_owned);
    let text = format!(
        "[node]\ninterfaces = [\"eth0\"]\nname = \"n1\"\n\
         [heal]\naudit = \"{audit}\"\nswitch = \"{}\"\nlease = \"{}\"\n\
         [[pool]]\nname = \"web\"\nhealth = {{ kind = \"none\" }}\n\
         backend = [{{ name = \"web-1\", address = \"10.0.0.1\" }}, {{ name = \"web-2\", address = \"10.0.0.2\" }}]\n\
         [pool.workload]\nexecutor = \"process\"\ncommand = [\"/bin/sleep\", \"1000\"]\nreplicas = 2\nstop_within = \"1s\"\n\
         [pool.heal]\nmode = \"{mode}\"\ngrace = \"0s\"\n",
        at("heal.off"),
        at("heal.lease"),
    );
    let config = parse(&text, Path::new("test.toml"), &|_| None).unwrap_or_else(|errors| panic!("{errors}"));
    let (charts, doors, clock) = (Charts::default(), Arc::<Doors>::default(), Clock::by_hand());
    let (tell, facts) = mpsc::channel(1024);
    let (requests, waiting) = mpsc::channel(4);
    let config = Arc::new(config);
    let sources = Sources {
        charts: charts.clone(),
        config: Box::new(move || config.clone()),
        tell,
        gate: doors.clone(),
        requests: waiting,
        outlook: Box::new(|_| None),
    };
    tokio::spawn(watch(sources, clock.clone()));
    tokio::spawn(async move {
        loop {
            clock.advance(Duration::from_millis(50));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    Play { folder, charts, doors, requests, _facts: facts }
}

impl Play {
    fn show(&self, classes: [Class; 2]) {
        let named = |(at, class): (usize, Class)| Chart {
            backend: format!("web-{}", at + 1).into(),
            ..chart(at, class, 0)
        };
        self.charts.put(classes.into_iter().enumerate().map(named).collect());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("audit.log")).unwrap_or_default()
    }

    fn kinds(&self) -> Vec<String> {
        let kind = |line: &str| serde_json::from_str::<crate::audit::Sealed>(line).unwrap().entry.kind;
        self.log().lines().map(kind).collect()
    }

    async fn until(&self, so: impl Fn(&Self) -> bool) {
        for _ in 0..5000 {
            if so(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("the log says {}", self.log());
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> T {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.unwrap();
        answer.await.unwrap()
    }

    async fn status(&self) -> Status {
        self.ask(Request::Status).await
    }
}

#[tokio::test]
async fn what_is_down_is_restarted_and_written_down_from_decision_to_outcome() {
    let play = play("act", None);
    play.show([Class::Down, Class::Well]);
    play.until(|it| it.kinds().contains(&"act".to_owned())).await;
    play.show([Class::Well, Class::Well]);
    play.until(|it| it.log().contains("done: restart web-1")).await;
    play.until(|it| it.kinds().contains(&"healed".to_owned())).await;
    assert_eq!(play.kinds(), ["act", "done", "healed"]);
    let log = play.log();
    assert_eq!(verify(log.lines(), None).unwrap().entries, 3);
    let budget = "budget yes: the budget allows 10 % of 2, rounded up: 1, less 0 in progress";
    assert!(log.contains(budget) && log.contains("step: restart web-1"), "{log}");
    assert_eq!(play.doors.0.lock().unwrap().1, ["drain web/web-1", "undrain web/web-1"]);
}

#[tokio::test]
async fn in_observe_the_steps_are_said_and_nothing_is_touched() {
    let play = play("observe", None);
    play.show([Class::Down, Class::Well]);
    play.until(|it| !it.kinds().is_empty()).await;
    assert_eq!(play.kinds(), ["would-act"]);
    assert!(play.log().contains("step: restart web-1"));
    assert!(play.doors.0.lock().unwrap().1.is_empty());
}

#[tokio::test]
async fn a_person_says_yes_and_is_named() {
    let play = play("approve", None);
    play.show([Class::Down, Class::Well]);
    play.until(|it| it.kinds().contains(&"ask".to_owned())).await;
    let (id, what) = play.status().await.asked.remove(0);
    assert!(what.starts_with("restart of web/web-1"), "{what}");
    let answer = |id: String| play.ask(|reply| Request::Answer { id, yes: true, by: "anna".into(), reply });
    assert!(answer("restart-77".into()).await.unwrap_err().contains(&id));
    answer(id).await.unwrap();
    play.until(|it| it.log().contains("approved by anna, under fence 1")).await;
}

#[tokio::test]
async fn switched_off_nothing_is_done_until_it_is_on_again() {
    let play = play("act", None);
    let switch = |on| play.ask(move |reply| Request::Switch { on, by: "anna".into(), reply });
    play.show([Class::Well, Class::Well]);
    switch(false).await.unwrap();
    play.show([Class::Down, Class::Well]);
    play.until(|it| it.kinds().contains(&"hold".to_owned())).await;
    assert_eq!(play.status().await.killed.as_deref(), Some("switched off by anna"));
    assert!(!play.kinds().contains(&"act".to_owned()));
    switch(true).await.unwrap();
    play.until(|it| it.kinds().contains(&"act".to_owned())).await;
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let play = play("act", Some("/proc/nothing/audit.log"));
    play.show([Class::Down, Class::Well]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(play.doors.0.lock().unwrap().1.is_empty());
    assert!(play.status().await.killed.unwrap().contains("audit log"));
}

#[tokio::test]
async fn all_at_once_is_left_to_people() {
    let play = play("act", None);
    play.show([Class::Down, Class::Down]);
    play.until(|it| it.kinds().len() >= 2).await;
    assert_eq!(play.kinds(), ["hold", "hold"]);
    assert!(play.log().contains("cause NO: 2 of 2 are sick"));
}
