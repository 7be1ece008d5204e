//! Ethernet, VLAN (IEEE 802.1Q) and QinQ (802.1ad) tags.

use crate::packet::Packet;
use crate::reason::Reason;

/// EtherTypes, as the two bytes read natively.
pub mod ethertype {
    pub const IPV4: u16 = u16::from_ne_bytes([0x08, 0x00]);
    pub const IPV6: u16 = u16::from_ne_bytes([0x86, 0xdd]);
    pub const VLAN: u16 = u16::from_ne_bytes([0x81, 0x00]);
    pub const QINQ: u16 = u16::from_ne_bytes([0x88, 0xa8]);
}

/// Where the EtherType of an untagged frame stands.
const TYPE: usize = 12;
const MACS: usize = 12;

/// The tags that were taken off a frame: each four bytes, EtherType and control information.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tags {
    outer: u32,
    inner: u32,
    count: u32,
}

impl Tags {
    #[inline(always)]
    pub fn any(&self) -> bool {
        self.count != 0
    }

    /// VLAN id of the outermost tag; 0 without one.
    #[inline(always)]
    pub fn vlan(&self) -> u16 {
        let [.., high, low] = self.outer.to_ne_bytes();
        u16::from_be_bytes([high & 0x0f, low])
    }
}

/// The frame's EtherType.
#[inline(always)]
pub fn frame_type<P: Packet>(packet: &P) -> Result<u16, Reason> {
    packet.read(TYPE).ok_or(Reason::Runt)
}

#[inline(always)]
pub fn is_tag(frame_type: u16) -> bool {
    frame_type == ethertype::VLAN || frame_type == ethertype::QINQ
}

/// Takes one or two tags off, so that every header behind them lies where an untagged frame has it.
#[inline(always)]
pub fn untag<P: Packet>(packet: &mut P) -> Result<Tags, Reason> {
    let outer: u32 = packet.read(TYPE).ok_or(Reason::Runt)?;
    let next: u16 = packet.read(TYPE + 4).ok_or(Reason::Runt)?;
    let macs: [u32; MACS / 4] = packet.read(0).ok_or(Reason::Runt)?;
    if !is_tag(next) {
        packet.shrink_head::<4>().ok_or(Reason::Runt)?;
        packet.write(0, macs).ok_or(Reason::Runt)?;
        return Ok(Tags { outer, inner: 0, count: 1 });
    }
    let inner: u32 = packet.read(TYPE + 4).ok_or(Reason::Runt)?;
    packet.read::<u16>(TYPE + 8).ok_or(Reason::Runt)?;
    packet.shrink_head::<8>().ok_or(Reason::Runt)?;
    packet.write(0, macs).ok_or(Reason::Runt)?;
    Ok(Tags { outer, inner, count: 2 })
}

/// Puts tags back as they were.
#[inline(always)]
pub fn retag<P: Packet>(packet: &mut P, tags: Tags) -> Option<()> {
    let macs: [u32; MACS / 4] = packet.read(0)?;
    if tags.count == 1 {
        packet.grow_head::<4>()?;
        packet.write(TYPE, tags.outer)?;
    } else {
        packet.grow_head::<8>()?;
        packet.write(TYPE, tags.outer)?;
        packet.write(TYPE + 4, tags.inner)?;
    }
    packet.write(0, macs)
}

/// Puts one tag with this VLAN id on an untagged frame.
#[inline(always)]
pub fn tag<P: Packet>(packet: &mut P, vlan: u16) -> Option<()> {
    let [high, low] = vlan.to_be_bytes();
    let outer = u32::from_ne_bytes([0x81, 0x00, high & 0x0f, low]);
    retag(packet, Tags { outer, inner: 0, count: 1 })
}
