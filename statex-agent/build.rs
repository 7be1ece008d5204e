//! Tells `kernel::object` which eBPF objects to embed: `target/bpf/statex`, or the file whose absolute path is in
//! `STATEX_OBJECT`; and `steer` beside it.

use std::fs;
use std::path::PathBuf;

fn main() {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let agent = variable("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let root = agent.parent().expect("the agent lies in the repository's root");
    let object = variable("STATEX_OBJECT").unwrap_or_else(|| root.join("target/bpf/statex"));
    println!("cargo::rerun-if-env-changed=STATEX_OBJECT");
    println!("cargo::rerun-if-changed={}", object.display());

    if object.exists() {
        println!("cargo::rustc-env=STATEX_OBJECT={}", object.display());
    } else {
        println!(
            "cargo::error=there is no eBPF object at {}: run `cargo xtask build-ebpf`",
            object.display()
        );
    }

    let mut steer = object.with_file_name("steer");
    println!("cargo::rerun-if-changed={}", steer.display());
    if !steer.exists() {
        println!("cargo::warning=there is no {}: run `cargo xtask build-ebpf`", steer.display());
        steer = variable("OUT_DIR").expect("cargo sets it").join("steer");
        fs::write(&steer, []).expect("cargo's folder can be written");
    }
    println!("cargo::rustc-env=STATEX_STEER={}", steer.display());
}
