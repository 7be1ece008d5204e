//! `statex run`: a node, until it is told to stop.

use std::path::PathBuf;

use super::log;
use crate::{agent, config};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config = config::load(&arguments.config)?;
    log::start(Some(config.log));
    for problem in config.warnings() {
        tracing::warn!("{}", problem.in_file(&arguments.config));
    }
    agent::run(arguments.config, config)
}
