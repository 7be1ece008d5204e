//! Where things are: the repository's root and what is built below `target/`.

use crate::exec;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The repository's root, wherever the command was called from.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository's root")
}

/// Where `build-ebpf` leaves the eBPF objects, one file a program.
pub(crate) fn bpf_objects() -> PathBuf {
    root().join("target/bpf")
}

/// The eBPF crate; a workspace of its own.
pub(crate) fn ebpf_crate() -> PathBuf {
    root().join("statex-ebpf")
}

/// The targets of one kind (`bin`, `test`) that the package `statex-tests` has.
pub(crate) fn test_targets(kind: &str) -> Result<Vec<String>> {
    let metadata = exec::output(exec::cargo("metadata").args(["--no-deps", "--format-version=1"]))?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("cargo metadata is JSON")?;
    let tests = metadata.packages.into_iter().find(|package| package.name == "statex-tests");
    let targets = tests.map(|package| package.targets).unwrap_or_default();
    let wanted = |target: &Target| target.kind.iter().any(|each| each == kind);
    Ok(targets.into_iter().filter(wanted).map(|target| target.name).collect())
}

/// What is read of `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}
