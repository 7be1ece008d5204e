//! Quantities: numbers with a suffix, durations, ranges, bytes.

use std::fmt;
use std::time::Duration;

use super::text::{Bare, FromText, unreadable};

/// `1_000`, or with a suffix: `"64k"` is 64,000 and `"64Ki"` is 65,536.
impl FromText for i64 {
    const EXPECTED: &'static str = "a whole number";
    const BARE: Bare = Bare::Number;

    fn from_text(text: &str) -> Result<Self, String> {
        const SUFFIXES: [(&str, i64); 6] = [
            ("Ki", 1 << 10),
            ("Mi", 1 << 20),
            ("Gi", 1 << 30),
            ("k", 1_000),
            ("M", 1_000_000),
            ("G", 1_000_000_000),
        ];
        let (digits, factor) = SUFFIXES
            .iter()
            .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))
            .unwrap_or((text, 1));
        let number: i64 = digits.trim_end().parse().map_err(|_| unreadable::<Self>(text))?;
        number.checked_mul(factor).ok_or_else(|| unreadable::<Self>(text))
    }
}

/// A duration, written as `"500ms"`, `"30s"`, `"1h 30m"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::config) struct Time(pub(in crate::config) Duration);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Time {
    pub(in crate::config) const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    pub(in crate::config) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromText for Time {
    const EXPECTED: &'static str = "a duration such as \"500ms\", \"30s\" or \"2h\"";

    fn from_text(text: &str) -> Result<Self, String> {
        millis(text).map(Self::millis).ok_or_else(|| unreadable::<Self>(text))
    }
}

/// The sum of all parts, each a number and a unit; at least one.
fn millis(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut sum = 0u64;
    loop {
        let (number, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let behind = behind.trim_start();
        let (unit, behind) =
            behind.split_at(behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len()));
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = behind.trim_start();
        if rest.is_empty() {
            return Some(sum);
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let whole =
            UNITS.iter().find(|(_, factor)| millis != 0 && millis.is_multiple_of(u128::from(*factor)));
        let (unit, factor) = whole.unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", millis / u128::from(*factor))
    }
}

/// Ports, first to last, written as `"20000-59999"`.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct PortRange(pub(in crate::config) u16, pub(in crate::config) u16);

impl FromText for PortRange {
    const EXPECTED: &'static str = "ports such as \"20000-59999\"";

    fn from_text(text: &str) -> Result<Self, String> {
        match range(text).ok_or_else(|| unreadable::<Self>(text))? {
            (0, _) => Err("port 0 cannot be used; begin at 1 or above".to_owned()),
            (first, last) if first > last => {
                Err(format!("\"{text}\" ends before it begins; did you mean \"{last}-{first}\"?"))
            }
            (first, last) => Ok(Self(first, last)),
        }
    }
}

/// HTTP status codes, first to last, written as `200` or `"200-399"`.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct StatusRange(pub(in crate::config) u16, pub(in crate::config) u16);

impl FromText for StatusRange {
    const EXPECTED: &'static str = "a status such as 200 or \"200-399\"";
    const BARE: Bare = Bare::Number;

    fn from_text(text: &str) -> Result<Self, String> {
        let single = || text.parse().ok().map(|status| (status, status));
        match range(text).or_else(single).ok_or_else(|| unreadable::<Self>(text))? {
            (first, last) if first > last => {
                Err(format!("\"{text}\" ends before it begins; did you mean \"{last}-{first}\"?"))
            }
            (first, last) if first < 100 || last > 599 => {
                Err(format!("\"{text}\" is out of range; give 100 to 599"))
            }
            (first, last) => Ok(Self(first, last)),
        }
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

/// Bytes, written as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Hex(pub(in crate::config) Vec<u8>);

impl FromText for Hex {
    const EXPECTED: &'static str = "hexadecimal digits, two a byte";

    fn from_text(text: &str) -> Result<Self, String> {
        bytes(text).map(Self).ok_or_else(|| unreadable::<Self>(text))
    }
}

/// Key material, written as hexadecimal digits; it is never repeated in a message. It may stand without
/// quotation marks only so that it is not repeated then, either.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::config) struct SecretText(pub(in crate::config) Vec<u8>);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl FromText for SecretText {
    const EXPECTED: &'static str = "hexadecimal digits";
    const BARE: Bare = Bare::Number;

    fn from_text(text: &str) -> Result<Self, String> {
        bytes(text).map(Self).ok_or_else(|| "expected an even number of hexadecimal digits".to_owned())
    }
}

/// Bytes of a datagram, written as text or, behind `hex:`, as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Payload(pub(in crate::config) Vec<u8>);

impl FromText for Payload {
    const EXPECTED: &'static str = "text, or \"hex:\" and hexadecimal digits, two a byte";

    fn from_text(text: &str) -> Result<Self, String> {
        match text.strip_prefix("hex:") {
            Some(digits) => bytes(digits).map(Self).ok_or_else(|| unreadable::<Self>(text)),
            None => Ok(Self(text.as_bytes().to_vec())),
        }
    }
}

/// Spaces between the digits are left out.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> =
        digits.chars().filter(|c| *c != ' ').map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    Some(pairs.map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_suffixes() {
        for (text, number) in
            [("7", 7), ("-1", -1), ("64k", 64_000), ("64Ki", 65_536), ("2M", 2_000_000), ("1 Gi", 1 << 30)]
        {
            assert_eq!(i64::from_text(text), Ok(number));
        }
        for wrong in ["", "k", "1.5", "1K", "9223372036854775807k", "one"] {
            assert!(i64::from_text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_sums_of_parts() {
        for (text, expected) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("1h 30m", 5_400_000),
            ("2h4m", 7_440_000),
            ("1d", 86_400_000),
            ("0s", 0),
        ] {
            assert_eq!(Time::from_text(text), Ok(Time::millis(expected)), "{text}");
        }
        for wrong in ["", "30", "s", "30x", "-1s", "1.5s", "30s30", "99999999999999999d"] {
            assert!(Time::from_text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_shown_in_the_largest_whole_unit() {
        for text in ["500ms", "30s", "90m", "2h", "1d", "0ms"] {
            assert_eq!(Time::from_text(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn payloads_are_text_or_hex() {
        assert_eq!(Payload::from_text("ping").unwrap().0, b"ping");
        assert_eq!(Payload::from_text("hex:00 ff").unwrap().0, [0, 0xff]);
        assert!(Payload::from_text("hex:0").is_err());
    }

    #[test]
    fn a_secret_is_never_repeated() {
        assert_eq!(
            SecretText::from_text("hunter2").unwrap_err(),
            "expected an even number of hexadecimal digits"
        );
        assert_eq!(format!("{:?}", SecretText(vec![0xab])), "SecretText(…)");
    }
}
