//! Finds the programs that the laboratory runs.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folder that holds the programs, when they are not beside the running one.
pub const BINARIES: &str = "STATEX_BINARIES";

/// The program with this name: in the folder that `STATEX_BINARIES` names, else where cargo put the running program
/// (`target/PROFILE/` or, for a test, its folder `deps`).
///
/// # Errors
/// When it has not been built.
pub fn binary(name: &str) -> Result<PathBuf> {
    let running = env::current_exe()?;
    let named = env::var_os(BINARIES).map(PathBuf::from);
    let beside = running.ancestors().skip(1).take(2).map(Path::to_owned);
    let found = named.into_iter().chain(beside).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| {
        format!("cannot find the program {name}: build it with `cargo build --workspace --bins`, or name its folder in {BINARIES}")
    })
}
