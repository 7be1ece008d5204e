//! An XDP program that passes every packet, for the far end of a veth whose near end sends by `XDP_TX`.
//!
//! A veth wakes its peer for such frames only when the peer has an XDP program of its own; without one they lie in
//! its ring until it is full, and then nothing passes any more. The program is two instructions, so no compiler is
//! needed: they are put into an object file here.

use anyhow::{Context, Result};
use aya::Ebpf;
use aya::programs::{Xdp, XdpMode};
use object::write::{Object, Symbol, SymbolSection};
use object::{Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope};

use super::Namespace;

const NAME: &str = "pass";

/// `r0 = XDP_PASS; exit`.
const INSTRUCTIONS: [u8; 16] = [0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];

/// Attaches the program in the driver of `interface`, until what is returned is dropped.
pub fn attach_pass(namespace: &Namespace, interface: &str) -> Result<Ebpf> {
    let mut ebpf = Ebpf::load(&object_file()?)?;
    let program: &mut Xdp = ebpf.program_mut(NAME).context("the object holds the program")?.try_into()?;
    program.load().context("the kernel refuses XDP programs")?;
    namespace
        .run(|| program.attach(interface, XdpMode::Driver))
        .with_context(|| format!("cannot attach an XDP program to {interface}"))?;
    Ok(ebpf)
}

fn object_file() -> Result<Vec<u8>> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    let text = object.add_section(Vec::new(), b"xdp.frags".to_vec(), SectionKind::Text);
    object.append_section_data(text, &INSTRUCTIONS, 8);
    object.add_symbol(Symbol {
        name: NAME.into(),
        value: 0,
        size: INSTRUCTIONS.len() as u64,
        kind: SymbolKind::Text,
        scope: SymbolScope::Linkage,
        weak: false,
        section: SymbolSection::Section(text),
        flags: SymbolFlags::None,
    });
    Ok(object.write()?)
}
