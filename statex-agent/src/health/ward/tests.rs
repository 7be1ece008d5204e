//! A pool under watch, second by second.

use super::*;
use crate::executor::Condition;
use crate::executor::scripted::replica;

struct Play {
    ward: Ward,
    now: Moment,
    charts: Vec<Chart>,
}

fn names(count: usize) -> BTreeSet<Arc<str>> {
    (0..count).map(|at| format!("b{at}").into()).collect()
}

fn play(hosts: usize, terms: Terms) -> Play {
    let mut ward = Ward::new("web".into(), terms.clone(), Moment::ZERO);
    ward.admit(terms, &names(hosts), Moment::ZERO);
    Play { ward, now: Moment::ZERO, charts: Vec::new() }
}

impl Play {
    /// A second in which everybody has a hundred requests; `b0` fails so many of them, and takes so long.
    fn second(&mut self, failures: u64, millis: u64) -> Vec<Change> {
        for name in names(self.ward.beds.len()) {
            let (failures, millis) = if &*name == "b0" { (failures, millis) } else { (1, 20) };
            let requests = match self.ward.ejections.admission(&name) {
                Admission::In => 100,
                Admission::Probation { .. } => 1,
                Admission::Out { .. } => 0,
            };
            let mut outcomes = Outcomes { requests, failures: failures.min(requests), ..Outcomes::default() };
            (0..requests).for_each(|_| outcomes.latency.add(Duration::from_millis(millis)));
            self.ward.hear(&name, Fact::Outcomes(Box::new(outcomes)), self.now);
        }
        self.tick()
    }

    fn tick(&mut self) -> Vec<Change> {
        self.now += Duration::from_secs(1);
        let (charts, changes) = self.ward.tick(self.now);
        self.charts = charts;
        changes
    }

    fn chart(&self) -> &Chart {
        &self.charts[0]
    }

    fn hear(&mut self, fact: Fact) {
        self.ward.hear("b0", fact, self.now);
    }
}

#[test]
fn the_one_that_fails_goes_out_and_comes_back_when_it_is_well() {
    let mut play = play(10, Terms::default());
    for _ in 0..10 {
        play.second(30, 20);
    }
    assert!(matches!(play.chart().admission, Admission::Out { .. }));
    assert_eq!((play.chart().class, play.chart().score < 0.4), (Class::Failing, true));
    let mut seen = Vec::new();
    for _ in 0..40 {
        seen.extend(play.second(0, 20));
    }
    assert_eq!(seen, [Change::OnProbation { backend: "b0".into() }, Change::Back { backend: "b0".into() }]);
    assert_eq!(play.chart().class, Class::Well);
    assert!(play.chart().share < 1.0, "it comes back slowly");
}

#[test]
fn without_enforcement_it_is_only_said() {
    let rules = Rules { enforce: false, ..Rules::default() };
    let mut play = play(10, Terms { rules, ..Terms::default() });
    assert_eq!(play.second(50, 20), [Change::Spared { backend: "b0".into() }]);
    assert_eq!((play.chart().admission, play.chart().class), (Admission::In, Class::Failing));
}

#[test]
fn the_slow_one_gets_less_to_do_in_small_steps() {
    let mut play = play(10, Terms { latency: true, ..Terms::default() });
    for _ in 0..21 {
        play.second(1, 100);
    }
    assert_eq!(play.chart().class, Class::Slow);
    let mut before = play.chart().share;
    for _ in 0..8 {
        play.second(1, 100);
        assert!(before - play.chart().share <= DOWN + 1e-9);
        before = play.chart().share;
    }
    assert!((0.15..0.3).contains(&before), "about a fifth, as it takes five times as long: {before}");
}

#[test]
fn busy_is_told_and_never_taken_out() {
    let mut play = play(3, Terms::default());
    let word = Word { load: Some(0.97), ..Word::default() };
    play.hear(Fact::Word(word));
    assert_eq!(play.tick(), []);
    let chart = play.chart();
    assert_eq!(
        (chart.class, chart.admission, chart.may_heal(play.now)),
        (Class::Saturated, Admission::In, false)
    );
    assert!(chart.score >= 0.7);
}

#[test]
fn what_is_missing_keeps_the_last_verdict() {
    let expected = vec![(Source::Probe, Duration::from_secs(3))];
    let mut play = play(3, Terms { expected, ..Terms::default() });
    play.hear(Fact::Probe { verdict: Verdict::Dead, trouble: Some("refused".into()) });
    for _ in 0..100 {
        play.tick();
    }
    assert_eq!((play.chart().class, play.chart().is_known()), (Class::Down, false));
    play.hear(Fact::Probe { verdict: Verdict::Alive, trouble: None });
    play.tick();
    assert_eq!((play.chart().class, play.chart().is_known()), (Class::Well, true));
}

#[test]
fn a_wish_shuts_at_once_and_what_comes_back_comes_slowly() {
    let mut play = play(3, Terms::default());
    let wish = |wish| Fact::Word(Word { wish: Some(wish), reason: Some("backup".into()), ..Word::default() });
    play.hear(wish(Wish::Maintain));
    play.tick();
    assert_eq!(play.chart().shut.as_deref(), Some("it is being worked on (backup)"));
    play.hear(wish(Wish::Ready));
    play.tick();
    assert_eq!((play.chart().shut.as_ref(), play.chart().share < 0.2), (None, true));
}

#[test]
fn what_its_runtime_calls_dead_is_shut() {
    let mut play = play(3, Terms::default());
    play.hear(Fact::Replica(Box::new(replica(1, Condition::Failed))));
    play.tick();
    assert_eq!((play.chart().class, play.chart().shut.is_some()), (Class::Down, true));
}

#[test]
fn a_backend_that_swallows_flows_goes_out() {
    let mut play = play(3, Terms::default());
    let flows = |returned| Fact::Flows(Flows { opened: 5, sent: 5, returned: Some(returned) });
    for _ in 0..4 {
        play.hear(flows(0));
        play.tick();
    }
    assert!(matches!(play.chart().admission, Admission::Out { .. }));
    assert_eq!(play.chart().worst().unwrap().source, Source::Flows);
}

#[test]
fn when_all_fail_nobody_goes() {
    let mut play = play(4, Terms::default());
    for _ in 0..5 {
        for name in names(4) {
            let outcomes = Outcomes { requests: 100, failures: 100, streak: 100, ..Outcomes::default() };
            play.ward.hear(&name, Fact::Outcomes(Box::new(outcomes)), play.now);
        }
        play.tick();
    }
    assert!(play.charts.iter().all(|chart| chart.admission == Admission::In));
    assert!(play.ward.sick_part() > 0.9 && play.ward.is_open());
}
