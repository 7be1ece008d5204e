//! Bytes back to named fields, as far as they go: for messages that a person reads, not for decisions.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::{Mac, protocol};

/// One header field of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `ipv4.ttl`; the second header of a kind is `ipv4#2.ttl`.
    pub name: String,
    pub range: Range<usize>,
    pub value: String,
}

/// How a field is written.
#[derive(Clone, Copy)]
enum Form {
    Number,
    Hex,
    Mac,
    Address,
}

/// Name, width in bytes, form.
type Shape = &'static [(&'static str, usize, Form)];

use Form::{Address, Hex, Mac as MacForm, Number};

const ETHERNET: Shape = &[("destination", 6, MacForm), ("source", 6, MacForm), ("ethertype", 2, Hex)];
const TAG: Shape = &[("control", 2, Hex), ("ethertype", 2, Hex)];
const IPV4: Shape = &[
    ("version_words", 1, Hex),
    ("tos", 1, Hex),
    ("length", 2, Number),
    ("id", 2, Hex),
    ("fragment", 2, Hex),
    ("ttl", 1, Number),
    ("protocol", 1, Number),
    ("checksum", 2, Hex),
    ("source", 4, Address),
    ("destination", 4, Address),
];
const IPV6: Shape = &[
    ("version_class_label", 4, Hex),
    ("length", 2, Number),
    ("next_header", 1, Number),
    ("hop_limit", 1, Number),
    ("source", 16, Address),
    ("destination", 16, Address),
];
const EXTENSION: Shape = &[("next_header", 1, Number), ("length", 1, Number), ("body", 6, Hex)];
const TCP: Shape = &[
    ("source", 2, Number),
    ("destination", 2, Number),
    ("sequence", 4, Number),
    ("acknowledgment", 4, Number),
    ("words", 1, Hex),
    ("flags", 1, Hex),
    ("window", 2, Number),
    ("checksum", 2, Hex),
    ("urgent", 2, Number),
];
const UDP: Shape =
    &[("source", 2, Number), ("destination", 2, Number), ("length", 2, Number), ("checksum", 2, Hex)];
const ICMP: Shape = &[("type", 1, Number), ("code", 1, Number), ("checksum", 2, Hex), ("rest", 4, Hex)];

/// GUE's registered port (IANA): what is behind it is an IP packet.
const GUE_PORT: u16 = 6080;

/// Every field of every header that `bytes` holds completely, in order; the rest is `payload`.
pub fn dissect(bytes: &[u8]) -> Vec<Field> {
    let mut reader = Reader { bytes, at: 0, fields: Vec::new() };
    reader.frame();
    if reader.at < bytes.len() {
        let range = reader.at..bytes.len();
        let value = format!("{} bytes", range.len());
        reader.fields.push(Field { name: "payload".into(), range, value });
    }
    reader.fields
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    fields: Vec<Field>,
}

