//! News from the engine: what begins, ends or changes its health wakes whoever waits. Taken up again where they broke
//! off; whoever waits looks at everything anyway from time to time.

use super::Docker;
use super::select::{OPT_IN, PROJECT, SERVICE};
use crate::clock::Clock;
use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::time::Duration;

/// How long an engine that is gone is left alone.
const AGAIN: Duration = Duration::from_secs(1);

impl Docker {
    /// Listens until it is dropped.
    pub async fn listen(&self, clock: &Clock) {
        let mut since = clock.timestamp().as_second();
        let mut there = true;
        loop {
            let mut events = std::pin::pin!(self.engine.events(Some(self.wanted(since))));
            while let Some(Ok(event)) = events.next().await {
                there = true;
                since = event.time.unwrap_or(since);
                // Even an event that says nothing here has ended a silence.
                self.news.notify_waiters();
            }
            if std::mem::take(&mut there) {
                tracing::warn!(executor = self.name, "the engine tells no more; asking again");
                self.news.notify_waiters();
            }
            clock.sleep_until(clock.now() + AGAIN).await;
        }
    }

    fn wanted(&self, since: i64) -> EventsOptions {
        let list = |items: &[&str]| items.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let labels = vec![
            format!("{OPT_IN}=true"),
            format!("{PROJECT}={}", self.service.project),
            format!("{SERVICE}={}", self.service.service),
        ];
        let filters = HashMap::from([
            ("type".to_owned(), list(&["container"])),
            (
                "event".to_owned(),
                list(&["create", "start", "die", "oom", "destroy", "health_status", "pause", "unpause"]),
            ),
            ("label".to_owned(), labels),
        ]);
        EventsOptions { since: Some(since.to_string()), until: None, filters: Some(filters) }
    }
}
