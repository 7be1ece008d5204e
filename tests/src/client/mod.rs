//! Clients of the laboratory: real sockets that talk to the origins and keep count.

mod arrivals;
mod conversation;
mod crowd;
pub mod curl;
mod flood;
mod raw;

pub use arrivals::{Arrival, Arrivals, last_failure};
pub use conversation::{Conversation, Transport};
pub use crowd::{Crowd, Member, Pace};
pub use flood::Flood;
pub use raw::RawSender;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Lets this process have as many files open as its hard limit allows.
pub fn allow_open_files() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("cannot raise the number of open files")
}
