//! Generic UDP Encapsulation (draft-ietf-intarea-gue): what stands between UDP and the inner packet.
//!
//! Variant 1 has no header of its own: the inner IP header follows UDP and its version is the variant.
//! Variant 0 has a header of four bytes that names the inner protocol.

use super::{Frame, Layer, protocol};

impl Frame {
    /// The packet `inner` directly behind UDP: GUE variant 1.
    #[must_use]
    pub fn gue(self, inner: &Frame) -> Self {
        self.carry(inner)
    }

    /// The packet `inner` behind a GUE header of variant 0 without optional fields.
    #[must_use]
    pub fn gue_with_header(self, inner: &Frame) -> Self {
        let inner_protocol = match inner.layers.get(inner.link_layers()) {
            Some(Layer::Ipv6(_)) => protocol::IPV6,
            _ => protocol::IPIP,
        };
        self.payload([0, inner_protocol, 0, 0]).carry(inner)
    }
}

#[cfg(test)]
mod tests {
    use crate::packet::{tcp, udp};

    #[test]
    fn variant_1_is_the_inner_packet_behind_udp() {
        let inner = tcp("192.0.2.1:40000", "10.200.0.1:80");
        let outer = udp("10.0.0.1:50000", "10.1.0.1:6080").gue(&inner);
        assert_eq!(outer.ip_bytes()[28..], inner.ip_bytes());
    }

    #[test]
    fn variant_0_names_the_inner_protocol() {
        let inner = tcp("[2001:db8::1]:40000", "[2001:db8::2]:80");
        let outer = udp("10.0.0.1:50000", "10.1.0.1:6080").gue_with_header(&inner);
        assert_eq!(outer.ip_bytes()[28..32], [0, 41, 0, 0]);
    }
}
