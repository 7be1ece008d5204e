//! Ethernet headers and the VLAN tags behind them.

use std::fmt;

use super::{Frame, Layer};

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_VLAN: u16 = 0x8100;
const ETHERTYPE_SERVICE_VLAN: u16 = 0x88a8;

/// A link-layer address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The node under test.
    pub const NODE: Mac = Mac([0x02, 0, 0, 0, 0, 0x01]);
    /// The router by which clients' packets reach the node.
    pub const ROUTER: Mac = Mac([0x02, 0, 0, 0, 0, 0xfe]);
    pub const BROADCAST: Mac = Mac([0xff; 6]);

    /// The backend with this number, or the next hop towards it.
    pub const fn backend(number: u8) -> Mac {
        Mac([0x02, 0, 0, 0, 0xbb, number])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ethernet {
    pub source: Mac,
    pub destination: Mac,
    /// Follows from the next layer when not set.
    pub ethertype: Option<u16>,
}

impl Default for Ethernet {
    fn default() -> Self {
        Self { source: Mac::ROUTER, destination: Mac::NODE, ethertype: None }
    }
}

impl Ethernet {
    pub(super) fn encode(&self, next: Option<&Layer>) -> Vec<u8> {
        let ethertype = self.ethertype.unwrap_or_else(|| ethertype_of(next));
        [&self.destination.0[..], &self.source.0, &ethertype.to_be_bytes()].concat()
    }
}

/// An 802.1Q or 802.1ad tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Priority (3 bits), drop eligible (1 bit), VLAN id (12 bits).
    pub control: u16,
    pub ethertype: u16,
}

impl Tag {
    pub(super) fn encode(&self, next: Option<&Layer>) -> Vec<u8> {
        [self.control.to_be_bytes(), ethertype_of(next).to_be_bytes()].concat()
    }
}

fn ethertype_of(layer: Option<&Layer>) -> u16 {
    match layer {
        Some(Layer::Ipv4(_)) => ETHERTYPE_IPV4,
        Some(Layer::Ipv6(_)) => ETHERTYPE_IPV6,
        Some(Layer::Tag(tag)) => tag.ethertype,
        _ => 0,
    }
}

impl Frame {
    #[must_use]
    pub fn ethertype(mut self, value: u16) -> Self {
        self.ethernet().ethertype = Some(value);
        self
    }

    #[must_use]
    pub fn from_mac(mut self, source: Mac) -> Self {
        self.ethernet().source = source;
        self
    }

    #[must_use]
    pub fn to_mac(mut self, destination: Mac) -> Self {
        self.ethernet().destination = destination;
        self
    }

    /// An 802.1Q tag right behind the Ethernet addresses, before any other tag.
    #[must_use]
    pub fn vlan(self, id: u16) -> Self {
        self.tag(Tag { control: id, ethertype: ETHERTYPE_VLAN })
    }

    /// Two tags: a service tag (802.1ad) and a customer tag (802.1Q) behind it.
    #[must_use]
    pub fn qinq(self, service: u16, customer: u16) -> Self {
        self.vlan(customer).tag(Tag { control: service, ethertype: ETHERTYPE_SERVICE_VLAN })
    }

    #[must_use]
    pub fn tag(mut self, tag: Tag) -> Self {
        self.layers.insert(1, Layer::Tag(tag));
        self
    }

    fn ethernet(&mut self) -> &mut Ethernet {
        match &mut self.layers[0] {
            Layer::Ethernet(ethernet) => ethernet,
            other => panic!("a frame begins with Ethernet, not {other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::packet::ip;

    #[test]
    fn ethertype_follows_the_next_layer() {
        assert_eq!(ip("192.0.2.1", "192.0.2.2").bytes()[12..14], [0x08, 0x00]);
        assert_eq!(ip("2001:db8::1", "2001:db8::2").bytes()[12..14], [0x86, 0xdd]);
    }

    #[test]
    fn service_tag_stands_before_the_customer_tag() {
        let bytes = ip("192.0.2.1", "192.0.2.2").qinq(100, 7).bytes();
        assert_eq!(bytes[12..22], [0x88, 0xa8, 0, 100, 0x81, 0x00, 0, 7, 0x08, 0x00]);
    }
}
