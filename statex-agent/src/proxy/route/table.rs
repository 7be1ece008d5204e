//! Routes by host, the most specific first.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::matcher::{Facts, Matcher};
use super::rank::Rank;
use crate::config::proxy::{Host, Matches};

/// Longest host name (RFC 1035 §2.3.4), with the dot at its end.
const LONGEST_HOST: usize = 254;

/// The routes of one listener.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    exact: HashMap<Box<[u8]>, Table>,
    /// By what stands behind `*.`, the longest first.
    under: Vec<(Box<[u8]>, Table)>,
    any: Table,
}

/// All routes that could hold for one host, the most specific first.
type Table = Vec<Candidate>;

#[derive(Clone, Debug)]
struct Candidate {
    matcher: Matcher,
    /// What the route was given as.
    id: usize,
}

impl Routes {
    /// Compiles routes, each with an id that [`find`](Self::find) gives.
    ///
    /// # Errors
    ///
    /// An expression is none, or too large.
    pub fn compile<'a>(
        routes: impl IntoIterator<Item = (usize, &'a Matches)> + Clone,
    ) -> Result<Self, regex::Error> {
        let hosts = || routes.clone().into_iter().flat_map(|(_, matches)| &matches.hosts);
        let mut compiled = Self::default();
        for host in hosts() {
            match host {
                Host::Exact(name) if !compiled.exact.contains_key(name.as_bytes()) => {
                    compiled.exact.insert(name.as_bytes().into(), table(host, routes.clone())?);
                }
                Host::Under(name) if !compiled.under.iter().any(|(own, _)| **own == *name.as_bytes()) => {
                    compiled.under.push((name.as_bytes().into(), table(host, routes.clone())?));
                }
                _ => {}
            }
        }
        compiled.under.sort_by_key(|(name, _)| Reverse(name.len()));
        compiled.any = table(&Host::Any, routes)?;
        Ok(compiled)
    }

    /// The id of the route that a request takes.
    pub fn find(&self, facts: &Facts<'_>) -> Option<usize> {
        let table = self.table(facts.request.host());
        table.iter().find(|candidate| candidate.matcher.holds(facts)).map(|candidate| candidate.id)
    }

    fn table(&self, host: &[u8]) -> &Table {
        if self.exact.is_empty() && self.under.is_empty() {
            return &self.any;
        }
        let host = host.strip_suffix(b".").unwrap_or(host);
        let mut lower = [0; LONGEST_HOST];
        // What is longer is no host name, and so none of those here.
        let Some(lower) = lower.get_mut(..host.len()) else { return &self.any };
        lower.copy_from_slice(host);
        lower.make_ascii_lowercase();
        if let Some(table) = self.exact.get(&*lower) {
            return table;
        }
        let under = self.under.iter().find(|(name, _)| is_under(lower, name));
        under.map_or(&self.any, |(_, table)| table)
    }
}

/// All routes that could hold for a host that this one of theirs holds for.
fn table<'a>(
    host: &Host,
    routes: impl IntoIterator<Item = (usize, &'a Matches)>,
) -> Result<Table, regex::Error> {
    let mut ranked = Vec::new();
    for (id, matches) in routes {
        let best =
            matches.hosts.iter().filter(|own| holds(own, host)).map(|own| Rank::of(own, matches)).max();
        if let Some(rank) = best {
            ranked.push((Reverse(rank), Candidate { matcher: Matcher::new(matches)?, id }));
        }
    }
    // Stable: what is alike stays in the order of the file.
    ranked.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(ranked.into_iter().map(|(_, candidate)| candidate).collect())
}

/// Whether whatever the second holds for, the first does.
fn holds(one: &Host, other: &Host) -> bool {
    match (one, other) {
        (Host::Any, _) => true,
        (Host::Exact(own), Host::Exact(name)) => own == name,
        (Host::Under(own), Host::Exact(name)) => is_under(name.as_bytes(), own.as_bytes()),
        (Host::Under(own), Host::Under(name)) => own == name || is_under(name.as_bytes(), own.as_bytes()),
        (Host::Exact(_), _) | (Host::Under(_), Host::Any) => false,
    }
}

