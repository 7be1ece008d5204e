//! Waiting for something to become true, with a deadline.

use std::fmt::Display;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until `look` gives a value.
///
/// # Errors
/// After `patience`, with what `look` said last.
pub fn until<T, E: Display>(patience: Duration, mut look: impl FnMut() -> Result<T, E>) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        match look() {
            Ok(value) => return Ok(value),
            Err(why) if Instant::now() >= deadline => bail!("not so after {patience:?}: {why:#}"),
            Err(_) => sleep(PAUSE),
        }
    }
}
