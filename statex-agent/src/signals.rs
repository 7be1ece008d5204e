//! What the operating system tells the process.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ends at the first SIGTERM or SIGINT after the call.
///
/// # Errors
///
/// No handler could be installed.
pub fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// SIGHUP, as often as it comes after the call.
///
/// # Errors
///
/// No handler could be installed.
pub fn hangup() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
