//! One builder from which every packet of the tests comes: what goes in, and what must come out.
//!
//! A [`Frame`] is a stack of layers. Lengths, protocol numbers and checksums follow from the layers
//! unless a test sets them, so a case names only what matters to it:
//!
//! ```
//! use statex_tests::packet::{ip, tcp};
//! let syn = tcp("192.0.2.1:40000", "10.200.0.1:80").syn();
//! let tunnelled = ip("10.0.0.1", "10.1.0.1").dont_fragment().carry(&syn);
//! assert_eq!(tunnelled.bytes().len(), syn.bytes().len() + 20);
//! ```
//!
//! | file | layer |
//! |---|---|
//! | `link.rs` | Ethernet, VLAN and QinQ tags |
//! | `ipv4.rs`, `ipv6.rs` | IP headers, options, extension headers |
//! | `fragments.rs` | a packet cut into fragments |
//! | `transport.rs`, `icmp.rs` | TCP, UDP, ICMP, ICMPv6 |
//! | `gue.rs`, `quic.rs` | what UDP carries |
//! | `checksum.rs` | the Internet checksum |
//! | `dissect.rs`, `diff.rs` | bytes back to named fields, two packets compared |

mod checksum;
mod diff;
mod dissect;
mod fragments;
mod gue;
mod icmp;
mod ipv4;
mod ipv6;
mod link;
mod quic;
mod transport;

use std::net::{IpAddr, SocketAddr};

pub use checksum::{PseudoHeader, checksum};
pub use diff::diff;
pub use dissect::{Field, dissect};
pub use icmp::Icmp;
pub use ipv4::Ipv4;
pub use ipv6::{Extension, Ipv6};
pub use link::{Ethernet, Mac, Tag};
pub use quic::Long;
pub use transport::{Checksum, Tcp, Udp};

/// IP protocol numbers (IANA) that the builder and the specs name.
pub mod protocol {
    pub const HOP_BY_HOP: u8 = 0;
    pub const ICMP: u8 = 1;
    pub const IPIP: u8 = 4;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const IPV6: u8 = 41;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const GRE: u8 = 47;
    pub const ESP: u8 = 50;
    pub const AUTHENTICATION: u8 = 51;
    pub const ICMPV6: u8 = 58;
    pub const NO_NEXT_HEADER: u8 = 59;
    pub const DESTINATION_OPTIONS: u8 = 60;
}

/// One header, or the bytes behind the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    Ethernet(Ethernet),
    Tag(Tag),
    Ipv4(Ipv4),
    Ipv6(Ipv6),
    Extension(Extension),
    Tcp(Tcp),
    Udp(Udp),
    Icmp(Icmp),
    Bytes(Vec<u8>),
}

/// A packet under construction, from Ethernet header to payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    layers: Vec<Layer>,
    /// Zero bytes behind the packet, as Ethernet pads short frames.
    padding: usize,
    /// Bytes kept; what lies behind is cut off.
    keep: Option<usize>,
    /// Bytes written over the finished frame: offset and value.
    patches: Vec<(usize, Vec<u8>)>,
}

/// An IP packet without anything in it yet.
pub fn ip(source: &str, destination: &str) -> Frame {
    Frame::new().ip(source, destination)
}

/// A TCP segment with the ACK flag between two `address:port`.
pub fn tcp(source: &str, destination: &str) -> Frame {
    let (from, to) = (socket(source), socket(destination));
    Frame::new().addresses(from.ip(), to.ip()).tcp(from.port(), to.port())
}

/// A UDP datagram between two `address:port`.
pub fn udp(source: &str, destination: &str) -> Frame {
    let (from, to) = (socket(source), socket(destination));
    Frame::new().addresses(from.ip(), to.ip()).udp(from.port(), to.port())
}

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|_| panic!("{text}: not an address:port"))
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text}: not an IP address"))
}

impl Default for Frame {
    fn default() -> Self {
        Self::new()
    }
}

impl Frame {
    /// An Ethernet header from [`Mac::ROUTER`] to [`Mac::NODE`], nothing else.
    pub fn new() -> Self {
        let layers = vec![Layer::Ethernet(Ethernet::default())];
        Self { layers, padding: 0, keep: None, patches: Vec::new() }
    }

    /// An IPv4 or IPv6 header, by the family of the addresses, which must agree.
    #[must_use]
    pub fn ip(self, source: &str, destination: &str) -> Self {
        self.addresses(address(source), address(destination))
    }

