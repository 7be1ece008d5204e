//! `cargo xtask build-ebpf`: compiles the eBPF crate and leaves each program as `target/bpf/<name>`.

use crate::setup::{self, Consent};
use crate::{exec, workspace};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the compiler is told: jumps and arithmetic on
/// 32 bits are in every kernel that it supports, and types go into BTF.
const RUSTFLAGS: &str = "-C target-cpu=v3 -C debuginfo=2 -C link-arg=--btf";

/// What cargo is told, by builds and clippy alike.
const ARGUMENTS: [&str; 5] = ["--release", "--target", "bpfel-unknown-none", "-Z", "build-std=core"];

pub(crate) fn run(consent: Consent) -> Result<()> {
    let mut cargo = setup::ebpf_toolchain(consent)?.cargo();
    cargo.arg("build");
    aim(&mut cargo);
    cargo.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    exec::echo(&cargo);
    let built = exec::output(&mut cargo)?;
    let objects = executables(&built)?;
    if objects.is_empty() {
        bail!("the eBPF crate has no [[bin]]");
    }
    let dir = workspace::bpf_objects();
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    for object in objects {
        let name = object.file_name().context("an executable has a name")?;
        install(&object, &dir.join(name))?;
    }
    Ok(())
}

/// Points cargo, or clippy, at the kernel.
pub(crate) fn aim(cargo: &mut Command) {
    cargo.args(ARGUMENTS).env("RUSTFLAGS", RUSTFLAGS);
}

/// Leaves an unchanged file alone, so that what embeds it is not built again.
fn install(from: &Path, to: &Path) -> Result<()> {
    let new = std::fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if std::fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    std::fs::write(to, &new).with_context(|| format!("cannot write {}", to.display()))?;
    eprintln!("{} ({} KiB)", to.display(), new.len().div_ceil(1024));
    Ok(())
}

/// One line of cargo's `--message-format=json`, as far as it says what was built.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

fn executables(messages: &str) -> Result<Vec<PathBuf>> {
    let parse = |line| serde_json::from_str::<Message>(line).context("cargo's messages are JSON, one a line");
    let messages = messages.lines().map(parse).collect::<Result<Vec<_>>>()?;
    Ok(messages.into_iter().filter_map(|message| message.executable).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_among_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","executable":null}
{"reason":"compiler-artifact","executable":"/target/ebpf/statex"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executables(messages).unwrap(), [PathBuf::from("/target/ebpf/statex")]);
    }

    #[test]
    fn unchanged_object_keeps_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        std::fs::write(&from, "object").unwrap();
        install(&from, &to).unwrap();
        let first = std::fs::metadata(&to).unwrap().modified().unwrap();
        install(&from, &to).unwrap();
        assert_eq!(std::fs::metadata(&to).unwrap().modified().unwrap(), first);
    }
}
