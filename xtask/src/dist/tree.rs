//! A folder that is filled file by file, each with its mode, and becomes an archive.

use anyhow::{Context, Result};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Files that anyone may read.
pub(super) const DATA: u32 = 0o644;
/// Files that only root and its group may read: a configuration can hold secrets.
pub(super) const PRIVATE: u32 = 0o640;
/// Files that anyone may run.
pub(super) const PROGRAM: u32 = 0o755;

pub(super) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// An empty folder, whatever was there before.
    pub(super) fn new(root: PathBuf) -> Result<Self> {
        if root.exists() {
            fs::remove_dir_all(&root).with_context(|| format!("cannot empty {}", root.display()))?;
        }
        fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        Ok(Tree { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Copies a file to its place in the tree.
    pub(super) fn copy(&self, from: &Path, to: &str, mode: u32) -> Result<()> {
        let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        self.write(to, &content, mode)
    }

    /// Writes a file at its place in the tree.
    pub(super) fn write(&self, to: &str, content: &[u8], mode: u32) -> Result<()> {
        let to = self.root.join(to);
        let written = to
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&to, content))
            .and_then(|()| fs::set_permissions(&to, Permissions::from_mode(mode)));
        written.with_context(|| format!("cannot write {}", to.display()))
    }

    /// The size of all files together, in KiB.
    pub(super) fn kib(&self) -> Result<u64> {
        let mut bytes = 0;
        let mut dirs = vec![self.root.clone()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir)? {
                let entry = entry?;
                match entry.file_type()?.is_dir() {
                    true => dirs.push(entry.path()),
                    false => bytes += entry.metadata()?.len(),
                }
            }
        }
        Ok(bytes.div_ceil(1024))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_begins_empty_and_counts_what_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("old"), "old").unwrap();
        let tree = Tree::new(dir.path().to_owned()).unwrap();
        tree.write("etc/statex/statex.toml", &[b'#'; 1500], DATA).unwrap();
        assert!(!tree.root().join("old").exists());
        assert_eq!(tree.kib().unwrap(), 2);
    }
}
