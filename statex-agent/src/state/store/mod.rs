//! The loop that owns the world: takes events in, brings the tables in line, tells everybody.

#[cfg(test)]
mod tests;

use super::desired::{Desired, desired};
use super::event::Event;
use super::key::BackendName;
use super::model::State;
use super::reconcile::{Extent, Outcome, Reconciler};
use super::snapshot::{Progress, Proxied, Snapshot, proxied};
use super::targets::targets;
use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::health::Target;
use crate::kernel::image::{Kernel, TableError};
use crate::kernel::neighbours::Wanted;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Events that wait while the tables are written.
const QUEUE: usize = 4096;
/// How long further events are waited for after a first one, so that a burst is one change.
const GATHER: Duration = Duration::from_millis(5);
/// How long after a change all rows are compared with what was written.
const READ_BACK: Duration = Duration::from_secs(1);
/// How often the slots of all rings are compared, too.
const VERIFY: Duration = Duration::from_secs(30);

/// The world's owner; runs by [`Store::run`].
pub struct Store {
    state: State,
    /// Computed from the state; `None` since it has changed.
    desired: Option<Arc<Desired>>,
    clock: Clock,
    /// `None` while it works on another thread.
    reconciler: Option<Reconciler>,
    inbox: mpsc::Receiver<Message>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    targets: watch::Sender<Arc<Vec<Target>>>,
    hops: watch::Sender<Wanted>,
    proxied: watch::Sender<Arc<Vec<Proxied>>>,
    progress: Progress,
    again_at: Option<Moment>,
    /// `None` until something is changed.
    read_back_at: Option<Moment>,
}

enum Message {
    Event(Event),
    Drain { text: String, drain: bool, reply: oneshot::Sender<Result<Vec<BackendName>, Unknown>> },
    Settle(oneshot::Sender<()>),
}

/// No backend has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no backend is called \"{text}\"; there are: {}", known.join(", "))]
pub struct Unknown {
    pub text: String,
    /// The names that there are.
    pub known: Vec<String>,
}

/// How the rest of the agent speaks with the [`Store`].
#[derive(Clone)]
pub struct Handle {
    inbox: mpsc::Sender<Message>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    targets: watch::Receiver<Arc<Vec<Target>>>,
    hops: watch::Receiver<Wanted>,
    proxied: watch::Receiver<Arc<Vec<Proxied>>>,
}

impl Handle {
    /// The latest picture.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Tells of an event; waits while too many are waiting. Says whether anybody listens.
    pub async fn tell(&self, event: impl Into<Event>) -> bool {
        self.inbox.send(Message::Event(event.into())).await.is_ok()
    }

    /// Drains backends, or ends that; `text` is `BACKEND` or `POOL/BACKEND`. When this returns the tables
    /// are changed.
    ///
    /// # Errors
    /// No backend is called so.
    pub async fn drain(&self, text: &str, drain: bool) -> Result<Vec<BackendName>, Unknown> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Drain { text: text.to_owned(), drain, reply };
        let gone = || Unknown { text: text.to_owned(), known: Vec::new() };
        self.inbox.send(message).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Returns when everything that was told before has been brought to the tables, as far as it could be.
    pub async fn settled(&self) {
        let (reply, answer) = oneshot::channel();
        if self.inbox.send(Message::Settle(reply)).await.is_ok() {
            // No answer means that the store has ended: nothing will settle any more.
            let _ = answer.await;
        }
    }

    /// What is to be probed; the whole list each time.
    pub fn targets(&self) -> watch::Receiver<Arc<Vec<Target>>> {
        self.targets.clone()
    }

    /// Addresses whose next hop is to be told.
    pub fn wanted_hops(&self) -> watch::Receiver<Wanted> {
        self.hops.clone()
    }

    /// What is known of the backends that the proxy speaks to.
    pub fn proxied(&self) -> watch::Receiver<Arc<Vec<Proxied>>> {
        self.proxied.clone()
    }
}

impl Store {
    /// Takes over the tables; nothing is written before [`Store::run`].
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn open(
        kernel: Box<dyn Kernel>,
        config: Arc<Config>,
        cpus: u32,
        clock: Clock,
    ) -> Result<(Self, Handle), TableError> {
        let reconciler = Reconciler::open(kernel, clock.now())?;
        let mut state = State::new(config, cpus);
        state.apply(Event::Found(reconciler.found()));
        let (sender, inbox) = mpsc::channel(QUEUE);
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let (targets, wanted_targets) = watch::channel(Arc::default());
        let (hops, wanted_hops) = watch::channel(state.wanted_hops());
        let (proxied, known_proxied) = watch::channel(Arc::default());
        let handle = Handle {
            inbox: sender,
            snapshot: snapshot.clone(),
            targets: wanted_targets,
            hops: wanted_hops,
            proxied: known_proxied,
        };
        let progress = Progress { behind_since: Some(clock.now()), ..Progress::default() };
        let reconciler = Some(reconciler);
        let store = Self {
            state,
            desired: None,
            clock,
            reconciler,
            inbox,
            snapshot,
            targets,
            hops,
            proxied,
            progress,
            again_at: None,
            read_back_at: None,
        };
        Ok((store, handle))
    }

