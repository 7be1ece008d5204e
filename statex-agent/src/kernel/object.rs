//! The eBPF objects, embedded in the binary by the build script.

/// The ELF file that `cargo xtask build-ebpf` made, aligned as its headers must be read.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("STATEX_OBJECT"));

/// As [`OBJECT`], the program that steers QUIC datagrams; empty where the build had none.
pub static STEER: &[u8] = aya::include_bytes_aligned!(env!("STATEX_STEER"));
