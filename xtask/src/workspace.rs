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

/// The package of packet specs and laboratory.
pub(crate) const TESTS: &str = "statex-tests";

/// The names of all targets of one kind (`bin`, `test`) in the packages that are `wanted` by their names.
pub(crate) fn targets(kind: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let metadata = exec::output(exec::cargo("metadata").args(["--no-deps", "--format-version=1"]))?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("cargo metadata is JSON")?;
    let packages = metadata.packages.into_iter().filter(|package| wanted(&package.name));
    let targets = packages.flat_map(|package| package.targets);
    let of_kind = targets.filter(|target| target.kind.iter().any(|each| each == kind));
    Ok(of_kind.map(|target| target.name).collect())
}

/// Whether `statex-tests` has a program of that name.
pub(crate) fn has_program(name: &str) -> Result<bool> {
    Ok(targets("bin", |package| package == TESTS)?.iter().any(|program| program == name))
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
