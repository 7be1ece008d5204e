//! Many conversations at once, each kept alive, so that it shows which ones a change breaks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::{Conversation, Transport};
use crate::lab::{Namespace, Reactor};

/// How a crowd behaves.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Conversations that may be in the making at once.
    pub opening: usize,
    /// Time between two exchanges of a conversation.
    pub interval: Duration,
    /// How long an exchange may take before the conversation counts as broken.
    pub patience: Duration,
    /// How often a datagram is sent before its exchange counts as failed.
    pub datagram_tries: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            opening: 256,
            interval: Duration::from_millis(500),
            patience: Duration::from_secs(5),
            datagram_tries: 3,
        }
    }
}

/// Conversations that go on in the background until the crowd is dropped.
#[derive(Debug)]
pub struct Crowd {
    members: Arc<Vec<Mutex<Member>>>,
    _reactor: Reactor,
}

/// One conversation as the crowd knows it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Name of the origin, when one has answered.
    pub backend: Option<String>,
    /// Exchanges that succeeded.
    pub exchanges: u64,
    /// Datagrams that nobody answered in time.
    pub lost: u64,
    /// When and why the conversation ended.
    pub broken: Option<(Instant, String)>,
}

impl Crowd {
    /// Opens `count` conversations and returns when each has an origin or has failed.
    pub fn open(
        namespace: &Namespace,
        transport: Transport,
        target: SocketAddr,
        count: usize,
        pace: Pace,
    ) -> Result<Self> {
        let reactor = Reactor::start(namespace)?;
        let silent = Member { backend: None, exchanges: 0, lost: 0, broken: None };
        let members: Arc<Vec<_>> = Arc::new((0..count).map(|_| Mutex::new(silent.clone())).collect());
        let opening = Arc::new(Semaphore::new(pace.opening));
        for index in 0..count {
            let (members, opening) = (members.clone(), opening.clone());
            reactor.spawn(async move {
                let permit = opening.acquire().await.expect("the semaphore is never closed");
                let opened = Conversation::open(transport, target, pace.patience).await;
                drop(permit);
                match opened {
                    Ok(conversation) => live(conversation, transport, &members[index], pace, index).await,
                    Err(error) => lock(&members[index]).broken = Some((Instant::now(), error.to_string())),
                }
            });
        }
        let crowd = Self { members, _reactor: reactor };
        let settled = |member: &Member| member.backend.is_some() || member.broken.is_some();
        let patience = pace.patience * (count / pace.opening + 2) as u32;
        crowd.wait_for_all("opened", patience, |_, member| settled(member))?;
        Ok(crowd)
    }

    /// Waits until every conversation has made an exchange that began after the call, or is broken.
    ///
    /// # Errors
    /// When that takes longer than `patience`.
    pub fn settle(&self, patience: Duration) -> Result<()> {
        Self::settle_all([self], patience)
    }

    /// Waits for several crowds as [`settle`](Self::settle) does for one.
    ///
    /// # Errors
    /// When one takes longer than `patience`.
    pub fn settle_all<'a>(crowds: impl IntoIterator<Item = &'a Self>, patience: Duration) -> Result<()> {
        let crowds: Vec<_> = crowds.into_iter().map(|crowd| (crowd, crowd.members())).collect();
        crowds.into_iter().try_for_each(|(crowd, before)| {
            // The exchange that runs now may have been answered before; the one after it was not.
            let moved = |index: usize, member: &Member| member.exchanges >= before[index].exchanges + 2;
            let done = |index: usize, member: &Member| member.broken.is_some() || moved(index, member);
            crowd.wait_for_all("settled", patience, done)
        })
    }

    /// All conversations as they are now.
    pub fn members(&self) -> Vec<Member> {
        self.members.iter().map(|member| lock(member).clone()).collect()
    }

    /// Conversations by origin.
    pub fn spread(&self) -> BTreeMap<String, usize> {
        count_by(self.members().into_iter().filter_map(|member| member.backend))
    }

    /// Broken conversations by origin; those that never had one stand under "nobody".
    pub fn broken(&self) -> BTreeMap<String, usize> {
        let broken = self.members().into_iter().filter(|member| member.broken.is_some());
        count_by(broken.map(|member| member.backend.unwrap_or_else(|| "nobody".to_owned())))
    }

    /// Why conversations ended, with how many did for each reason.
    pub fn reasons(&self) -> BTreeMap<String, usize> {
        count_by(self.members().into_iter().filter_map(|member| Some(member.broken?.1)))
    }

    /// Datagrams that nobody answered in time.
    pub fn lost(&self) -> u64 {
        self.members.iter().map(|member| lock(member).lost).sum()
    }

    fn wait_for_all(
        &self,
        what: &str,
        patience: Duration,
        done: impl Fn(usize, &Member) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + patience;
        let mut waiting: Vec<usize> = (0..self.members.len()).collect();
        loop {
            waiting.retain(|index| !done(*index, &lock(&self.members[*index])));
            if waiting.is_empty() {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{} conversations have not {what} in {patience:?}",
                waiting.len()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

async fn live(
    mut conversation: Conversation,
    transport: Transport,
    member: &Mutex<Member>,
    pace: Pace,
    index: usize,
) {
    lock(member).backend = Some(conversation.backend.clone());
    let tries = if transport == Transport::Udp { pace.datagram_tries } else { 1 };
    // Spread over the interval, lest all speak at once.
    sleep(pace.interval * (index % 64) as u32 / 64).await;
    loop {
        let mut outcome = Ok(());
        for _ in 0..tries {
            outcome = conversation.ping(pace.patience / tries).await;
            match &outcome {
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => lock(member).lost += 1,
                _ => break,
            }
        }
        match outcome {
            Ok(()) => lock(member).exchanges += 1,
            Err(error) => {
                lock(member).broken = Some((Instant::now(), error.to_string()));
                return;
            }
        }
        sleep(pace.interval).await;
    }
}

fn lock(member: &Mutex<Member>) -> MutexGuard<'_, Member> {
    member.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count_by(names: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    names.fold(BTreeMap::new(), |mut counts, name| {
        *counts.entry(name).or_default() += 1;
        counts
    })
}
