//! Tells `kernel::object` which eBPF object to embed: `target/bpf/statex`, or
//! the file whose absolute path is in `STATEX_OBJECT`.

use std::path::PathBuf;

fn main() {
    let agent = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let root = agent.parent().expect("the agent lies in the repository's root");
    let built = root.join("target/bpf/statex");
    let object = std::env::var_os("STATEX_OBJECT").map_or(built, PathBuf::from);
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
}
