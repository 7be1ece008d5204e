//! IPv6 headers and extension headers (RFC 8200).

use std::net::Ipv6Addr;

use super::{Frame, Ipv4, Layer, protocol};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    pub source: Ipv6Addr,
    pub destination: Ipv6Addr,
    pub traffic_class: u8,
    /// 20 bits.
    pub flow_label: u32,
    pub hop_limit: u8,
    /// Follows from the next layer when not set.
    pub next_header: Option<u8>,
    /// Follows from the body when not set.
    pub payload_length: Option<u16>,
}

impl Ipv6 {
    pub fn new(source: Ipv6Addr, destination: Ipv6Addr) -> Self {
        Self {
            source,
            destination,
            traffic_class: 0,
            flow_label: 0,
            hop_limit: 64,
            next_header: None,
            payload_length: None,
        }
    }

    pub(super) fn encode(&self, next: Option<&Layer>, body: usize) -> Vec<u8> {
        let first = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label;
        let mut header = first.to_be_bytes().to_vec();
        header.extend(self.payload_length.unwrap_or(body as u16).to_be_bytes());
        header.extend([self.next_header.unwrap_or_else(|| next_header(next)), self.hop_limit]);
        header.extend(self.source.octets());
        header.extend(self.destination.octets());
        header
    }
}

/// An extension header: everything behind its "next header" byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The protocol number that names this header.
    pub kind: u8,
    pub body: Vec<u8>,
    /// Follows from the next layer when not set.
    pub next_header: Option<u8>,
}

impl Extension {
    pub(super) fn encode(&self, next: Option<&Layer>) -> Vec<u8> {
        let mut header = vec![self.next_header.unwrap_or_else(|| next_header(next))];
        header.extend(&self.body);
        header
    }
}

fn next_header(next: Option<&Layer>) -> u8 {
    next.and_then(|layer| layer.protocol(true)).unwrap_or(protocol::NO_NEXT_HEADER)
}

impl Frame {
    /// 20 bits.
    #[must_use]
    pub fn flow_label(self, value: u32) -> Self {
        self.on_ip(|_| panic!("IPv4 has no flow label"), |ip| ip.flow_label = value)
    }

    /// Hop-by-hop options: 8 bytes, all padding.
    #[must_use]
    pub fn hop_by_hop(self) -> Self {
        self.extension(protocol::HOP_BY_HOP, &PADDED_OPTIONS)
    }

    /// Destination options: 8 bytes, all padding.
    #[must_use]
    pub fn destination_options(self) -> Self {
        self.extension(protocol::DESTINATION_OPTIONS, &PADDED_OPTIONS)
    }

    /// A routing header of 8 bytes with no segments left.
    #[must_use]
    pub fn routing(self) -> Self {
        self.extension(protocol::ROUTING, &[0, 253, 0, 0, 0, 0, 0])
    }

    /// An authentication header of 24 bytes (RFC 4302 §2), its length in words of 4 bytes less 2.
    #[must_use]
    pub fn authentication(self) -> Self {
        let mut body = vec![4, 0, 0];
        body.resize(23, 0xaa);
        self.extension(protocol::AUTHENTICATION, &body)
    }

    /// The IPv6 fragment header (RFC 8200 §4.5); `offset` in bytes, a multiple of 8.
    #[must_use]
    pub fn fragment_header(self, offset: u16, more: bool, id: u32) -> Self {
        let mut body = vec![0];
        body.extend((offset | u16::from(more)).to_be_bytes());
        body.extend(id.to_be_bytes());
        self.extension(protocol::FRAGMENT, &body)
    }

    /// Any extension header: its number and the bytes behind "next header".
    #[must_use]
    pub fn extension(self, kind: u8, body: &[u8]) -> Self {
        let body = body.to_vec();
        self.insert_before_transport(Layer::Extension(Extension { kind, body, next_header: None }))
    }

    /// The "next header" field of the innermost extension header, whatever follows it.
    #[must_use]
    pub fn extension_next(mut self, value: u8) -> Self {
        let extension = self.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Extension(extension) => Some(extension),
            _ => None,
        });
        extension.expect("an extension header").next_header = Some(value);
        self
    }

    /// Extension headers may be named after the transport header was: they go before it.
    fn insert_before_transport(mut self, new: Layer) -> Self {
        let is_lower = |layer: &Layer| matches!(layer, Layer::Ipv4(_) | Layer::Ipv6(_) | Layer::Extension(_));
        let place = self.layers.iter().rposition(is_lower).expect("an IP header") + 1;
        self.layers.insert(place, new);
        self
    }

    /// Whether the innermost IP header is IPv4, whose fields [`Frame::options`] and others change.
    pub fn is_v4(&self) -> bool {
        let mut headers = self.layers.iter().rev();
        matches!(headers.find(|layer| matches!(layer, Layer::Ipv4(_) | Layer::Ipv6(_))), Some(Layer::Ipv4(_)))
    }

    /// Changes the innermost IP header.
    pub(super) fn on_ip(mut self, v4: impl FnOnce(&mut Ipv4), v6: impl FnOnce(&mut Ipv6)) -> Self {
        for layer in self.layers.iter_mut().rev() {
            match layer {
                Layer::Ipv4(ip) => {
                    v4(ip);
                    return self;
                }
                Layer::Ipv6(ip) => {
                    v6(ip);
                    return self;
                }
                _ => {}
            }
        }
        panic!("no IP header yet");
    }
}

/// Length 0 (8 bytes in all) and a PadN option over the rest (RFC 8200 §4.2).
const PADDED_OPTIONS: [u8; 7] = [0, 1, 4, 0, 0, 0, 0];

#[cfg(test)]
mod tests {
    use crate::packet::{protocol, tcp};

    #[test]
    fn extensions_are_chained_in_the_order_named() {
        let packet = tcp("[2001:db8::1]:1", "[2001:db8::2]:2").hop_by_hop().destination_options();
        let bytes = packet.ip_bytes();
        assert_eq!(
            [bytes[6], bytes[40], bytes[48]],
            [protocol::HOP_BY_HOP, protocol::DESTINATION_OPTIONS, protocol::TCP]
        );
    }
}
