//! `cargo xtask lab up|down|exec`: the laboratory of network namespaces, by hand.

use crate::launch::{Args, Profile, launch};
use crate::setup::{Consent, Need};
use anyhow::Result;

pub(crate) fn run(args: Args, consent: Consent) -> Result<()> {
    launch("lab", args, Profile::Debug, &[Need::Lab], consent)
}
