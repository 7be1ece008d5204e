//! Runs futures inside a host: sockets that they open belong to its network namespace.

use std::future::Future;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::Namespace;

/// A thread inside a namespace with a tokio runtime. Dropping it drops its tasks and so closes their sockets, as
/// the death of a process would.
#[derive(Debug)]
pub struct Reactor {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reactor {
    pub fn start(namespace: &Namespace) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let namespace = namespace.try_clone()?;
        let (ready, entered) = mpsc::channel();
        let thread = thread::spawn(move || {
            let result = namespace.enter();
            let inside = result.is_ok();
            let _ = ready.send(result);
            if inside {
                // An error says that the sender was dropped, which is a stop too.
                let _ = runtime.block_on(stopped);
            }
        });
        entered.recv()?.context("cannot enter the namespace")?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs a future on the thread and waits for what it gives.
    ///
    /// # Panics
    /// When the future does.
    pub fn wait<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel();
        self.spawn(async move {
            let _ = sender.send(future.await);
        });
        receiver.recv().expect("the future ended without a value: it panicked")
    }

    /// Starts a future on the thread; it goes on until it ends or the reactor is dropped.
    pub fn spawn<F>(&self, future: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.handle.spawn(future)
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic inside has been reported by its own thread.
            let _ = thread.join();
        }
    }
}
