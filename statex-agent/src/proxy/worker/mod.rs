//! The threads that requests live on: one a core, each with its own sockets, runtime and connections.
//!
//! | file | |
//! |---|---|
//! | `mod.rs` | the handle of all of them: start, follow, stop |
//! | `sockets.rs` | listening sockets, bound before anything is changed |
//! | `thread.rs` | one worker: what its connections share, and what it is told |
//! | `accept.rs` | connections as they come in |
//! | `http3.rs` | requests as they come in by QUIC |

mod accept;
mod http3;
mod sockets;
mod thread;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::plan::Plan;
use super::quic;
pub(super) use accept::Entry;
pub use sockets::{BindError, Sockets};
pub(super) use thread::Worker;
use thread::{Order, work};

/// The proxy while it runs. Dropping it ends it without waiting for requests.
#[derive(Debug)]
pub struct Proxy {
    workers: Vec<(mpsc::UnboundedSender<Order>, JoinHandle<()>)>,
    plan: Arc<Plan>,
}

impl Proxy {
    /// Serves by so many workers.
    ///
    /// # Errors
    ///
    /// A thread cannot be started.
    pub fn start(workers: usize, plan: Plan, sockets: Sockets, quic: &quic::Lasting) -> io::Result<Self> {
        let plan = Arc::new(plan);
        let mut threads = Vec::new();
        for (index, sockets) in sockets.for_workers(workers).into_iter().enumerate() {
            let (plan, quic, (orders, told)) = (plan.clone(), quic.clone(), mpsc::unbounded_channel());
            let thread = std::thread::Builder::new().name(format!("proxy-{index}"));
            let thread = thread.spawn(move || {
                if let Err(error) = work(index, sockets, plan, quic, told) {
                    tracing::error!(%error, "a worker of the proxy cannot run");
                }
            })?;
            threads.push((orders, thread));
        }
        Ok(Self { workers: threads, plan })
    }

    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// What it goes by.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Requests that begin when this has ended go by this plan. `sockets`: those of the plan that are not
    /// there yet.
    pub async fn follow(&mut self, plan: Plan, sockets: Sockets) {
        self.plan = Arc::new(plan);
        let mut done = Vec::new();
        for ((orders, _), sockets) in self.workers.iter().zip(sockets.for_workers(self.workers.len())) {
            let (reply, answer) = oneshot::channel();
            if orders.send(Order::Follow { plan: self.plan.clone(), sockets, reply }).is_ok() {
                done.push(answer);
            }
        }
        for answer in done {
            // A worker that is gone serves by no plan.
            let _ = answer.await;
        }
    }

    /// Accepts no more, lets requests that run end within the deadline, and waits for them.
    pub fn stop(self, deadline: Duration) {
        for (orders, _) in &self.workers {
            let _ = orders.send(Order::Stop { deadline });
        }
        for (_, thread) in self.workers {
            let _ = thread.join();
        }
    }
}
