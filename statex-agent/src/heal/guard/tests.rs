//! Each check with what makes it fail.

use super::*;
use crate::executor::Condition;
use crate::executor::scripted::{ALL, replica};
use crate::heal::fixture::{chart, scene};
use crate::health::diagnosis::Source;

fn fails(scene: &Scene<'_>, pool: &Pool<'_>, replica: Option<&Replica>, rung: Rung) -> Vec<String> {
    let failed =
        checks(scene, pool, &pool.charts[0], replica, rung).into_iter().filter(|check| !check.passed);
    failed.map(|check| format!("{}: {}", check.name, check.says)).collect()
}

/// Ten backends, of which the first so many are down, all with a replica.
fn charts(down: usize) -> Vec<Chart> {
    (0..10).map(|at| chart(at, if at < down { Class::Down } else { Class::Well }, 100 * at as u64)).collect()
}

fn pool<'a>(charts: &'a [Chart], policy: &'a Heal) -> Pool<'a> {
    Pool {
        name: "web",
        policy,
        patience: crate::executor::Patience::default(),
        charts,
        abilities: Some(ALL),
        unreachable: None,
        in_progress: 0,
        maintained: const { &BTreeSet::new() },
        changed: None,
        outlook: None,
    }
}

#[test]
fn one_that_is_down_may_be_restarted() {
    let (charts, policy) = (charts(1), Heal::default());
    let replica = replica(1, Condition::Failed);
    assert_eq!(fails(&scene(), &pool(&charts, &policy), Some(&replica), Rung::Restart), Vec::<String>::new());
}

#[test]
fn the_switch_the_lease_and_the_breaker_each_stop_everything() {
    let (charts, policy) = (charts(1), Heal::default());
    let pool = pool(&charts, &policy);
    let it = replica(1, Condition::Failed);
    let stopped = |scene: Scene<'_>| fails(&scene, &pool, Some(&it), Rung::Restart);
    assert_eq!(
        stopped(Scene { killed: Some("by an operator"), ..scene() }),
        ["switch: all automation is off: by an operator"]
    );
    assert_eq!(stopped(Scene { fence: None, ..scene() }), ["lease: another node heals"]);
    assert!(
        stopped(Scene { breaker: Some("2 of 4"), ..scene() })[0]
            .starts_with("breaker: the breaker is open: 2 of 4")
    );
    assert!(stopped(Scene { other_pools_sick: vec!["api"], ..scene() })[0].contains("(api)"));
}

#[test]
fn what_is_not_known_freezes() {
    let mut charts = charts(1);
    charts[0].missing = vec![(Source::Probe, Moment::from_secs(7))];
    let policy = Heal::default();
    let it = replica(1, Condition::Failed);
    let frozen = fails(&scene(), &pool(&charts, &policy), Some(&it), Rung::Restart);
    assert_eq!(frozen, ["known: frozen, since this was not heard: health check for 7 s"]);
    let away = Pool { unreachable: Some("engine is away"), ..pool(&charts, &policy) };
    assert!(fails(&scene(), &away, Some(&it), Rung::Restart)[0].ends_with("engine is away"));
}

#[test]
fn more_than_a_fifth_is_no_single_failure() {
    let (charts, policy) = (charts(3), Heal::default());
    let failed =
        fails(&scene(), &pool(&charts, &policy), Some(&replica(1, Condition::Failed)), Rung::Restart);
    assert_eq!(failed, ["cause: 3 of 10 are sick, more than 20 %: a dependency is suspected"]);
}

#[test]
fn two_at_once_for_one_reason_have_a_cause_in_common() {
    let policy = Heal::default();
    let mut at_once = charts(2);
    at_once[1].since = at_once[0].since + Moment::from_secs(20);
    let failed =
        fails(&scene(), &pool(&at_once, &policy), Some(&replica(1, Condition::Failed)), Rung::Restart);
    assert_eq!(
        failed,
        ["cause: 2 of 10 fell sick within 30 s for the same reason: a dependency is suspected"]
    );
    let one_after_the_other = charts(2);
    assert!(
        fails(
            &scene(),
            &pool(&one_after_the_other, &policy),
            Some(&replica(1, Condition::Failed)),
            Rung::Restart
        )
        .is_empty()
    );
}

