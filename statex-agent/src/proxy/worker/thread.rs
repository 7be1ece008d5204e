//! One worker: what its connections share, and what it is told.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};

use super::accept::{self, Entry, accept};
use super::http3;
use super::sockets::{Bound, Door, Socket, doors};
use crate::clock::Clock;
use crate::proxy::dates::Dates;
use crate::proxy::deadline::Deadlines;
use crate::proxy::files;
use crate::proxy::http::Response;
use crate::proxy::plan::{Listener, Plan};
use crate::proxy::quic;
use crate::proxy::serve::Desk;
use crate::proxy::spare::Spare;
use crate::proxy::tls::Buffers;
use crate::proxy::upstream::Upstreams;

/// How often files are forgotten that nobody asks for.
const SWEEP: Duration = Duration::from_secs(10);

/// How long connections may take to tell their clients that they are broken off.
const FAREWELL: Duration = Duration::from_millis(20);

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Order {
    Follow { plan: Arc<Plan>, sockets: Vec<Bound>, reply: oneshot::Sender<()> },
    Stop { deadline: Duration },
}

/// A plan, counted by one thread alone: a count that all workers shared would cost each of them a cache line
/// with every request.
#[derive(Debug)]
pub(in crate::proxy) struct Current(Arc<Plan>);

impl Deref for Current {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0
    }
}

/// What all connections of a worker share. Its thread alone sees it.
#[derive(Debug)]
pub(in crate::proxy) struct Worker {
    /// Counted from 0.
    pub(in crate::proxy) index: usize,
    plan: RefCell<Rc<Current>>,
    pub(in crate::proxy) upstreams: Upstreams,
    pub(in crate::proxy) files: files::Cache,
    pub(in crate::proxy) clock: Clock,
    pub(in crate::proxy) deadlines: Rc<Deadlines>,
    pub(in crate::proxy) dates: Dates,
    /// Of connections over TLS.
    pub(in crate::proxy) buffers: Rc<Buffers>,
    pub(in crate::proxy) desks: Spare<Box<Desk>>,
    pub(in crate::proxy) responses: Spare<Box<Response>>,
    turn: Cell<u32>,
    stopping: Cell<bool>,
    /// What has not ended by now is broken off.
    breaking: Cell<bool>,
    /// Connections that are open, and who is told when one has ended.
    pub(super) open: Cell<usize>,
    pub(super) ended: Notify,
}

impl Worker {
    fn new(index: usize, plan: Arc<Plan>) -> Rc<Self> {
        let clock = Clock::machine();
        Rc::new(Self {
            index,
            plan: RefCell::new(Rc::new(Current(plan))),
            upstreams: Upstreams::default(),
            files: files::Cache::new(files::Limits::default()),
            deadlines: Rc::default(),
            dates: Dates::new(clock.clone()),
            clock,
            buffers: Rc::default(),
            desks: Spare::default(),
            responses: Spare::default(),
            turn: Cell::new(0),
            stopping: Cell::new(false),
            breaking: Cell::new(false),
            open: Cell::new(0),
            ended: Notify::new(),
        })
    }

    /// What a request that begins now goes by.
    pub(in crate::proxy) fn plan(&self) -> Rc<Current> {
        self.plan.borrow().clone()
    }

    pub(in crate::proxy) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    pub(in crate::proxy) fn is_breaking(&self) -> bool {
        self.breaking.get()
    }

    /// Numbers from 0 to below `end`, each in its turn, as far from one another as can be: multiples of the
    /// golden ratio (Knuth, volume 3, §6.4).
    pub(in crate::proxy) fn turn(&self, end: u32) -> u32 {
        let turn = self.turn.get().wrapping_add(0x9e37_79b9);
        self.turn.set(turn);
        ((u64::from(turn) * u64::from(end)) >> 32) as u32
    }
}