impl Reader<'_> {
    fn frame(&mut self) -> Option<()> {
        let start = self.header("ethernet", ETHERNET)?;
        let mut ethertype = self.u16(start + 12)?;
        while matches!(ethertype, 0x8100 | 0x88a8) {
            let start = self.header("vlan", TAG)?;
            ethertype = self.u16(start + 2)?;
        }
        match ethertype {
            0x0800 => self.ipv4(),
            0x86dd => self.ipv6(),
            _ => None,
        }
    }

    fn ipv4(&mut self) -> Option<()> {
        let start = self.header("ipv4", IPV4)?;
        let length = usize::from(self.bytes[start] & 0x0f) * 4;
        self.opaque("ipv4.options", start + 20, start + length);
        let is_later_fragment = self.u16(start + 6)? & 0x1fff != 0;
        if is_later_fragment { None } else { self.inside(self.bytes[start + 9]) }
    }

    fn ipv6(&mut self) -> Option<()> {
        let start = self.header("ipv6", IPV6)?;
        let mut next = self.bytes[start + 6];
        loop {
            let extra = match next {
                protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS => 8,
                protocol::AUTHENTICATION => 4,
                protocol::FRAGMENT => 0,
                _ => return self.inside(next),
            };
            let start = self.header("extension", EXTENSION)?;
            if next == protocol::FRAGMENT && self.u16(start + 2)? & 0xfff8 != 0 {
                return None;
            }
            next = self.bytes[start];
            let more = usize::from(self.bytes[start + 1]) * extra;
            self.opaque("extension.more", start + 8, start + 8 + more);
        }
    }

    fn inside(&mut self, protocol: u8) -> Option<()> {
        match protocol {
            protocol::IPIP => self.ipv4(),
            protocol::IPV6 => self.ipv6(),
            protocol::TCP => {
                let start = self.header("tcp", TCP)?;
                let length = usize::from(self.bytes[start + 12] >> 4) * 4;
                self.opaque("tcp.options", start + 20, start + length);
                None
            }
            protocol::UDP => self.udp(),
            protocol::ICMP | protocol::ICMPV6 => {
                let start = self.header("icmp", ICMP)?;
                let is_error = match protocol {
                    protocol::ICMP => matches!(self.bytes[start], 3 | 4 | 5 | 11 | 12),
                    _ => self.bytes[start] < 128,
                };
                if is_error { self.by_version() } else { None }
            }
            _ => None,
        }
    }

    fn udp(&mut self) -> Option<()> {
        let start = self.header("udp", UDP)?;
        if self.u16(start + 2)? != GUE_PORT {
            return None;
        }
        if self.bytes.get(self.at)? >> 6 == 0 {
            self.opaque("gue.header", self.at, self.at + 4);
        }
        self.by_version()
    }

    fn by_version(&mut self) -> Option<()> {
        match self.bytes.get(self.at)? >> 4 {
            4 => self.ipv4(),
            6 => self.ipv6(),
            _ => None,
        }
    }

    /// Reads one header of fixed shape if it is there as a whole; returns where it starts.
    fn header(&mut self, kind: &str, shape: Shape) -> Option<usize> {
        let start = self.at;
        let length: usize = shape.iter().map(|(_, width, _)| width).sum();
        self.bytes.get(start..start + length)?;

        let first = shape.first()?.0;
        let is_first_field = |field: &&Field| {
            field
                .name
                .split_once('.')
                .is_some_and(|(layer, name)| name == first && layer.split('#').next() == Some(kind))
        };
        let layer = match self.fields.iter().filter(is_first_field).count() {
            0 => kind.to_string(),
            seen => format!("{kind}#{}", seen + 1),
        };
        for (name, width, form) in shape {
            let range = self.at..self.at + width;
            let value = write(&self.bytes[range.clone()], *form);
            self.fields.push(Field { name: format!("{layer}.{name}"), range, value });
            self.at += width;
        }
        Some(start)
    }

    fn opaque(&mut self, name: &str, from: usize, to: usize) {
        let to = to.min(self.bytes.len());
        if from < to {
            let value = write(&self.bytes[from..to], Hex);
            self.fields.push(Field { name: name.into(), range: from..to, value });
            self.at = to;
        }
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at + 2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }
}

fn write(bytes: &[u8], form: Form) -> String {
    let hex = || bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match form {
        Number => bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte)).to_string(),
        Hex => hex(),
        MacForm => <[u8; 6]>::try_from(bytes).map_or_else(|_| hex(), |mac| Mac(mac).to_string()),
        Address => match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
            (Ok(v4), _) => Ipv4Addr::from(v4).to_string(),
            (_, Ok(v6)) => Ipv6Addr::from(v6).to_string(),
            _ => hex(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{ip, tcp};

    fn value(fields: &[Field], name: &str) -> String {
        let field = fields.iter().find(|field| field.name == name);
        field.unwrap_or_else(|| panic!("no field {name}")).value.clone()
    }

    #[test]
    fn inner_header_of_a_tunnel_is_the_second() {
        let inner = tcp("192.0.2.1:40000", "10.200.0.1:80");
        let fields = dissect(&ip("10.0.0.1", "10.1.0.1").carry(&inner).vlan(5).bytes());
        assert_eq!(value(&fields, "ipv4.destination"), "10.1.0.1");
        assert_eq!(value(&fields, "ipv4#2.destination"), "10.200.0.1");
        assert_eq!(value(&fields, "tcp.destination"), "80");
    }

    #[test]
    fn any_prefix_of_a_packet_can_be_dissected() {
        let bytes = tcp("[2001:db8::1]:1", "[2001:db8::2]:2").hop_by_hop().payload([1; 9]).bytes();
        for length in 0..=bytes.len() {
            dissect(&bytes[..length]);
        }
    }
}
