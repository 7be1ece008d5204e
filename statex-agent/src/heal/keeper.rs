//! Keeps the lease, and tells under which fence this node may act, and until when.

use crate::clock::{Clock, Moment};
use crate::cluster::lease::etcd::EtcdLease;
use crate::cluster::lease::file::FileLease;
use crate::cluster::lease::{LIFE, Lease, RENEW};
use crate::config::LeasePlace;
use std::time::Duration;
use tokio::sync::watch;

/// Who has not heard that it holds the lease for so long acts no more: before others may think that it is gone.
const CAUTION: Duration = LIFE.saturating_sub(Duration::from_secs(2));

/// A lease that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub fence: u64,
    pub until: Moment,
}

/// The lease that the configuration asks for.
pub fn lease(place: &LeasePlace, node: &str) -> Box<dyn Lease> {
    match place {
        LeasePlace::File(path) => Box::new(FileLease::new(path)),
        LeasePlace::Etcd { endpoints, key } => Box::new(EtcdLease::new(endpoints.clone(), key, node)),
    }
}

/// Keeps it until nobody asks any more; then gives it back.
pub async fn keep(mut lease: Box<dyn Lease>, held: watch::Sender<Option<Held>>, clock: Clock) {
    let mut troubled = false;
    while !held.is_closed() {
        let asked = clock.now();
        match lease.hold().await {
            Ok(fence) => {
                troubled = false;
                let now = fence.map(|fence| Held { fence, until: asked + CAUTION });
                let was = held.send_replace(now);
                if was.map(|it| it.fence) != fence {
                    match fence {
                        Some(fence) => tracing::info!(fence, "this node heals"),
                        None if was.is_some() => tracing::warn!("the lease is lost: another node heals"),
                        None => {}
                    }
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut troubled, true) {
                    tracing::warn!(%error, "nobody here heals until it is known who holds the lease");
                }
            }
        }
        tokio::select! {
            () = clock.sleep_until(asked + RENEW) => {}
            () = held.closed() => {}
        }
    }
    lease.release().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::lease::LeaseError;
    use futures_util::future::BoxFuture;
    use std::collections::VecDeque;

    struct Scripted(VecDeque<Result<Option<u64>, LeaseError>>);

    impl Lease for Scripted {
        fn hold(&mut self) -> BoxFuture<'_, Result<Option<u64>, LeaseError>> {
            let next = self.0.pop_front().unwrap_or(Ok(None));
            Box::pin(async { next })
        }

        fn release(&mut self) -> BoxFuture<'_, ()> {
            Box::pin(async {})
        }
    }

    #[tokio::test]
    async fn who_does_not_hear_of_the_lease_any_more_has_it_for_a_little_while_only() {
        let away = || Err(LeaseError { place: "etcd".into(), why: "away".into() });
        let lease = Scripted([Ok(Some(7)), away(), away(), away(), away()].into());
        let clock = Clock::by_hand();
        let (send, held) = watch::channel(None);
        tokio::spawn(keep(Box::new(lease), send, clock.clone()));
        tokio::task::yield_now().await;
        let first = held.borrow().unwrap();
        assert_eq!((first.fence, first.until), (7, CAUTION));
        for _ in 0..4 {
            clock.advance(RENEW);
            tokio::task::yield_now().await;
        }
        assert!(held.borrow().unwrap().until < clock.now());
    }
}
