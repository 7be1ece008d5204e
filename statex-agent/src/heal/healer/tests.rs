//! A pool whose backends fall sick, second by second.

use super::*;
use crate::config::Heal;
use crate::executor::Condition;
use crate::executor::scripted::{ALL, replica};
use crate::heal::fixture::{chart, scene};
use proptest::prelude::*;

struct Play {
    healer: Healer,
    policy: Heal,
    charts: Vec<Chart>,
    replicas: Vec<Replica>,
    now: Moment,
    abilities: Option<Abilities>,
    said: Vec<String>,
}

fn play(backends: usize, mode: Mode) -> Play {
    Play {
        healer: Healer::default(),
        policy: Heal { mode, grace: Duration::ZERO, ..Heal::default() },
        charts: (0..backends).map(|at| chart(at, Class::Well, 0)).collect(),
        replicas: (1..=backends as u32).map(|number| replica(number, Condition::Running)).collect(),
        now: Moment::from_secs(1000),
        abilities: Some(ALL),
        said: Vec::new(),
    }
}

impl Play {
    fn set(&mut self, backend: usize, class: Class) {
        self.charts[backend] = chart(backend, class, self.now.as_secs());
    }

    fn pool<'a>(policy: &'a Heal, charts: &'a [Chart], abilities: Option<Abilities>) -> Pool<'a> {
        Pool {
            name: "web",
            policy,
            patience: Patience::default(),
            charts,
            abilities,
            unreachable: None,
            in_progress: 0,
            maintained: const { &std::collections::BTreeSet::new() },
            changed: None,
            outlook: None,
        }
    }

    /// So many seconds; actions end at once with `outcome`. Says what was decided.
    fn seconds(&mut self, seconds: u64, outcome: &Outcome) -> Vec<String> {
        let mut said = Vec::new();
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            let breaker = self.healer.breaker.is_open().map(str::to_owned);
            let scene = Scene { now: self.now, breaker: breaker.as_deref(), ..scene() };
            let pool = Self::pool(&self.policy, &self.charts, self.abilities);
            let replicas = &self.replicas;
            let place = |chart: &Chart| chart.backend[1..].parse::<usize>().unwrap();
            let decisions = self.healer.step(&scene, &pool, |chart| replicas.get(place(chart)));
            for it in decisions {
                said.push(format!("{} {} {}", it.backend, verdict_word(&it.verdict), it.rung.word()));
                if matches!(it.verdict, Verdict::Act { .. }) {
                    self.healer.done(
                        &(it.pool, it.backend),
                        outcome,
                        self.now,
                        pool.abilities,
                        pool.patience,
                    );
                }
            }
        }
        self.said.extend(said.clone());
        said
    }
}

#[test]
fn one_that_stays_down_goes_up_the_ladder_until_a_person_is_called() {
    let mut play = play(10, Mode::Act);
    play.set(0, Class::Down);
    let said = play.seconds(2000, &Outcome::Done);
    let acted: Vec<&str> = said.iter().filter(|it| !it.contains("not helped")).map(String::as_str).collect();
    assert_eq!(acted[..3], ["b0 act hook", "b0 act restart", "b0 act restart"]);
    assert!(said.len() < 20, "{said:?}");
}

#[test]
fn three_failures_of_four_open_the_breaker_and_nothing_more_is_done() {
    let mut play = play(10, Mode::Act);
    play.set(0, Class::Down);
    let said = play.seconds(2000, &Outcome::Failed);
    assert_eq!(said.iter().filter(|it| it.contains(" act ")).count(), 4);
    assert_eq!(said.last().unwrap(), "b0 page page");
    assert!(play.healer.breaker.is_open().is_some());
    play.set(1, Class::Down);
    assert_eq!(play.seconds(2000, &Outcome::Done), ["b1 hold hook"]);
}

#[test]
fn what_helped_is_said() {
    let mut play = play(10, Mode::Act);
    play.set(0, Class::Down);
    assert_eq!(play.seconds(6, &Outcome::Done), ["b0 act hook"]);
    play.set(0, Class::Well);
    assert_eq!(play.seconds(60, &Outcome::Done), ["b0 healed hook"]);
}