    fn addresses(self, source: IpAddr, destination: IpAddr) -> Self {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.push(Layer::Ipv4(Ipv4::new(source, destination)))
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                self.push(Layer::Ipv6(Ipv6::new(source, destination)))
            }
            _ => panic!("{source} and {destination}: one family in one header"),
        }
    }

    /// Bytes behind the headers so far.
    #[must_use]
    pub fn payload(self, bytes: impl AsRef<[u8]>) -> Self {
        self.push(Layer::Bytes(bytes.as_ref().to_vec()))
    }

    /// The packet `inner`, from its IP header on, inside this one: a tunnel's outer header.
    #[must_use]
    pub fn carry(mut self, inner: &Frame) -> Self {
        let link = inner.link_layers();
        self.layers.extend_from_slice(&inner.layers[link..]);
        self
    }

    /// The first `length` bytes of the packet `cause`, from its IP header on: an ICMP error's body.
    #[must_use]
    pub fn quote(self, cause: &Frame, length: usize) -> Self {
        let bytes = cause.ip_bytes();
        let length = length.min(bytes.len());
        self.payload(&bytes[..length])
    }

    /// This packet with another Ethernet header and no VLAN tags.
    #[must_use]
    pub fn sent(mut self, source: Mac, destination: Mac) -> Self {
        let link = self.link_layers();
        self.layers.drain(..link);
        self.layers.insert(0, Layer::Ethernet(Ethernet { source, destination, ethertype: None }));
        self
    }

    /// Zeros behind the packet until the frame has `length` bytes.
    #[must_use]
    pub fn padded(mut self, length: usize) -> Self {
        self.padding = length.saturating_sub(self.bytes().len());
        self
    }

    /// Only the first `length` bytes; length fields still tell of the whole.
    #[must_use]
    pub fn truncated(mut self, length: usize) -> Self {
        self.keep = Some(length);
        self
    }

    /// Bytes of the finished frame overwritten, checksums left as they are.
    #[must_use]
    pub fn patched(mut self, offset: usize, bytes: impl AsRef<[u8]>) -> Self {
        self.patches.push((offset, bytes.as_ref().to_vec()));
        self
    }

    /// The finished frame.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.encode_from(0);
        bytes.resize(bytes.len() + self.padding, 0);
        for (offset, patch) in &self.patches {
            bytes[*offset..*offset + patch.len()].copy_from_slice(patch);
        }
        if let Some(keep) = self.keep {
            bytes.truncate(keep);
        }
        bytes
    }

    /// The finished packet from its first IP header on.
    pub fn ip_bytes(&self) -> Vec<u8> {
        self.encode_from(self.link_layers())
    }

    /// Length of the packet from its first IP header on.
    pub fn ip_len(&self) -> usize {
        self.ip_bytes().len()
    }

    fn push(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    fn link_layers(&self) -> usize {
        let is_link = |layer: &&Layer| matches!(layer, Layer::Ethernet(_) | Layer::Tag(_));
        self.layers.iter().take_while(is_link).count()
    }

    /// Layers from `first` on, built from the innermost outwards: each header knows what it holds.
    fn encode_from(&self, first: usize) -> Vec<u8> {
        let mut body = Vec::new();
        for index in (first..self.layers.len()).rev() {
            let next = self.layers.get(index + 1);
            let (header, trailer) = match &self.layers[index] {
                Layer::Ethernet(layer) => (layer.encode(next), body),
                Layer::Tag(layer) => (layer.encode(next), body),
                Layer::Ipv4(layer) => (layer.encode(next, body.len()), body),
                Layer::Ipv6(layer) => (layer.encode(next, body.len()), body),
                Layer::Extension(layer) => (layer.encode(next), body),
                Layer::Tcp(layer) => (layer.encode(&self.pseudo(index), &body), body),
                Layer::Udp(layer) => (layer.encode(&self.pseudo(index), &body), body),
                Layer::Icmp(layer) => (layer.encode(&self.pseudo(index), &body), body),
                Layer::Bytes(bytes) => (bytes.clone(), body),
            };
            body = header;
            body.extend(trailer);
        }
        body
    }

    /// The pseudo-header for the layer at `index`: of the IP header next above it.
    fn pseudo(&self, index: usize) -> PseudoHeader {
        let above = self.layers[..index].iter().rev();
        above.filter_map(PseudoHeader::of).next().expect("a transport layer stands behind an IP header")
    }
}

impl Layer {
    /// The number by which an IP header names this layer; `None` for plain bytes.
    fn protocol(&self, above_is_v6: bool) -> Option<u8> {
        Some(match self {
            Layer::Ipv4(_) => protocol::IPIP,
            Layer::Ipv6(_) => protocol::IPV6,
            Layer::Extension(layer) => layer.kind,
            Layer::Tcp(_) => protocol::TCP,
            Layer::Udp(_) => protocol::UDP,
            Layer::Icmp(_) if above_is_v6 => protocol::ICMPV6,
            Layer::Icmp(_) => protocol::ICMP,
            Layer::Ethernet(_) | Layer::Tag(_) | Layer::Bytes(_) => return None,
        })
    }
}
