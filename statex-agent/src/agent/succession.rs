//! Taking over from an agent that runs: it stops, its data plane stays, and this process goes on with it.

use std::{path::Path, time::Duration};

use anyhow::{Context, bail};

use crate::admin::client::{Client, ClientError};

/// How long the other may take to stop.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Makes an agent that listens on the socket stop, if there is one, and waits until it has.
///
/// # Errors
///
/// It does not stop.
pub(super) fn take_over(socket: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match Client::connect(socket).await {
            Err(ClientError::Absent(_) | ClientError::Dead(_)) => return Ok(()),
            Err(error) => return Err(error).context("another agent seems to run"),
            Ok(mut client) => {
                tracing::info!("another agent runs; taking over from it");
                // It may be gone before it has answered.
                if let Err(error @ ClientError::Problem(_)) = client.hand_over().await {
                    return Err(error).context("the agent that runs does not hand over");
                }
            }
        }
        // It removes the file before it stops listening, so this one's file cannot be taken for its own.
        let gone = async {
            while Client::connect(socket).await.is_ok() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        match tokio::time::timeout(PATIENCE, gone).await {
            Ok(()) => Ok(()),
            Err(_) => bail!("the agent that runs has not stopped within {} s", PATIENCE.as_secs()),
        }
    })
}
