//! Tells `kernel::object` which eBPF object to embed: `target/bpf/statex`, or the file that `STATEX_OBJECT` names.

use std::path::{Path, PathBuf};

fn main() {
    let agent = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let root = agent.parent().expect("the agent lies in the repository's root");
    let built = root.join("target/bpf/statex");
    let object = std::env::var_os("STATEX_OBJECT").map_or(built, PathBuf::from);
    println!("cargo::rerun-if-env-changed=STATEX_OBJECT");
    println!("cargo::rerun-if-changed={}", object.display());

    if object.exists() {
        println!("cargo::rustc-env=STATEX_OBJECT={}", object.display());
    } else if root.join("statex-ebpf/Cargo.toml").exists() {
        println!(
            "cargo::error=there is no eBPF object at {}: run `cargo xtask build-ebpf`",
            object.display()
        );
    } else {
        println!("cargo::warning=there is no eBPF crate yet: an empty object is embedded");
        println!("cargo::rustc-env=STATEX_OBJECT={}", empty_object().display());
    }
}

fn empty_object() -> PathBuf {
    let out = std::env::var_os("OUT_DIR").expect("cargo sets it");
    let empty = Path::new(&out).join("empty");
    std::fs::write(&empty, []).expect("OUT_DIR can be written to");
    empty
}
