//! The threads that requests live on: one a core, each with its own sockets, runtime and connections.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

use super::http::Scheme;
use super::plan::Plan;
use super::serve::{Surroundings, serve};
use super::upstream::Upstreams;

/// Connections that wait to be accepted, of one worker.
const BACKLOG: i32 = 4096;

/// The proxy while it runs. Dropping it ends it without waiting for requests.
pub struct Proxy {
    plan: Arc<ArcSwap<Plan>>,
    stopping: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
    addresses: Vec<SocketAddr>,
}

impl Proxy {
    /// Listens on `addresses`, by so many workers.
    ///
    /// # Errors
    ///
    /// An address cannot be listened on, or a thread not be started.
    pub fn start(addresses: &[SocketAddr], workers: usize, plan: Plan) -> io::Result<Self> {
        let plan = Arc::new(ArcSwap::from_pointee(plan));
        let (stopping, stop) = watch::channel(false);
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
            let (plan, stop) = (plan.clone(), stop.clone());
            let thread = std::thread::Builder::new().name(format!("proxy-{index}"));
            threads.push(thread.spawn(move || {
                if let Err(error) = work(sockets, plan, stop) {
                    tracing::error!(%error, "a worker of the proxy cannot run");
                }
            })?);
        }
        Ok(Self { plan, stopping, workers: threads, addresses: bound })
    }

    /// Where it listens, in the order that was asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Requests that begin from now on go by this plan.
    pub fn follow(&self, plan: Plan) {
        self.plan.store(Arc::new(plan));
    }

    /// Accepts no more, lets requests that run end, and waits for them.
    pub fn stop(self) {
        let _ = self.stopping.send(true);
        for worker in self.workers {
            let _ = worker.join();
        }
    }
}

/// How long requests may take to end when the proxy stops.
const ENDING: Duration = Duration::from_secs(30);

fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn work(sockets: Vec<StdListener>, plan: Arc<ArcSwap<Plan>>, stop: watch::Receiver<bool>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let upstreams = Rc::new(Upstreams::default());
        let mut listeners = JoinSet::new();
        for socket in sockets {
            let socket = TcpListener::from_std(socket)?;
            listeners.spawn_local(accept(socket, plan.clone(), upstreams.clone(), stop.clone()));
        }
        while listeners.join_next().await.is_some() {}
        Ok(())
    })
}

/// Accepts until the stop, then waits for the connections.
async fn accept(
    socket: TcpListener,
    plan: Arc<ArcSwap<Plan>>,
    upstreams: Rc<Upstreams>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            _ = stop.wait_for(|stopping| *stopping) => break,
        };
        let Ok((stream, client)) = accepted else {
            // No file descriptors are left; some will be.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (plan, upstreams, stopping) = (plan.clone(), upstreams.clone(), stop.clone());
        connections.spawn_local(async move {
            let (reader, writer) = stream.into_split();
            let client = client.ip().to_canonical();
            let around =
                Surroundings { plan: &plan, upstreams: &upstreams, client, scheme: Scheme::Http, stopping };
            serve(reader, writer, around).await;
        });
    }
    drop(socket);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(ENDING, ended).await.is_err() {
        tracing::warn!("requests that had not ended were broken off");
    }
}
