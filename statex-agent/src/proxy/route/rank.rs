//! Which of two routes is more specific, and which pairs nobody could choose between.

use ipnet::IpNet;

use crate::config::proxy::{Condition, Host, Listener, Matches, Path, Route, Wanted};

/// How specific a route is for one of its hosts; the greater goes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    host: (u8, usize),
    path: (u8, usize),
    has_extensions: bool,
    conditions: usize,
    /// Bits of the widest prefix of clients, as of IPv6.
    clients: u8,
}

impl Rank {
    pub(super) fn of(host: &Host, matches: &Matches) -> Self {
        let host = match host {
            Host::Any => (0, 0),
            Host::Under(name) => (1, name.len()),
            Host::Exact(name) => (2, name.len()),
        };
        let path = match &matches.path {
            Path::Prefix(path) => (0, path.trim_end_matches('/').len()),
            // Which of two expressions is more specific nobody can say: they go by their order.
            Path::Regex(_) => (1, 0),
            Path::Exact(path) => (2, path.len()),
        };
        let lists = [&matches.headers, &matches.query, &matches.cookies];
        let conditions = lists.iter().map(|list| list.len()).sum::<usize>()
            + usize::from(!matches.methods.is_empty())
            + usize::from(!matches.clients.is_empty());
        let clients = matches.clients.iter().map(bits).min().unwrap_or(0);
        Self { host, path, has_extensions: !matches.extensions.is_empty(), conditions, clients }
    }
}

fn bits(prefix: &IpNet) -> u8 {
    match prefix {
        IpNet::V4(prefix) => 96 + prefix.prefix_len(),
        IpNet::V6(prefix) => prefix.prefix_len(),
    }
}

/// Pairs of routes, by their indices, the earlier first, that could take the same request and of which none
/// is more specific.
pub fn conflicts(routes: &[Route], listeners: &[Listener]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (second, one) in routes.iter().enumerate() {
        for (first, other) in routes[..second].iter().enumerate() {
            if share_a_listener(one, other, listeners) && conflict(&one.matches, &other.matches) {
                pairs.push((first, second));
            }
        }
    }
    pairs
}

fn share_a_listener(one: &Route, other: &Route, listeners: &[Listener]) -> bool {
    let takes = |route: &Route, listener: &Listener| match route.listeners.is_empty() {
        true => listener.is_http(),
        false => route.listeners.contains(&listener.name),
    };
    // Where no listener is there yet, one may come.
    listeners.is_empty() || listeners.iter().any(|listener| takes(one, listener) && takes(other, listener))
}

fn conflict(one: &Matches, other: &Matches) -> bool {
    let both = one.hosts.iter().filter(|host| other.hosts.contains(host));
    let alike = |host: &Host| Rank::of(host, one) == Rank::of(host, other);
    both.into_iter().any(alike) && overlap(one, other)
}

/// Whether one request could meet both, whose hosts it meets.
fn overlap(one: &Matches, other: &Matches) -> bool {
    let same_path = match (&one.path, &other.path) {
        (Path::Exact(a), Path::Exact(b)) => a == b,
        (Path::Prefix(a), Path::Prefix(b)) => a.trim_end_matches('/') == b.trim_end_matches('/'),
        (Path::Regex(a), Path::Regex(b)) => a == b,
        _ => false,
    };
    same_path
        && lists_meet(&one.extensions, &other.extensions)
        && lists_meet(&one.methods, &other.methods)
        && conditions_meet(&one.headers, &other.headers)
        && conditions_meet(&one.query, &other.query)
        && conditions_meet(&one.cookies, &other.cookies)
        && clients_meet(&one.clients, &other.clients)
}

/// An empty list is all there is.
fn lists_meet<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.is_empty() || other.is_empty() || one.iter().any(|item| other.contains(item))
}

fn clients_meet(one: &[IpNet], other: &[IpNet]) -> bool {
    let meet = |a: &IpNet| other.iter().any(|b| a.contains(b) || b.contains(a));
    one.is_empty() || other.is_empty() || one.iter().any(meet)
}

fn conditions_meet(one: &[Condition], other: &[Condition]) -> bool {
    one.iter().all(|a| other.iter().all(|b| a.name != b.name || wants_meet(&a.wanted, &b.wanted)))
}

fn wants_meet(one: &Wanted, other: &Wanted) -> bool {
    match (one, other) {
        (Wanted::Exact(a), Wanted::Exact(b)) => a == b,
        (Wanted::Absent, wanted) | (wanted, Wanted::Absent) => *wanted == Wanted::Absent,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::route::table::tests::matches;

    fn conflict_of(one: &str, other: &str) -> bool {
        assert_eq!(conflict(&matches(one), &matches(other)), conflict(&matches(other), &matches(one)));
        conflict(&matches(one), &matches(other))
    }

    #[test]
    fn routes_for_the_same_requests_conflict() {
        for (one, other) in [
            ("/a", "/a"),
            ("/a", "/a/"),
            ("a.net/", "a.net/"),
            ("/a GET", "/a GET"),
            ("/a .css", "/a .css"),
            ("/a x=1", "/a y=1"),
            ("/a @10.0.0.0/8", "/a @10.0.0.0/8"),
            ("~^/a", "~^/a"),
        ] {
            assert!(conflict_of(one, other), "{one} and {other}");
        }
    }

    #[test]
    fn the_more_specific_of_two_is_no_conflict() {
        for (one, other) in [
            ("/a", "/a/b"),
            ("a.net/", "*.net/"),
            ("a.net/", "/"),
            ("/a", "/a .css"),
            ("/a", "/a GET"),
            ("/a GET", "/a GET x=1"),
            ("/a @10.0.0.0/8", "/a @10.1.0.0/16"),
            ("=/a", "/a"),
            ("~^/a", "~^/b"),
        ] {
            assert!(!conflict_of(one, other), "{one} and {other}");
        }
    }

    #[test]
    fn routes_that_no_request_meets_both_are_no_conflict() {
        for (one, other) in [
            ("/a GET", "/a POST"),
            ("/a .css", "/a .js"),
            ("/a x=1", "/a x=2"),
            ("/a x=!", "/a x=*"),
            ("/a @10.0.0.0/8", "/a @11.0.0.0/8"),
            ("a.net/", "b.net/"),
        ] {
            assert!(!conflict_of(one, other), "{one} and {other}");
        }
    }
}
