//! Values that are written as text or as a bare number or truth value: addresses, words, names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use toml::de::DeValue;

use super::read::{Reader, Written, found, quoted};
use crate::config::error::{Place, did_you_mean};
use crate::config::meant::{Mac, PortMatch, Words};

/// A type with a textual form. Numbers and truth values may stand in quotation marks too: that is how a
/// variable gets into them.
pub(super) trait FromText: Sized {
    /// Completes "expected …".
    const EXPECTED: &'static str;
    /// Bare values that are taken besides text.
    const BARE: Bare = Bare::Nothing;

    /// The value, or what is wrong with it.
    fn from_text(text: &str) -> Result<Self, String>;
}

#[derive(PartialEq)]
pub(super) enum Bare {
    Nothing,
    Number,
    Truth,
}

impl<T: FromText> Written for T {
    fn read(value: &DeValue<'_>, place: &Place, reader: &mut Reader<'_>) -> Option<Self> {
        let text = match value {
            DeValue::String(text) => reader.expand(text, place)?,
            DeValue::Integer(number) if T::BARE == Bare::Number => {
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => number.to_string(),
                    Err(_) => {
                        reader.report.error(place, "the number is too large");
                        return None;
                    }
                }
            }
            DeValue::Boolean(truth) if T::BARE == Bare::Truth => truth.to_string(),
            other => {
                reader.report.error(place, format!("expected {}, found {}", T::EXPECTED, found(other)));
                return None;
            }
        };
        T::from_text(&text).map_err(|message| reader.report.error(place, message)).ok()
    }
}

impl FromText for String {
    const EXPECTED: &'static str = "text";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl FromText for bool {
    const EXPECTED: &'static str = "true or false";
    const BARE: Bare = Bare::Truth;

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| unreadable::<Self>(text))
    }
}

impl<W: Words> FromText for W {
    const EXPECTED: &'static str = "text";

    fn from_text(text: &str) -> Result<Self, String> {
        if let Some((_, word)) = W::WORDS.iter().find(|(name, _)| *name == text) {
            return Ok(*word);
        }
        let names: Vec<&str> = W::WORDS.iter().map(|(name, _)| *name).collect();
        Err(format!("unknown {} {}{}", W::KIND, quoted(text), did_you_mean(text, &names)))
    }
}

/// What a health probe does; `none` says that there shall be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum ProbeKind {
    Tcp,
    Http,
    Udp,
    None,
}

impl Words for ProbeKind {
    const KIND: &'static str = "kind of probe";
    const WORDS: &'static [(&'static str, Self)] =
        &[("tcp", Self::Tcp), ("http", Self::Http), ("udp", Self::Udp), ("none", Self::None)];
}

/// How a backend reports of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum ReportForm {
    AgentCheck,
    Json,
}

impl Words for ReportForm {
    const KIND: &'static str = "kind of report";
    const WORDS: &'static [(&'static str, Self)] = &[("agent-check", Self::AgentCheck), ("json", Self::Json)];
}

impl FromText for IpAddr {
    const EXPECTED: &'static str = "an IP address";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| match text.parse::<IpNet>() {
            Ok(_) => format!("{} is a prefix; give one address", quoted(text)),
            Err(_) => unreadable::<Self>(text),
        })
    }
}

impl FromText for SocketAddr {
    const EXPECTED: &'static str = "an address with a port such as \"0.0.0.0:80\" or \"[::]:80\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let address: Self = text.parse().map_err(|_| unreadable::<Self>(text))?;
        if address.port() == 0 {
            return Err("port 0 cannot be listened on; give 1 to 65535".to_owned());
        }
        Ok(address)
    }
}

impl FromText for Ipv4Addr {
    const EXPECTED: &'static str = "an IPv4 address";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| unreadable::<Self>(text))
    }
}

impl FromText for Ipv6Addr {
    const EXPECTED: &'static str = "an IPv6 address";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| unreadable::<Self>(text))
    }
}

/// A single address is the prefix that holds just it.
impl FromText for IpNet {
    const EXPECTED: &'static str = "a prefix such as \"192.0.2.0/24\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let whole = text.parse::<IpAddr>().map(IpNet::from);
        let prefix: Self = whole.or_else(|_| text.parse()).map_err(|_| unreadable::<Self>(text))?;
        if prefix == prefix.trunc() {
            return Ok(prefix);
        }
        Err(format!("{} has bits set behind the prefix; did you mean \"{}\"?", quoted(text), prefix.trunc()))
    }
}

impl FromText for Ipv4Net {
    const EXPECTED: &'static str = "an IPv4 address or prefix";

    fn from_text(text: &str) -> Result<Self, String> {
        match IpNet::from_text(text)? {
            IpNet::V4(prefix) => Ok(prefix),
            IpNet::V6(_) => Err(unreadable::<Self>(text)),
        }
    }
}

impl FromText for Ipv6Net {
    const EXPECTED: &'static str = "an IPv6 address or prefix";

    fn from_text(text: &str) -> Result<Self, String> {
        match IpNet::from_text(text)? {
            IpNet::V6(prefix) => Ok(prefix),
            IpNet::V4(_) => Err(unreadable::<Self>(text)),
        }
    }
}

impl FromText for Mac {
    const EXPECTED: &'static str = "a MAC address such as \"02:00:00:00:00:01\"";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|()| unreadable::<Self>(text))
    }
}

impl FromText for PortMatch {
    const EXPECTED: &'static str = "a port or \"any\"";
    const BARE: Bare = Bare::Number;

    fn from_text(text: &str) -> Result<Self, String> {
        match (text, text.parse::<i64>()) {
            ("any", _) => Ok(Self::Any),
            (_, Ok(port)) => match u16::try_from(port) {
                Ok(port) if port != 0 => Ok(Self::One(port)),
                _ => Err(format!("{port} is out of range; give 1 to 65535, or \"any\"")),
            },
            _ => Err(unreadable::<Self>(text)),
        }
    }
}

/// Says that a text is not what was expected.
pub(super) fn unreadable<T: FromText>(text: &str) -> String {
    format!("expected {}, found {}", T::EXPECTED, quoted(text))
}
