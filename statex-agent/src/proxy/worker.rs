//! The threads that requests live on: one a core, each with its own sockets, runtime and connections.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinSet, LocalSet, spawn_local};

use super::deadline::Deadlines;
use super::edge::Client;
use super::files;
use super::http::{Response, Scheme};
use super::plan::Plan;
use super::serve::{Desk, serve};
use super::spare::Spare;
use super::upstream::Upstreams;
use crate::clock::Clock;

/// Connections that wait to be accepted, of one worker.
const BACKLOG: i32 = 4096;

/// How long requests may take to end when the proxy stops.
const ENDING: Duration = Duration::from_secs(30);

/// How often files are forgotten that nobody asks for.
const SWEEP: Duration = Duration::from_secs(10);

/// The proxy while it runs. Dropping it ends it without waiting for requests.
pub struct Proxy {
    workers: Vec<(mpsc::UnboundedSender<Order>, JoinHandle<()>)>,
    addresses: Vec<SocketAddr>,
}

/// What a worker is told.
enum Order {
    Follow(Arc<Plan>, oneshot::Sender<()>),
    Stop,
}

impl Proxy {
    /// Listens on `addresses`, by so many workers.
    ///
    /// # Errors
    ///
    /// An address cannot be listened on, or a thread not be started.
    pub fn start(addresses: &[SocketAddr], workers: usize, plan: Plan) -> io::Result<Self> {
        let plan = Arc::new(plan);
        let mut bound = addresses.to_vec();
        let mut threads = Vec::new();
        for index in 0..workers.max(1) {
            let mut sockets = Vec::new();
            for address in &mut bound {
                let socket = listen(*address)?;
                // The first worker is given a port where none was named; the others share it.
                *address = socket.local_addr()?;
                sockets.push(socket);
            }
            let (plan, (orders, told)) = (plan.clone(), mpsc::unbounded_channel());
            let thread = std::thread::Builder::new().name(format!("proxy-{index}"));
            let thread = thread.spawn(move || {
                if let Err(error) = work(sockets, plan, told) {
                    tracing::error!(%error, "a worker of the proxy cannot run");
                }
            })?;
            threads.push((orders, thread));
        }
        Ok(Self { workers: threads, addresses: bound })
    }

    /// Where it listens, in the order that was asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Requests that begin when this has ended go by this plan.
    pub async fn follow(&self, plan: Plan) {
        let plan = Arc::new(plan);
        let mut done = Vec::new();
        for (orders, _) in &self.workers {
            let (reply, answer) = oneshot::channel();
            if orders.send(Order::Follow(plan.clone(), reply)).is_ok() {
                done.push(answer);
            }
        }
        for answer in done {
            // A worker that is gone serves by no plan.
            let _ = answer.await;
        }
    }

    /// Accepts no more, lets requests that run end, and waits for them.
    pub fn stop(self) {
        for (orders, _) in &self.workers {
            let _ = orders.send(Order::Stop);
        }
        for (_, thread) in self.workers {
            let _ = thread.join();
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A plan, counted by one thread alone: a count that all workers shared would cost each of them a cache line
/// with every request.
#[derive(Debug)]
pub(super) struct Current(Arc<Plan>);

impl Deref for Current {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0
    }
}

/// What all connections of a worker share. Its thread alone sees it.
#[derive(Debug)]
pub(super) struct Worker {
    plan: RefCell<Rc<Current>>,
    pub(super) upstreams: Upstreams,
    pub(super) files: files::Cache,
    pub(super) clock: Clock,
    pub(super) deadlines: Rc<Deadlines>,
    pub(super) desks: Spare<Box<Desk>>,
    pub(super) responses: Spare<Box<Response>>,
    stopping: Cell<bool>,
    /// Connections that are open, and who is told when one has ended.
    open: Cell<usize>,
    ended: Notify,
}

impl Worker {
    fn new(plan: Arc<Plan>) -> Rc<Self> {
        Rc::new(Self {
            plan: RefCell::new(Rc::new(Current(plan))),
            upstreams: Upstreams::default(),
            files: files::Cache::new(files::Limits::default()),
            clock: Clock::machine(),
            deadlines: Rc::default(),
            desks: Spare::default(),
            responses: Spare::default(),
            stopping: Cell::new(false),
            open: Cell::new(0),
            ended: Notify::new(),
        })
    }

    /// What a request that begins now goes by.
    pub(super) fn plan(&self) -> Rc<Current> {
        self.plan.borrow().clone()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }
}

fn work(
    sockets: Vec<StdListener>,
    plan: Arc<Plan>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let worker = Worker::new(plan);
        let deadlines = worker.deadlines.clone();
        let _ticking = spawn_local(async move { deadlines.run().await });
        let _sweeping = spawn_local(sweep(worker.clone()));
        let mut listeners = JoinSet::new();
        for socket in sockets {
            listeners.spawn_local(accept(TcpListener::from_std(socket)?, worker.clone()));
        }
        while let Some(Order::Follow(plan, reply)) = orders.recv().await {
            *worker.plan.borrow_mut() = Rc::new(Current(plan));
            let _ = reply.send(());
        }
        listeners.shutdown().await;
        worker.stopping.set(true);
        worker.deadlines.wake_all();
        let ended = async {
            while worker.open.get() > 0 {
                worker.ended.notified().await;
            }
        };
        if tokio::time::timeout(ENDING, ended).await.is_err() {
            tracing::warn!(connections = worker.open.get(), "requests that had not ended were broken off");
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

/// Accepts for ever.
async fn accept(socket: TcpListener, worker: Rc<Worker>) {
    loop {
        match socket.accept().await {
            Ok((stream, client)) => {
                let _ = stream.set_nodelay(true);
                spawn_local(connection(stream, Client::new(client.ip(), Scheme::Http), worker.clone()));
            }
            // No file descriptors are left; some will be.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connection(stream: TcpStream, client: Client, worker: Rc<Worker>) {
    worker.open.set(worker.open.get() + 1);
    serve(stream, &client, &worker).await;
    worker.open.set(worker.open.get() - 1);
    worker.ended.notify_one();
}