    /// Runs until all handles are gone.
    pub async fn run(mut self) {
        let mut verify_at = self.clock.now() + VERIFY;
        self.reconcile(None).await;
        loop {
            let sooner = self.again_at.into_iter().chain(self.read_back_at);
            let wake_at = sooner.fold(verify_at, Moment::min);
            let mut replies = Vec::new();
            tokio::select! {
                message = self.inbox.recv() => {
                    let Some(message) = message else { return };
                    self.progress.behind_since.get_or_insert(self.clock.now());
                    self.take(message, &mut replies);
                    self.clock.sleep_until(self.clock.now() + GATHER).await;
                    while let Ok(message) = self.inbox.try_recv() {
                        self.take(message, &mut replies);
                    }
                }
                () = self.clock.sleep_until(wake_at) => {}
            }
            let now = self.clock.now();
            let extent = match self.read_back_at {
                _ if now >= verify_at => Some(Extent::Everything),
                Some(at) if now >= at => Some(Extent::Rows),
                _ => None,
            };
            if extent == Some(Extent::Everything) {
                verify_at = now + VERIFY;
            }
            self.reconcile(extent).await;
            replies.into_iter().for_each(|reply| reply());
        }
    }

    fn take(&mut self, message: Message, replies: &mut Vec<Reply>) {
        self.desired = None;
        match message {
            Message::Event(event) => self.state.apply(event),
            Message::Settle(reply) => replies.push(Box::new(move || {
                let _ = reply.send(());
            })),
            Message::Drain { text, drain, reply } => {
                let names = self.state.named(&text);
                if names.is_empty() {
                    let known = self.state.names().map(|name| name.to_string()).collect();
                    let _ = reply.send(Err(Unknown { text, known }));
                    return;
                }
                let intent = if drain { Event::Drain } else { Event::Undrain };
                self.state.apply(intent(names.clone()));
                // Who asked may have gone away; so below.
                replies.push(Box::new(move || drop(reply.send(Ok(names)))));
            }
        }
    }

    /// Brings the tables in line with the world, off the threads that serve others.
    async fn reconcile(&mut self, extent: Option<Extent>) {
        let Some(mut reconciler) = self.reconciler.take() else { return };
        let desired = self.desired.get_or_insert_with(|| Arc::new(desired(&self.state))).clone();
        let clock = self.clock.clone();
        let work = tokio::task::spawn_blocking(move || {
            let verified = extent.map(|extent| reconciler.verify(extent, &clock)).unwrap_or_default();
            let stepped = reconciler.step(&desired, &clock);
            (reconciler, verified, stepped)
        });
        self.read_back_at = self.read_back_at.filter(|_| extent.is_none());
        match work.await {
            Ok((reconciler, verified, stepped)) => {
                self.note(&verified, stepped);
                self.publish(&reconciler);
                self.reconciler = Some(reconciler);
            }
            Err(error) => tracing::error!(%error, "reconcile has stopped; the tables stay as they are"),
        }
    }

    fn note(&mut self, verified: &Outcome, stepped: Outcome) {
        let progress = &mut self.progress;
        progress.last = self.clock.now();
        progress.changes += stepped.changes as u64;
        if stepped.changes > 0 {
            self.read_back_at.get_or_insert(progress.last + READ_BACK);
        }
        progress.failures += u64::from(verified.failed) + u64::from(stepped.failed);
        match stepped.problems.is_empty() {
            true => progress.behind_since = None,
            false => drop(progress.behind_since.get_or_insert(progress.last)),
        }
        for problem in stepped.problems.iter().filter(|problem| !progress.problems.contains(problem)) {
            tracing::warn!(problem, "the tables are not as wanted");
        }
        progress.problems = stepped.problems;
        self.again_at = stepped.again_at;
    }

    fn publish(&self, reconciler: &Reconciler) {
        let observed = reconciler.observed();
        let wanted = targets(&self.state, |key| observed.backends.get(key).map(|placed| placed.id));
        self.targets.send_if_modified(|targets| {
            let news = **targets != wanted;
            if news {
                *targets = Arc::new(wanted);
            }
            news
        });
        let wanted = self.state.wanted_hops();
        self.hops.send_if_modified(|hops| {
            let news = *hops != wanted;
            if news {
                *hops = wanted;
            }
            news
        });
        let known = proxied(&self.state);
        self.proxied.send_if_modified(|proxied| {
            let news = **proxied != known;
            if news {
                *proxied = Arc::new(known);
            }
            news
        });
        self.snapshot.store(Arc::new(Snapshot::new(&self.state, observed, self.progress.clone())));
    }
}

/// What is said when the tables are changed.
type Reply = Box<dyn FnOnce() + Send>;
