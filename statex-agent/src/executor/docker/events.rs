//! News from the engine: what begins, ends or changes its health wakes whoever waits. Taken up again where they broke
//! off; whoever waits looks at everything anyway from time to time.

use super::Docker;
use crate::clock::Clock;
use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::sync::Weak;
use std::time::Duration;

/// How long an engine that is gone is left alone.
const AGAIN: Duration = Duration::from_secs(1);
/// How often it is looked whether somebody still has the executor.
const LOOK: Duration = Duration::from_secs(5);

/// Listens until nobody has the executor any more.
pub(super) async fn listen(docker: Weak<Docker>, clock: Clock) {
    let mut since = clock.timestamp().as_second();
    let mut there = true;
    loop {
        let Some(engine) = docker.upgrade().map(|docker| docker.engine.clone()) else { return };
        let Some(options) = docker.upgrade().map(|docker| docker.wanted(since)) else { return };
        let mut events = std::pin::pin!(engine.events(Some(options)));
        loop {
            let news = tokio::time::timeout(LOOK, events.next()).await;
            let Some(docker) = docker.upgrade() else { return };
            match news {
                Err(_) => {}
                Ok(Some(Ok(event))) => {
                    there = true;
                    since = event.time.unwrap_or(since);
                    docker.news.notify_waiters();
                }
                Ok(Some(Err(_)) | None) => {
                    if std::mem::take(&mut there) {
                        tracing::warn!(executor = docker.name, "the engine tells no more; asking again");
                        docker.news.notify_waiters();
                    }
                    break;
                }
            }
        }
        clock.sleep_until(clock.now() + AGAIN).await;
    }
}

impl Docker {
    fn wanted(&self, since: i64) -> EventsOptions {
        let list = |items: &[&str]| items.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let news = ["create", "start", "die", "oom", "destroy", "health_status", "pause", "unpause"];
        let mut filters: HashMap<String, Vec<String>> = self.service.filters();
        filters.insert("type".to_owned(), list(&["container"]));
        filters.insert("event".to_owned(), list(&news));
        EventsOptions { since: Some(since.to_string()), until: None, filters: Some(filters) }
    }
}
