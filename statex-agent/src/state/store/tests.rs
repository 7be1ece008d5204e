//! The loop as others see it: events in, a snapshot out.

use super::*;
use crate::health::{Report, Verdict};
use crate::kernel::neighbours::Fact;
use crate::state::fixture::{SIZES, Tables, address, config, hop, https};

/// A store that runs, with as many backends as the text has next hops for.
async fn running(tables: &Tables, text: &str, backends: u8) -> Handle {
    let clock = Clock::machine();
    let (store, handle) = Store::open(Box::new(tables.clone()), config(text), 2, clock).unwrap();
    tokio::spawn(store.run());
    for n in 1..=backends {
        assert!(handle.tell(Fact::NextHop { address: address(n), next_hop: Ok(hop(n)) }).await);
    }
    until(&handle, |snapshot| snapshot.services[0].backends.iter().all(|backend| backend.share > 0.0)).await;
    handle
}

async fn until(handle: &Handle, wanted: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let reached = async {
        loop {
            let snapshot = handle.snapshot();
            if !snapshot.services.is_empty() && wanted(&snapshot) {
                return snapshot;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.expect("the snapshot comes in time")
}

#[tokio::test]
async fn the_snapshot_says_who_gets_what_and_why_not() {
    let handle = running(&Tables::new(SIZES), &https(3), 3).await;
    let key = handle.snapshot().services[0].backends[1].health.clone().unwrap();
    handle.tell(Report { key, verdict: Verdict::Dead }).await;
    handle.drain("web-3", true).await.unwrap();
    let snapshot = until(&handle, |snapshot| snapshot.progress.behind_since.is_none()).await;
    let told: Vec<_> =
        snapshot.services[0].backends.iter().map(|b| (b.share, b.draining, b.why.as_deref())).collect();
    assert_eq!(
        told,
        [
            (1.0, false, None),
            (0.0, false, Some("its health check fails")),
            (0.0, true, Some("drained by an operator"))
        ]
    );
}

#[tokio::test]
async fn a_drain_is_done_when_it_is_answered() {
    let tables = Tables::new(SIZES);
    let handle = running(&tables, &https(2), 2).await;
    let names = handle.drain("web/web-2", true).await.unwrap();
    assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["web/web-2"]);
    crate::state::fixture::nobody_drained_is_named(&tables.fake());
    assert_eq!(handle.snapshot().services[0].backends[1].share, 0.0);
    handle.drain("web-2", false).await.unwrap();
    assert_eq!(handle.snapshot().services[0].backends[1].share, 0.5);
}

#[tokio::test]
async fn a_name_that_nobody_has_is_refused_with_those_there_are() {
    let handle = running(&Tables::new(SIZES), &https(2), 2).await;
    let error = handle.drain("web-7", true).await.unwrap_err();
    assert_eq!(error.to_string(), "no backend is called \"web-7\"; there are: web/web-1, web/web-2");
}

#[tokio::test]
async fn a_burst_is_a_few_changes() {
    let handle = running(&Tables::new(SIZES), &https(40), 40).await;
    let before = handle.snapshot().services[0].ring_changes;
    for round in 0..25 {
        for backend in &handle.snapshot().services[0].backends {
            let verdict =
                if round % 2 == 0 && backend.id != Some((1, 1)) { Verdict::Dead } else { Verdict::Alive };
            handle.tell(Report { key: backend.health.clone().unwrap(), verdict }).await;
        }
    }
    let one =
        |snapshot: &Snapshot| snapshot.services[0].backends.iter().filter(|b| b.share > 0.0).count() == 1;
    let snapshot = until(&handle, |snapshot| snapshot.progress.behind_since.is_none() && one(snapshot)).await;
    let changes = snapshot.services[0].ring_changes - before;
    assert!(changes < 100, "{changes} rings for 1,000 events");
}

#[tokio::test]
async fn probes_go_by_the_rows_that_the_backends_have() {
    let handle = running(&Tables::new(SIZES), &https(2), 2).await;
    let targets = handle.targets().borrow().clone();
    let ids: Vec<_> =
        handle.snapshot().services[0].backends.iter().map(|b| u32::from(b.id.unwrap().0)).collect();
    assert_eq!(targets.iter().map(|t| t.mark.unwrap() & 0xffff).collect::<Vec<_>>(), ids);
    assert!(targets.iter().all(|target| target.key.to == "203.0.113.1:443".parse().unwrap()));
}

#[tokio::test]
async fn a_reload_asks_for_the_ways_to_new_backends() {
    let handle = running(&Tables::new(SIZES), &https(1), 1).await;
    let mut wanted = handle.wanted_hops();
    wanted.mark_unchanged();
    handle.tell(Event::Configured(config(&https(2)))).await;
    wanted.changed().await.unwrap();
    assert!(wanted.borrow().contains_key(&address(2)));
}

#[tokio::test]
async fn what_fails_is_told_and_tried_again() {
    let tables = Tables::new(SIZES);
    let handle = running(&tables, &https(3), 3).await;
    tables.fake().failures = [true, true].into();
    handle.drain("web-1", true).await.unwrap();
    let twice =
        |snapshot: &Snapshot| snapshot.progress.failures == 2 && snapshot.progress.behind_since.is_none();
    let snapshot = until(&handle, twice).await;
    assert!(snapshot.progress.problems.is_empty());
    assert_eq!(snapshot.services[0].backends[0].share, 0.0);
}

#[tokio::test]
async fn rows_that_others_write_over_a_change_are_soon_repaired() {
    let tables = Tables::new(SIZES);
    let handle = running(&tables, &https(2), 2).await;
    let foreign = |row: &statex_common::abi::Backend| row.mtu.get() == 9;
    tables.fake().image.backends.values().for_each(|row| row.mtu.set(9));
    until(&handle, |snapshot| snapshot.progress.failures == 1 && snapshot.progress.problems.is_empty()).await;
    assert!(!tables.fake().image.backends.values().any(foreign));
}
