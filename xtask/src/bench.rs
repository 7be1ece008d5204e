//! `cargo xtask bench xdp [--json]`: what a packet costs on each path of the data plane.

use crate::launch::{self, Profile, launch};
use crate::setup::{Consent, Need};
use anyhow::Result;
use clap::Subcommand;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Subcommand)]
enum Subject {
    /// The XDP programs.
    #[command(disable_help_flag = true)]
    Xdp(launch::Args),
}

pub(crate) fn run(args: Args, consent: Consent) -> Result<()> {
    let Subject::Xdp(args) = args.subject;
    launch("bench-xdp", args, Profile::Release, &[Need::Lab, Need::Bench], consent)
}
