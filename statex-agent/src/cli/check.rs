//! `statex check`: says what is wrong with a configuration, all at once.

use std::path::PathBuf;

use super::paint::{self, GREEN, YELLOW};
use crate::config;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration file.
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let config = config::load(&arguments.file)?;
    for problem in config.warnings() {
        let line = problem.in_file(&arguments.file);
        eprintln!("{} {line}", paint::stderr("warning:", YELLOW));
    }
    println!(
        "{}: {}, {} services, {} listeners, {} routes, {} pools",
        arguments.file.display(),
        paint::stdout("good", GREEN),
        config.services.len(),
        config.proxy.listeners.len(),
        config.proxy.routes.len(),
        config.pools.len()
    );
    Ok(())
}