/// Whether a host is `something.name`; both in lower case.
fn is_under(host: &[u8], name: &[u8]) -> bool {
    host.strip_suffix(name).and_then(|rest| rest.strip_suffix(b".")).is_some_and(|rest| !rest.is_empty())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::proxy::{Condition, Path, Wanted};
    use crate::proxy::http::{Method, Name, Request};

    /// `host/prefix`, `host=/exact` or `host~regex`; then `.ext`, `METHOD`, `name=value` (a field), `?name=value`,
    /// `;name=value` (a cookie), `@clients`.
    pub(in crate::proxy::route) fn matches(text: &str) -> Matches {
        let mut words = text.split(' ');
        let first = words.next().unwrap();
        let at = first.find(['/', '=', '~']).unwrap();
        let host = match first[..at].strip_prefix("*.") {
            Some(under) => Host::Under(under.to_owned()),
            None if at == 0 => Host::Any,
            None => Host::Exact(first[..at].to_owned()),
        };
        let path = match &first[at..] {
            regex if regex.starts_with('~') => Path::Regex(regex[1..].to_owned()),
            exact if exact.starts_with('=') => Path::Exact(exact[1..].to_owned()),
            prefix => Path::Prefix(prefix.to_owned()),
        };
        let mut matches = Matches {
            hosts: vec![host],
            path,
            extensions: vec![],
            methods: vec![],
            headers: vec![],
            query: vec![],
            cookies: vec![],
            clients: vec![],
        };
        for word in words {
            match (word.as_bytes()[0], &word[1..]) {
                (b'.', extension) => matches.extensions.push(extension.to_owned()),
                (b'@', prefix) => matches.clients.push(prefix.parse().unwrap()),
                (b'?', pair) => matches.query.push(condition(pair)),
                (b';', pair) => matches.cookies.push(condition(pair)),
                _ if word.contains('=') => matches.headers.push(condition(word)),
                _ => matches.methods.push(Method::from_bytes(word.as_bytes()).unwrap()),
            }
        }
        matches
    }

    fn condition(pair: &str) -> Condition {
        let (name, value) = pair.split_once('=').unwrap();
        let wanted = match value {
            "*" => Wanted::Present,
            "!" => Wanted::Absent,
            _ => match value.strip_prefix('~') {
                Some(regex) => Wanted::Regex(regex.to_owned()),
                None => Wanted::Exact(value.to_owned()),
            },
        };
        Condition { name: name.to_owned(), wanted }
    }

    fn request(host: &str, target: &str) -> Request {
        Request { authority: host.into(), target: target.into(), ..Request::default() }
    }

    /// Which of the routes a request takes.
    fn taken<'a>(routes: &[&'a str], request: &Request, client: &str) -> Option<&'a str> {
        let all: Vec<Matches> = routes.iter().map(|text| matches(text)).collect();
        let compiled = Routes::compile(all.iter().enumerate()).unwrap();
        let facts = Facts { request, path: request.path(), client: client.parse().unwrap() };
        compiled.find(&facts).map(|id| routes[id])
    }

    fn by_target<'a>(routes: &[&'a str], host: &str, target: &str) -> Option<&'a str> {
        taken(routes, &request(host, target), "192.0.2.1")
    }

    #[test]
    fn the_most_specific_host_wins() {
        let site = ["/", "*.a.net/", "*.b.a.net/", "a.net/api"];
        for (host, target, expected) in [
            ("x.b.a.net", "/api", "*.b.a.net/"),
            ("x.A.net:81", "/", "*.a.net/"),
            ("a.net", "/", "/"),
            ("a.net.", "/api", "a.net/api"),
            ("xa.net", "/", "/"),
            (".a.net", "/", "/"),
        ] {
            assert_eq!(by_target(&site, host, target), Some(expected), "{host}{target}");
        }
    }

    #[test]
    fn the_most_specific_path_wins_and_segments_are_whole() {
        let site = ["/", "/api", "/api/v2/", "=/api/v2/ping", "~^/api/v[0-9]+/old", "/ .css .js"];
        for (target, expected) in [
            ("/api/v2/ping?x", "=/api/v2/ping"),
            ("/api/v2/ping/", "/api/v2/"),
            ("/api/v2", "/api"),
            ("/api/v2/old", "~^/api/v[0-9]+/old"),
            ("/apis", "/"),
            ("/a/b.CSS", "/ .css .js"),
            ("/api/b.css", "/api"),
            ("/a.css/b", "/"),
        ] {
            assert_eq!(by_target(&site, "a.net", target), Some(expected), "{target}");
        }
    }

    #[test]
    fn a_route_that_asks_more_goes_first() {
        let site = ["/", "/ POST", "/ POST x-a=1", "/ ?q=*", "/ @10.0.0.0/8", "/ @10.1.0.0/16"];
        let mut post = request("", "/");
        post.method = Method::POST;
        assert_eq!(taken(&site, &post, "192.0.2.1"), Some("/ POST"));
        post.fields.push(b"X-A", b"2");
        assert_eq!(taken(&site, &post, "192.0.2.1"), Some("/ POST"));
        post.fields.push(b"X-A", b"1");
        assert_eq!(taken(&site, &post, "192.0.2.1"), Some("/ POST x-a=1"));
        assert_eq!(taken(&site, &request("", "/?p=1&q"), "192.0.2.1"), Some("/ ?q=*"));
        assert_eq!(taken(&site, &request("", "/"), "10.1.2.3"), Some("/ @10.1.0.0/16"));
        assert_eq!(taken(&site, &request("", "/"), "10.2.2.3"), Some("/ @10.0.0.0/8"));
    }

    #[test]
    fn parameters_and_cookies_are_read_as_servers_read_them() {
        let takes = |route: &'static str, query: &str, cookie: &str| {
            let mut request = request("", &format!("/?{query}"));
            request.fields.add_known(Name::Cookie, cookie.as_bytes());
            taken(&[route], &request, "192.0.2.1").is_some()
        };
        assert!(takes("/ ?a=b", "x=y&%61=%62", ""));
        assert!(takes("/ ?a=~^b.c$", "a=b+c", ""));
        assert!(!takes("/ ?a=b", "a=bc&ab=b", ""));
        assert!(takes("/ ?a=!", "b=a", "") && !takes("/ ?a=!", "a", ""));
        assert!(takes("/ ;a=b", "", "x=y; a=\"b\"; z=1"));
        assert!(!takes("/ ;a=b", "", "xa=b; A=b"));
    }

    #[test]
    fn a_host_longer_than_any_name_takes_the_routes_of_any() {
        assert_eq!(by_target(&["a.net/", "/"], &"x".repeat(1000), "/"), Some("/"));
        assert_eq!(by_target(&["a.net/"], "b.net", "/"), None);
    }
}
