//! A packet cut into fragments, as a router (IPv4) or the sender (IPv6) would cut it.

use super::{Frame, Layer};

impl Frame {
    /// Fragments whose data has at most `chunk` bytes (a multiple of 8), all with this `id`.
    ///
    /// Checksums of the transport header cover the whole, as on the wire.
    pub fn fragments(&self, chunk: usize, id: u16) -> Vec<Frame> {
        assert!(chunk > 0 && chunk.is_multiple_of(8), "fragments are cut at multiples of 8 bytes");
        let is_ip = |layer: &Layer| matches!(layer, Layer::Ipv4(_) | Layer::Ipv6(_));
        let header = self.layers.iter().position(is_ip).expect("an IP header");
        let body = self.encode_from(header + 1);
        let v6 = matches!(self.layers[header], Layer::Ipv6(_));
        let protocol = self.layers.get(header + 1).and_then(|next| next.protocol(v6));
        let protocol = protocol.expect("a packet with a protocol inside");

        let pieces = body.chunks(chunk).enumerate();
        let fragment = |(index, piece): (usize, &[u8])| {
            let offset = (index * chunk) as u16;
            let more = index * chunk + piece.len() < body.len();
            let start = Frame { layers: self.layers[..=header].to_vec(), ..Frame::new() };
            start.fragment(offset, more, id, protocol).payload(piece)
        };
        pieces.map(fragment).collect()
    }

    /// The fields of one fragment: offset in bytes, whether more follow, and the protocol of the whole.
    #[must_use]
    pub fn fragment(self, offset: u16, more: bool, id: u16, protocol: u8) -> Self {
        match self.layers.iter().rev().find(|layer| matches!(layer, Layer::Ipv4(_) | Layer::Ipv6(_))) {
            Some(Layer::Ipv6(_)) => self.fragment_header(offset, more, id.into()).extension_next(protocol),
            _ => {
                let change = |ip: &mut super::Ipv4| {
                    ip.fragment_offset = offset;
                    ip.more_fragments = more;
                    ip.id = id;
                    ip.protocol = Some(protocol);
                };
                self.on_ip(change, |_| {})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::packet::udp;

    #[test]
    fn pieces_put_together_are_the_datagram() {
        let whole = udp("192.0.2.1:1", "192.0.2.2:53").payload([7; 100]);
        let pieces = whole.fragments(48, 9);
        let data: Vec<u8> = pieces.iter().flat_map(|piece| piece.ip_bytes()[20..].to_vec()).collect();
        assert_eq!((pieces.len(), data), (3, whole.ip_bytes()[20..].to_vec()));
    }

    #[test]
    fn only_the_last_fragment_of_ipv6_has_no_more() {
        let pieces = udp("[2001:db8::1]:1", "[2001:db8::2]:53").payload([7; 60]).fragments(48, 9);
        let flags: Vec<u8> = pieces.iter().map(|piece| piece.ip_bytes()[43] & 1).collect();
        assert_eq!(flags, [1, 0]);
    }
}
