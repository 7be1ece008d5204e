//! Two packets compared by field, for the message of a failed test.

use std::fmt::Write as _;

use super::{Field, dissect};

const BYTES_A_LINE: usize = 16;

/// What differs between the packet that was expected and the one that came; `None` when nothing does.
///
/// First the fields by name, then both packets in hexadecimal, lines that differ marked by `!`.
pub fn diff(expected: &[u8], actual: &[u8]) -> Option<String> {
    if expected == actual {
        return None;
    }
    let mut text = String::new();
    let (wanted, got) = (dissect(expected), dissect(actual));
    note(&mut text, "headers", &layers(&wanted), &layers(&got));
    note(&mut text, "bytes", &expected.len().to_string(), &actual.len().to_string());
    for field in &wanted {
        if let Some(other) = got.iter().find(|other| other.name == field.name) {
            note(&mut text, &field.name, &field.value, &other.value);
        }
    }
    for (title, bytes, other) in [("expected", expected, actual), ("got", actual, expected)] {
        let _ = writeln!(text, "  {title}:");
        hexdump(&mut text, bytes, other);
    }
    Some(text)
}

fn note(text: &mut String, name: &str, expected: &str, got: &str) {
    if expected != got {
        let _ = writeln!(text, "  {name}: expected {expected}, got {got}");
    }
}

/// `ethernet ipv4 ipv4#2 tcp`
fn layers(fields: &[Field]) -> String {
    let mut names: Vec<&str> = fields.iter().filter_map(|field| field.name.split('.').next()).collect();
    names.dedup();
    names.join(" ")
}

fn hexdump(text: &mut String, bytes: &[u8], other: &[u8]) {
    for (index, line) in bytes.chunks(BYTES_A_LINE).enumerate() {
        let start = index * BYTES_A_LINE;
        let same = other.get(start..start + line.len()) == Some(line);
        let _ = write!(text, "  {} {start:04x} ", if same { ' ' } else { '!' });
        for byte in line {
            let _ = write!(text, " {byte:02x}");
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{ip, tcp};

    #[test]
    fn equal_packets_have_no_diff() {
        let packet = tcp("192.0.2.1:1", "192.0.2.2:2").bytes();
        assert_eq!(diff(&packet, &packet), None);
    }

    #[test]
    fn differing_fields_are_named() {
        let packet = tcp("192.0.2.1:1", "192.0.2.2:2");
        let text = diff(&packet.bytes(), &packet.clone().ttl(63).bytes()).expect("a difference");
        assert!(text.contains("ipv4.ttl: expected 64, got 63"), "{text}");
        assert!(!text.contains("tcp."), "{text}");
    }

    #[test]
    fn missing_headers_are_named() {
        let packet = tcp("192.0.2.1:1", "192.0.2.2:2");
        let tunnelled = ip("10.0.0.1", "10.1.0.1").carry(&packet);
        let text = diff(&tunnelled.bytes(), &packet.bytes()).expect("a difference");
        assert!(text.contains("expected ethernet ipv4 ipv4#2 tcp, got ethernet ipv4 tcp"), "{text}");
    }
}