#[test]
fn what_fails_and_runs_is_drained_before_it_is_touched() {
    let mut play = play(10, Mode::Act);
    play.set(0, Class::Failing);
    let said = play.seconds(120, &Outcome::Done);
    assert_eq!(said[..3], ["b0 act drain", "b0 not helped drain", "b0 act hook"]);
}

#[test]
fn what_has_ended_is_started_again_within_seconds() {
    let mut play = play(10, Mode::Act);
    play.replicas[0].condition = Condition::Failed;
    play.set(0, Class::Down);
    assert_eq!(play.seconds(3, &Outcome::Done), ["b0 act restart"]);
}

#[test]
fn in_observe_the_same_is_decided_and_nothing_done() {
    let mut observing = play(10, Mode::Observe);
    observing.set(0, Class::Down);
    assert_eq!(observing.seconds(300, &Outcome::Done), ["b0 would act hook"]);
}

#[test]
fn a_person_is_asked_before_a_replica_is_touched() {
    let mut play = play(10, Mode::Approve);
    play.set(0, Class::Down);
    let said = play.seconds(60, &Outcome::Done);
    assert_eq!(said, ["b0 ask hook"]);
    let (id, ..) = play.healer.asked().remove(0);
    assert!(play.healer.answer("restart-99", true, "anna", play.now).is_none());
    assert!(play.healer.answer(&id, true, "anna", play.now).is_some());
    assert_eq!(play.seconds(1, &Outcome::Done), ["b0 act hook"]);
}

#[test]
fn a_no_holds_for_a_while() {
    let mut play = play(10, Mode::Approve);
    play.set(0, Class::Down);
    play.seconds(60, &Outcome::Done);
    let (id, ..) = play.healer.asked().remove(0);
    play.healer.answer(&id, false, "anna", play.now);
    assert_eq!(play.seconds(300, &Outcome::Done), Vec::<String>::new());
}

#[test]
fn a_correlated_failure_is_left_to_people() {
    let mut play = play(10, Mode::Act);
    (0..5).for_each(|at| play.set(at, Class::Down));
    let said = play.seconds(600, &Outcome::Done);
    assert_eq!(said.len(), 5);
    assert!(said.iter().all(|it| it.contains("hold hook")), "{said:?}");
}

#[test]
fn an_executor_that_is_away_costs_no_rung() {
    let mut play = play(10, Mode::Act);
    play.set(0, Class::Down);
    let said = play.seconds(100, &Outcome::Unreachable);
    assert!(said.iter().all(|it| it == "b0 act hook"), "{said:?}");
    assert!(play.healer.breaker.is_open().is_none());
}

#[test]
fn what_is_busy_is_never_healed() {
    let mut play = play(10, Mode::Act);
    play.set(0, Class::Saturated);
    assert_eq!(play.seconds(3600, &Outcome::Done), Vec::<String>::new());
}

#[test]
fn after_a_page_a_person_lets_it_go_on() {
    let mut play = play(10, Mode::Act);
    play.abilities = None;
    play.set(0, Class::Down);
    let said = play.seconds(600, &Outcome::Done);
    assert_eq!(said.last().unwrap(), "b0 page page");
    play.healer.resume(play.now);
    assert!(!play.seconds(600, &Outcome::Done).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whoever falls sick whenever: never more at once than the budget, and never any when too many are.
    #[test]
    fn no_action_is_beyond_the_budget(falls in prop::collection::vec((0..10usize, 0..3u8, 1..120u64), 1..40)) {
        let mut play = play(10, Mode::Act);
        for (backend, class, wait) in falls {
            play.set(backend, [Class::Well, Class::Failing, Class::Down][usize::from(class)]);
            let sick = play.charts.iter().filter(|chart| is_sick(chart)).count();
            for _ in 0..wait {
                let said = play.seconds(1, &Outcome::Done);
                let acts = said.iter().filter(|it| it.contains(" act ")).count();
                prop_assert!(acts <= 1, "{said:?}");
                prop_assert!(acts == 0 || sick <= 2, "{sick} sick, {said:?}");
                let busy = play.healer.under_way(&("web".into(), String::new()));
                prop_assert!(busy <= 1, "{busy} at once");
            }
        }
    }
}
