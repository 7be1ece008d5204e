//! The eBPF object, embedded in the binary by the build script.

/// The ELF file that `cargo xtask build-ebpf` made, aligned as its headers must be read.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("STATEX_OBJECT"));
