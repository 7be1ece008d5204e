//! Configuration: as written → as meant, all errors at once, each with its key path.
//!
//! ```text
//! file ─ written/ (keys, types, variables) ─ resolve/ (defaults, checks) ─> meant/ (Config)
//!                     └──────────── Errors, with key paths and lines ──┘
//! ```

mod error;
mod meant;
mod resolve;
mod variables;
mod watch;
mod written;

use std::path::Path;

pub use error::{Errors, Place, Problem};
pub use meant::*;
pub use watch::Watch;

/// Reads a file and the environment's variables that it names.
///
/// # Errors
///
/// All that is wrong with it.
pub fn load(path: &Path) -> Result<Config, Errors> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot be read: {error}; name a file that exists and is UTF-8 text");
        Errors::new(path, vec![Problem { place: Place::default(), message }])
    })?;
    let mut config = parse(&text, path, &|name| std::env::var(name).ok())?;
    if config.node.name.is_empty() {
        // The kernel's own file: right in every UTS namespace, and no lookup.
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        config.node.name = name.trim().to_owned();
    }
    Ok(config)
}

/// What a text means. `path` is for messages; `lookup` gives the value of a variable.
///
/// # Errors
///
/// All that is wrong with it.
pub fn parse(text: &str, path: &Path, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Config, Errors> {
    let mut reader = written::Reader::new(text, lookup);
    let root = written::read(text, &mut reader);
    let mut report = reader.report;
    let config = root.map(|root| resolve::config(&root, &mut report));
    match config {
        Some(mut config) if report.errors.is_empty() => {
            report.warnings.sort_by_key(|problem| problem.place.line);
            config.warnings = report.warnings;
            Ok(config)
        }
        _ => Err(Errors::new(path, report.errors)),
    }
}