#[test]
fn one_of_a_small_pool_is_a_single_failure() {
    let (all, policy) = (charts(1), Heal::default());
    let few = Pool { charts: &all[..2], ..pool(&all, &policy) };
    assert!(fails(&scene(), &few, Some(&replica(1, Condition::Failed)), Rung::Restart).is_empty());
}

#[test]
fn what_was_started_just_now_gets_its_time() {
    let (charts, policy) = (charts(1), Heal::default());
    let pool = pool(&charts, &policy);
    let started = Some(scene().calendar - Duration::from_secs(10));
    let young = Replica { started, ..replica(1, Condition::Unhealthy) };
    assert_eq!(
        fails(&scene(), &pool, Some(&young), Rung::Restart),
        ["grace: it was started 10 s ago; it is left alone for 30 s"]
    );
    let crashed = Replica { condition: Condition::Failed, ..young };
    assert!(
        fails(&scene(), &pool, Some(&crashed), Rung::Restart).is_empty(),
        "what has ended is not waited for"
    );
}

#[test]
fn a_pool_that_was_changed_just_now_gets_its_time() {
    let (charts, policy) = (charts(1), Heal::default());
    let changed = Some(scene().now - Duration::from_secs(5));
    let pool = Pool { changed, ..pool(&charts, &policy) };
    assert!(
        fails(&scene(), &pool, Some(&replica(1, Condition::Failed)), Rung::Restart)[0]
            .starts_with("grace: the pool was changed 5 s ago")
    );
}

#[test]
fn what_somebody_works_on_is_left_to_him() {
    let (charts, policy) = (charts(1), Heal::default());
    let maintained = BTreeSet::from(["b0".to_owned()]);
    let pool = Pool { maintained: &maintained, ..pool(&charts, &policy) };
    let it = replica(1, Condition::Failed);
    assert_eq!(
        fails(&scene(), &pool, Some(&it), Rung::Restart),
        ["maintenance: somebody has drained it: it is left to him"]
    );
}

#[test]
fn databases_are_not_restarted_unless_by_name() {
    let charts = charts(1);
    let database = Replica { program: Some("postgres:16".into()), ..replica(1, Condition::Unhealthy) };
    let fails = |policy: &Heal| fails(&scene(), &pool(&charts, policy), Some(&database), Rung::Restart);
    assert_eq!(
        fails(&Heal::default()),
        ["data: it holds data (postgres): no restart unless heal.allowed names it"]
    );
    assert!(fails(&Heal { allowed: vec!["b0".into()], ..Heal::default() }).is_empty());
    assert!(fails(&Heal { stateful: Some(false), ..Heal::default() }).is_empty());
}

#[test]
fn before_a_peak_nothing_is_taken_away() {
    let mut charts = charts(0);
    charts[0] = chart(0, Class::Failing, 0);
    let policy = Heal::default();
    let outlook = |demand| Some(Outlook { demand, each: 100.0, horizon: Duration::from_secs(90) });
    let with = |demand| {
        let pool = Pool { outlook: outlook(demand), ..pool(&charts, &policy) };
        fails(&scene(), &pool, Some(&replica(1, Condition::Running)), Rung::Restart)
    };
    assert!(with(900.0).is_empty());
    assert_eq!(
        with(901.0),
        [
            "capacity: 9 others of 100 requests/s carry 900, expected are at most 901 within 1 min 30 s (nine in ten)"
        ]
    );
}

#[test]
fn the_last_that_serves_is_left_alone_and_one_that_serves_nothing_is_not() {
    let policy = Heal::default();
    let failing = [chart(0, Class::Failing, 0)];
    let it = replica(1, Condition::Running);
    assert_eq!(
        fails(&scene(), &pool(&failing, &policy), Some(&it), Rung::Restart),
        ["capacity: no forecast; 0 others serve"]
    );
    let down = [chart(0, Class::Down, 0)];
    assert!(fails(&scene(), &pool(&down, &policy), Some(&it), Rung::Restart).is_empty());
}

#[test]
fn without_an_executor_or_a_replica_nothing_can_be_restarted() {
    let (charts, policy) = (charts(1), Heal::default());
    let none = Pool { abilities: None, ..pool(&charts, &policy) };
    assert_eq!(fails(&scene(), &none, None, Rung::Restart), ["able: the pool has no executor"]);
    assert!(
        fails(&scene(), &pool(&charts, &policy), None, Rung::Restart)[0].starts_with("able: its replica")
    );
    assert!(fails(&scene(), &none, None, Rung::Drain).is_empty());
}
