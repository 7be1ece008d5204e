//! The tarball: one folder, for any Linux.

use super::tree::{DATA, PROGRAM, Tree};
use super::{VERSION, packaging};
use crate::{exec, workspace};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// What lies in the repository's root and goes along.
pub(super) const DOCUMENTS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

pub(super) fn make(binary: &Path, dist: &Path) -> Result<PathBuf> {
    let name = format!("statex-{VERSION}-x86_64");
    let tree = Tree::new(dist.join(&name))?;
    tree.copy(binary, "statex", PROGRAM)?;
    tree.copy(&workspace::root().join("config/statex.toml"), "statex.toml", DATA)?;
    for file in ["statex.service", "statex-backend.service", "backend.env"] {
        tree.copy(&packaging(file), file, DATA)?;
    }
    for document in DOCUMENTS {
        tree.copy(&workspace::root().join(document), document, DATA)?;
    }
    let archive = dist.join(format!("{name}.tar.gz"));
    let mut tar = exec::command("tar");
    tar.args(["--create", "--gzip", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    exec::run(tar.arg("--file").arg(&archive).arg(&name).current_dir(dist))?;
    Ok(archive)
}
