//! Which route a request takes: compiled once, matched for every request, pure.
//!
//! The most specific route wins: an exact host before `*.host` (the longer the earlier) before any host, and
//! among those an exact path before a prefix (the longer the earlier).

pub mod target;

use std::cmp::Reverse;

use bytes::Bytes;

use super::encode;
use super::files::Site;
use super::http::{Request, StatusCode};

/// What a route asks of a request's host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    Any,
    /// In lower case.
    Exact(String),
    /// Any name under this one, which is in lower case: `*.example.net` is `Under("example.net")`.
    Under(String),
}

/// What a route asks of a request's path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    Exact(String),
    /// Whole segments: `/api` holds `/api` and `/api/x`, but not `/apis`.
    Prefix(String),
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// To a backend of the pool with this index.
    Proxy(usize),
    Redirect {
        status: StatusCode,
        to: String,
    },
    Respond {
        status: StatusCode,
        body: Bytes,
    },
    Files(Box<Site>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub name: String,
    pub host: Host,
    pub path: Path,
    pub action: Action,
    /// How bodies are coded on the way; `None`: they are not.
    pub compress: Option<encode::Settings>,
}

/// Two routes that the same requests take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("routes \"{0}\" and \"{1}\" match the same requests; remove one, or make one more specific")]
pub struct Conflict(pub String, pub String);

/// All routes, the most specific first.
#[derive(Clone, Debug, Default)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// # Errors
    ///
    /// Two routes match the same requests.
    pub fn compile(mut routes: Vec<Route>) -> Result<Self, Conflict> {
        routes.sort_by_key(|route| Reverse(route.specificity()));
        for (at, route) in routes.iter().enumerate() {
            let same = |other: &&Route| (&other.host, &other.path) == (&route.host, &route.path);
            if let Some(other) = routes[at + 1..].iter().find(same) {
                return Err(Conflict(route.name.clone(), other.name.clone()));
            }
        }
        Ok(Self(routes))
    }

    /// The route that a request takes, whose path is matched in this form.
    pub fn find(&self, request: &Request, path: &[u8]) -> Option<&Route> {
        let host = request.host();
        let host = host.strip_suffix(b".").unwrap_or(host);
        self.0.iter().find(|route| route.host.holds(host) && route.path.holds(path))
    }
}

impl Route {
    fn specificity(&self) -> (u8, usize, u8, usize) {
        let (host, host_len) = match &self.host {
            Host::Any => (0, 0),
            Host::Under(name) => (1, name.len()),
            Host::Exact(name) => (2, name.len()),
        };
        let (path, path_len) = match &self.path {
            Path::Prefix(path) => (0, path.len()),
            Path::Exact(path) => (1, path.len()),
        };
        (host, host_len, path, path_len)
    }
}

impl Host {
    fn holds(&self, host: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => host.eq_ignore_ascii_case(name.as_bytes()),
            Self::Under(name) => host
                .len()
                .checked_sub(name.len() + 1)
                .filter(|dot| *dot > 0 && host[*dot] == b'.')
                .is_some_and(|dot| host[dot + 1..].eq_ignore_ascii_case(name.as_bytes())),
        }
    }
}

impl Path {
    fn holds(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(own) => path == own.as_bytes(),
            Self::Prefix(own) => match path.strip_prefix(own.trim_end_matches('/').as_bytes()) {
                Some(rest) => rest.is_empty() && !own.ends_with('/') || rest.first() == Some(&b'/'),
                None => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str, host: Host, path: Path) -> Route {
        Route { name: name.to_owned(), host, path, action: Action::Proxy(0), compress: None }
    }

    fn site() -> Routes {
        let (exact, under) = (|h: &str| Host::Exact(h.into()), |h: &str| Host::Under(h.into()));
        let (is, prefix) = (|p: &str| Path::Exact(p.into()), |p: &str| Path::Prefix(p.into()));
        Routes::compile(vec![
            route("any", Host::Any, prefix("/")),
            route("under", under("a.net"), prefix("/")),
            route("deep", under("b.a.net"), prefix("/")),
            route("api", exact("a.net"), prefix("/api")),
            route("v2", exact("a.net"), prefix("/api/v2")),
            route("ping", exact("a.net"), is("/api/v2/ping")),
        ])
        .unwrap()
    }

    fn taken(host: &str, path: &str) -> String {
        let request = Request { authority: host.into(), target: path.into(), ..Request::default() };
        site().find(&request, request.path()).map(|route| route.name.clone()).unwrap_or_default()
    }

    #[test]
    fn the_most_specific_host_wins() {
        assert_eq!(taken("x.b.a.net", "/api"), "deep");
        assert_eq!(taken("x.A.net:81", "/"), "under");
        assert_eq!(taken("a.net", "/"), "any");
        assert_eq!(taken("xa.net", "/"), "any");
        assert_eq!(taken(".a.net", "/"), "any");
    }

    #[test]
    fn the_longest_path_wins_and_segments_are_whole() {
        assert_eq!(taken("a.net", "/api/v2/ping?x"), "ping");
        assert_eq!(taken("a.net.", "/api/v2/ping/"), "v2");
        assert_eq!(taken("A.NET", "/api"), "api");
        assert_eq!(taken("a.net", "/apis"), "any");
    }

    #[test]
    fn routes_for_the_same_requests_are_refused() {
        let twice = ["one", "two"].map(|name| route(name, Host::Any, Path::Exact("/".into())));
        assert_eq!(Routes::compile(twice.to_vec()).unwrap_err(), Conflict("one".into(), "two".into()));
    }
}
