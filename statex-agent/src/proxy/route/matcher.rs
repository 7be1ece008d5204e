//! What one route asks of a request beside its host.

use std::net::IpAddr;

use ipnet::IpNet;
use percent_encoding::percent_decode;
use regex::bytes::Regex;

use crate::config::proxy::{self as meant, Condition, Matches, Wanted};
use crate::proxy::http::{Method, Name, Request};

/// What a route is chosen by.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub request: &'a Request,
    /// The request's path in the form that is matched (see [`super::target`]).
    pub path: &'a [u8],
    pub client: IpAddr,
}

/// What a route asks.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    path: Path,
    /// Most routes ask for nothing else.
    further: Option<Box<Further>>,
}

#[derive(Clone, Debug)]
enum Path {
    Exact(Box<[u8]>),
    /// Without the slash at its end.
    Prefix(Box<[u8]>, EndsInSlash),
    Regex(Regex),
}

type EndsInSlash = bool;

#[derive(Clone, Debug)]
struct Further {
    extensions: Vec<String>,
    methods: Vec<Method>,
    headers: Vec<Test>,
    query: Vec<Test>,
    cookies: Vec<Test>,
    clients: Vec<IpNet>,
}

/// A [`Condition`] that is ready to be tried.
#[derive(Clone, Debug)]
struct Test {
    name: String,
    wanted: Ready,
}

#[derive(Clone, Debug)]
enum Ready {
    Present,
    Absent,
    Exact(String),
    Regex(Regex),
}

impl Matcher {
    /// # Errors
    ///
    /// An expression is none, or too large.
    pub(super) fn new(matches: &Matches) -> Result<Self, regex::Error> {
        let path = match &matches.path {
            meant::Path::Exact(path) => Path::Exact(path.as_bytes().into()),
            meant::Path::Prefix(path) => Path::Prefix(
                path.trim_end_matches('/').as_bytes().into(),
                path.len() > 1 && path.ends_with('/'),
            ),
            meant::Path::Regex(regex) => Path::Regex(Regex::new(regex)?),
        };
        let tests =
            |conditions: &[Condition]| conditions.iter().map(Test::new).collect::<Result<Vec<_>, _>>();
        let further = Further {
            extensions: matches.extensions.clone(),
            methods: matches.methods.clone(),
            headers: tests(&matches.headers)?,
            query: tests(&matches.query)?,
            cookies: tests(&matches.cookies)?,
            clients: matches.clients.clone(),
        };
        Ok(Self { path, further: (!further.is_empty()).then(|| Box::new(further)) })
    }

    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        self.path.holds(facts.path) && self.further.as_ref().is_none_or(|further| further.holds(facts))
    }
}

impl Path {
    fn holds(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(own) => path == &**own,
            Self::Prefix(own, ends_in_slash) => match path.strip_prefix(&**own) {
                Some(rest) => rest.first() == Some(&b'/') || rest.is_empty() && !ends_in_slash,
                None => false,
            },
            Self::Regex(regex) => regex.is_match(path),
        }
    }
}

impl Further {
    fn is_empty(&self) -> bool {
        let tests = [&self.headers, &self.query, &self.cookies];
        self.extensions.is_empty()
            && self.methods.is_empty()
            && self.clients.is_empty()
            && tests.iter().all(|tests| tests.is_empty())
    }

    fn holds(&self, Facts { request, path, client }: &Facts<'_>) -> bool {
        (self.methods.is_empty() || self.methods.contains(&request.method))
            && (self.extensions.is_empty() || self.has_extension(path))
            && (self.clients.is_empty() || self.clients.iter().any(|prefix| prefix.contains(client)))
            && self.headers.iter().all(|test| {
                let fields = request.fields.iter();
                let fields = fields.filter(|field| field.text.eq_ignore_ascii_case(test.name.as_bytes()));
                test.holds(fields.map(|field| field.value.into()))
            })
            && self.query.iter().all(|test| test.holds(parameters(request, &test.name)))
            && self.cookies.iter().all(|test| test.holds(cookies(request, &test.name).map(Into::into)))
    }

    fn has_extension(&self, path: &[u8]) -> bool {
        let segment = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let Some(dot) = memchr::memrchr(b'.', segment) else { return false };
        self.extensions.iter().any(|own| segment[dot + 1..].eq_ignore_ascii_case(own.as_bytes()))
    }
}

impl Test {
    fn new(condition: &Condition) -> Result<Self, regex::Error> {
        let wanted = match &condition.wanted {
            Wanted::Present => Ready::Present,
            Wanted::Absent => Ready::Absent,
            Wanted::Exact(text) => Ready::Exact(text.clone()),
            Wanted::Regex(regex) => Ready::Regex(Regex::new(regex)?),
        };
        Ok(Self { name: condition.name.clone(), wanted })
    }

    /// Whether one of the values is as wanted.
    fn holds<'a>(&self, mut values: impl Iterator<Item = std::borrow::Cow<'a, [u8]>>) -> bool {
        match &self.wanted {
            Ready::Present => values.next().is_some(),
            Ready::Absent => values.next().is_none(),
            Ready::Exact(text) => values.any(|value| *value == *text.as_bytes()),
            Ready::Regex(regex) => values.any(|value| regex.is_match(&value)),
        }
    }
}

/// Values of the query's parameters with this name, decoded (WHATWG URL §5.1).
fn parameters<'a>(request: &'a Request, name: &'a str) -> impl Iterator<Item = std::borrow::Cow<'a, [u8]>> {
    let pairs = request.query().unwrap_or_default().split(|byte| *byte == b'&');
    pairs.filter_map(move |pair| {
        let (key, value) = match memchr::memchr(b'=', pair) {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        };
        (*decoded(key) == *name.as_bytes() && !pair.is_empty()).then(|| decoded(value))
    })
}

fn decoded(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return text.into();
    }
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect::<Vec<u8>>().into()
}

/// Values of the cookies with this name (RFC 6265 §5.4).
pub(crate) fn cookies<'a>(request: &'a Request, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let pairs = request.fields.all(Name::Cookie).flat_map(|value| value.split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value))
    })
}
