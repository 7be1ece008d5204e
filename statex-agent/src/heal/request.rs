//! What people ask of the healer, and what it answers.

use super::case::{Case, Phase};
use super::healer::Who;
use super::patrol::Patrol;
use super::tally::Tally;
use crate::audit::Entry;
use crate::clock::Moment;
use crate::config::Words;
use crate::health::chart::span;
use tokio::sync::oneshot;

/// A request, with who makes it where that matters.
#[derive(Debug)]
pub enum Request {
    Status(oneshot::Sender<Status>),
    /// What was decided last about a backend, and where it is on the ladder: sentences.
    Explain {
        who: Who,
        reply: oneshot::Sender<Vec<String>>,
    },
    Answer {
        id: String,
        yes: bool,
        by: String,
        reply: oneshot::Sender<Result<String, String>>,
    },
    /// Switches all healing off or on.
    Switch {
        on: bool,
        by: String,
        reply: oneshot::Sender<Result<String, String>>,
    },
    /// Closes the breaker, and lets the healer go on where a person was called.
    Resume {
        by: String,
        reply: oneshot::Sender<Result<String, String>>,
    },
}

/// How the healer is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Why nothing is done at all.
    pub killed: Option<String>,
    /// The fence under which this node acts; `None`: another one does.
    pub fence: Option<u64>,
    /// Why the breaker is open.
    pub breaker: Option<String>,
    /// What a person is asked: id, and what it is about.
    pub asked: Vec<(String, String)>,
    /// What goes on: backend, and where it is on the ladder.
    pub cases: Vec<(String, String)>,
    pub tally: Tally,
}

impl Patrol {
    pub(super) fn answer(&mut self, request: Request) {
        // Whoever asked may have gone away; so all over here.
        match request {
            Request::Status(reply) => drop(reply.send(self.status())),
            Request::Explain { who, reply } => drop(reply.send(self.explained(&who))),
            Request::Answer { id, yes, by, reply } => drop(reply.send(self.decided(&id, yes, &by))),
            Request::Switch { on, by, reply } => drop(reply.send(self.switched(on, &by))),
            Request::Resume { by, reply } => drop(reply.send(self.resumed(&by))),
        }
    }

    fn status(&self) -> Status {
        let now = self.clock.now();
        let asked = self.healer.asked().into_iter().map(|(id, (pool, backend), rung, until)| {
            (id, format!("{} of {pool}/{backend}, within {}", rung.word(), span(until.saturating_sub(now))))
        });
        let cases = self.healer.cases().map(|((pool, backend), case)| {
            (format!("{pool}/{backend}"), format!("{}: {}", case.rung.word(), phase(case, now)))
        });
        Status {
            killed: self.killed(),
            fence: self.fence(),
            breaker: self.healer.breaker.is_open().map(str::to_owned),
            asked: asked.collect(),
            cases: cases.collect(),
            tally: self.tally.clone(),
        }
    }

    fn explained(&self, who: &Who) -> Vec<String> {
        let Some(heal) = self.config.pool(&who.0).and_then(|pool| pool.heal.as_ref()) else {
            return vec!["nothing heals this pool: it has no [pool.heal]".to_owned()];
        };
        let mut says = vec![format!("the pool's mode is {}", heal.mode.word())];
        says.extend(self.killed().map(|why| format!("all healing is off: {why}")));
        if let Some(case) = self.healer.case(who) {
            says.push(format!("on rung {}: {}", case.rung.word(), phase(case, self.clock.now())));
        }
        match self.said.get(who) {
            Some((at, entry)) => {
                says.push(format!("decided last, at {at}: {}", entry.kind));
                says.extend(entry.says.iter().cloned());
            }
            None => says.push("nothing was decided about it yet".to_owned()),
        }
        says
    }

    fn decided(&mut self, id: &str, yes: bool, by: &str) -> Result<String, String> {
        let Some((pool, backend)) = self.healer.answer(id, yes, by, self.clock.now()) else {
            let asked: Vec<String> = self.healer.asked().into_iter().map(|(id, ..)| id).collect();
            let there = if asked.is_empty() { "nothing is asked now".to_owned() } else { asked.join(", ") };
            return Err(format!("nothing that is asked is called \"{id}\"; there is: {there}"));
        };
        let (kind, what) = if yes { ("approved", "approved") } else { ("rejected", "rejected") };
        self.write(Entry::new(kind, format!("{pool}/{backend}"), vec![format!("{id} was {what} by {by}")]));
        Ok(format!("{id} of {pool}/{backend} is {what}"))
    }

    fn switched(&mut self, on: bool, by: &str) -> Result<String, String> {
        let why = format!("switched off by {by}");
        self.notes.switch((!on).then_some(why.as_str())).map_err(|error| error.to_string())?;
        let (kind, says) = if on { ("on", format!("switched on by {by}")) } else { ("off", why) };
        self.write(Entry::new(kind, self.config.node.name.clone(), vec![says.clone()]));
        tracing::warn!("healing was {says}");
        Ok(format!("healing is {says}"))
    }

    fn resumed(&mut self, by: &str) -> Result<String, String> {
        self.healer.resume(self.clock.now());
        let says = format!(
            "resumed by {by}: the breaker is closed, and the ladder goes on where a person was called"
        );
        self.write(Entry::new("resumed", self.config.node.name.clone(), vec![says.clone()]));
        Ok(says)
    }
}

/// What goes on with a backend.
fn phase(case: &Case, now: Moment) -> String {
    let left = |until: Moment| span(until.saturating_sub(now));
    match &case.phase {
        _ if case.well_since.is_some() => "it is in order again".to_owned(),
        Phase::Watching { until } if *until > now => format!("waits for {}", left(*until)),
        Phase::Watching { .. } => "is held".to_owned(),
        Phase::Asked { id, .. } => format!("waits for a person ({id})"),
        Phase::Approved { by } => format!("is approved by {by}"),
        Phase::Acting => "is being done".to_owned(),
        Phase::Checking { until } => format!("has {} to help", left(*until)),
        Phase::Paged => "a person was called".to_owned(),
    }
}
