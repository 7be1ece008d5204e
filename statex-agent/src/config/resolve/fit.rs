//! Checks of single values.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::config::error::{Place, Problem, Report};
use crate::config::written::{Key, quoted};

/// A name of a pool, backend, service or node, or a region's label: it goes into metrics, messages and
/// command lines.
pub(super) fn name(key: &Key<String>, report: &mut Report) -> Option<String> {
    const LONGEST: usize = 63;
    let name = key.given()?;
    if name.is_empty() || name.len() > LONGEST {
        report.error(
            &key.place,
            format!("a name has 1 to {LONGEST} bytes; {} has {}", quoted(name), name.len()),
        );
        return None;
    }
    if let Some(unfit) = name.chars().find(|c| c.is_whitespace() || c.is_control() || *c == '/' || *c == '"')
    {
        report.error(&key.place, format!("{} is not fit for a name: it holds {unfit:?}", quoted(name)));
        return None;
    }
    Some(name.clone())
}

/// A free label; empty unless given.
pub(super) fn label(key: &Key<String>, report: &mut Report) -> String {
    match key.given() {
        Some(label) if !label.is_empty() => name(key, report).unwrap_or_default(),
        _ => String::new(),
    }
}

/// A name as the kernel takes it for an interface.
pub(super) fn interface(name: &str, place: &Place, report: &mut Report) -> bool {
    let fits = (1..16).contains(&name.len())
        && name != "."
        && name != ".."
        && !name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control());
    if !fits {
        report.error(place, format!("{} cannot be the name of an interface", quoted(name)));
    }
    fits
}

/// An absolute path of at most `longest` bytes.
pub(super) fn absolute(key: &Key<String>, longest: usize, report: &mut Report) -> Option<PathBuf> {
    let path = key.given()?;
    if !path.starts_with('/') {
        report.error(&key.place, format!("{} is not absolute; begin it with \"/\"", quoted(path)));
        return None;
    }
    if path.len() > longest {
        report
            .error(&key.place, format!("the path has {} bytes; at most {longest} are possible", path.len()));
        return None;
    }
    Some(PathBuf::from(path))
}

/// A port; 0 is none.
pub(super) fn port(key: &Key<i64>, report: &mut Report) -> Option<u16> {
    number(key, 1, u16::MAX, report)
}

/// A number between two others.
pub(super) fn number<N>(key: &Key<i64>, from: N, to: N, report: &mut Report) -> Option<N>
where
    N: Into<i64> + TryFrom<i64>,
{
    key.within(from.into()..=to.into(), report).and_then(|number| N::try_from(number).ok())
}

/// An address of one host that other hosts can reach.
pub(super) fn unicast(address: IpAddr, place: &Place, report: &mut Report) -> bool {
    if address.is_loopback() {
        report.error(place, format!("{address} is a loopback address; give one that other hosts can reach"));
        return false;
    }
    reachable(address, place, report)
}

/// An address of one host that this node can reach.
pub(super) fn reachable(address: IpAddr, place: &Place, report: &mut Report) -> bool {
    let what = match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            let v4 = address.to_canonical();
            report.error(place, format!("{address} is an IPv4 address in IPv6's form; write \"{v4}\""));
            return false;
        }
        IpAddr::V4(v4) if v4.is_broadcast() => "the broadcast address",
        _ if address.is_unspecified() => "the unspecified address",
        _ if address.is_loopback() => return true,
        _ if address.is_multicast() => "a multicast address",
        // RFC 1122 §3.2.1.3 and RFC 4291 §2.5.5.1; the data plane uses them as keys of virtual prefixes.
        IpAddr::V4(v4) if v4.octets()[0] == 0 => "no host's address",
        IpAddr::V6(v6) if v6.segments()[..6] == [0; 6] => "no host's address",
        _ => return true,
    };
    report.error(place, format!("{address} is {what}; give one that other hosts can reach"));
    false
}

/// Reports a list that is given without elements; one whose elements could not be read is no such list.
pub(super) fn not_empty<T>(key: &Key<Vec<T>>, advice: &str, report: &mut Report) {
    let inside = |problem: &Problem| problem.place.key.starts_with(&format!("{}[", key.place.key));
    if key.given().is_some_and(Vec::is_empty) && !report.errors.iter().any(inside) {
        report.error(&key.place, format!("empty; {advice}"));
    }
}

/// Reports every item whose identity an earlier one has; `message` gets the earlier one's place.
pub(super) fn unique<'a, I: Eq + Hash>(
    items: impl IntoIterator<Item = (I, &'a Place)>,
    report: &mut Report,
    message: impl Fn(&I, &Place) -> String,
) {
    let mut seen: HashMap<I, &Place> = HashMap::new();
    for (identity, place) in items {
        match seen.get(&identity) {
            Some(first) => report.error(place, message(&identity, first)),
            None => {
                seen.insert(identity, place);
            }
        }
    }
}