/// Serves until it is told to stop.
pub(super) fn work(
    index: usize,
    sockets: Vec<Bound>,
    plan: Arc<Plan>,
    quic: quic::Lasting,
    mut orders: mpsc::UnboundedReceiver<Order>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let worker = Worker::new(index, plan.clone());
        let ticking = worker.clone();
        let _ticking = spawn_local(async move { ticking.deadlines.run(|| ticking.dates.look()).await });
        let _sweeping = spawn_local(sweep(worker.clone()));
        let mut doors = Doors { worker: worker.clone(), quic, entries: Vec::new(), open: Vec::new() };
        doors.follow(&plan, sockets)?;
        drop(plan);
        let deadline = loop {
            match orders.recv().await {
                Some(Order::Follow { plan, sockets, reply }) => {
                    *worker.plan.borrow_mut() = Rc::new(Current(plan.clone()));
                    if let Err(error) = doors.follow(&plan, sockets) {
                        tracing::error!(%error, "a socket of the proxy cannot be used");
                    }
                    let _ = reply.send(());
                }
                Some(Order::Stop { deadline }) => break deadline,
                // Nobody cares any more.
                None => break Duration::ZERO,
            }
        };
        drop(doors);
        worker.stopping.set(true);
        worker.deadlines.wake_all();
        let ended = async {
            while worker.open.get() > 0 {
                worker.ended.notified().await;
            }
        };
        if tokio::time::timeout(deadline, ended).await.is_err() {
            tracing::warn!(connections = worker.open.get(), "requests that had not ended were broken off");
            worker.breaking.set(true);
            worker.deadlines.wake_all();
            tokio::time::sleep(FAREWELL).await;
        }
        Ok(())
    })
}

/// Forgets files that nobody asks for, for ever.
async fn sweep(worker: Rc<Worker>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        worker.files.sweep(worker.deadlines.now());
    }
}

/// Listening sockets and the listeners that they belong to.
struct Doors {
    worker: Rc<Worker>,
    quic: quic::Lasting,
    entries: Vec<Rc<Entry>>,
    open: Vec<(Door, Open)>,
}

/// What comes in by a socket. Dropped, it ends gracefully.
enum Open {
    Tcp(accept::Open),
    Quic(http3::Open),
}

impl Open {
    /// What comes from now on belongs to this listener.
    fn lead_to(&self, entry: Rc<Entry>) {
        match self {
            Self::Tcp(open) => open.lead_to(entry),
            Self::Quic(open) => open.lead_to(entry),
        }
    }
}

impl Doors {
    /// Opens new sockets, closes those that the plan has no more, and leaves the others alone.
    fn follow(&mut self, plan: &Plan, sockets: Vec<Bound>) -> io::Result<()> {
        let mut entries = Vec::new();
        for (index, listener) in plan.listeners.iter().enumerate() {
            let known = self.entries.iter().find(|entry| entry.name == listener.meant.name).cloned();
            let entry = known.unwrap_or_else(|| Rc::new(Entry::new(&listener.meant.name)));
            entry.index.set(index);
            entries.push(entry);
        }
        for entry in &self.entries {
            entry.leaving.set(!entries.iter().any(|stays| Rc::ptr_eq(stays, entry)));
        }
        self.entries = entries;
        let wanted: Vec<Door> = doors(plan).collect();
        self.open.retain(|(door, _)| wanted.contains(door));
        for Bound { door, socket } in sockets {
            let Some(entry) = self.entry_of(plan, door) else { continue };
            let worker = self.worker.clone();
            let open = match socket {
                Socket::Tcp(socket) => Open::Tcp(accept(socket, entry, worker)?),
                Socket::Quic { socket, slot } => {
                    Open::Quic(http3::open(socket, self.quic.identity(slot), entry, worker)?)
                }
            };
            self.open.push((door, open));
        }
        for (door, open) in &self.open {
            if let Some(entry) = self.entry_of(plan, *door) {
                open.lead_to(entry);
            }
        }
        // Connections of listeners that are gone shall notice.
        self.worker.deadlines.wake_all();
        Ok(())
    }

    fn entry_of(&self, plan: &Plan, door: Door) -> Option<Rc<Entry>> {
        let has = |listener: &Listener| listener.meant.listen.contains(&door.address);
        let index = plan.listeners.iter().position(has)?;
        self.entries.get(index).cloned()
    }
}
