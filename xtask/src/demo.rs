//! `cargo xtask demo`: every forward mode with real traffic, a drain and a kill, as a table.

use crate::launch::{Args, Profile, launch};
use crate::setup::{Consent, Need};
use anyhow::Result;

pub(crate) fn run(args: Args, consent: Consent) -> Result<()> {
    launch("demo", args, Profile::Debug, &[Need::Lab], consent)
}
