//! Heads of requests and responses, independent of the protocol they came by.

use super::{Fields, Method, StatusCode};

/// The protocol that a message came by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Http10,
    #[default]
    Http11,
    Http2,
    Http3,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    #[default]
    Http,
    Https,
}

/// The head of a request. A connection uses one again and again.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: Method,
    pub scheme: Scheme,
    /// Host and port as the client named them (`Host` or `:authority`); empty where it named none. There
    /// is no `Host` among the fields.
    pub authority: Vec<u8>,
    /// Path and query; `*` for `OPTIONS *`; empty for a `CONNECT` that asks for a tunnel.
    pub target: Vec<u8>,
    /// What the client asks to speak next, as `websocket`; empty: it goes on with this protocol. By HTTP/1.1
    /// it comes of `Upgrade` (RFC 9110 §7.8), which is not among the fields then; by later versions of the
    /// `:protocol` of a `CONNECT` (RFC 8441 §4, RFC 9220 §3).
    pub protocol: Vec<u8>,
    pub version: Version,
    pub fields: Fields,
}

impl Request {
    /// Makes room for the next request and keeps the memory.
    pub fn clear(&mut self) {
        self.method = Method::GET;
        self.authority.clear();
        self.target.clear();
        self.protocol.clear();
        self.fields.clear();
    }

    /// Whether the client asks for a tunnel; the answer says whether it gets one.
    pub fn wants_tunnel(&self) -> bool {
        self.method == Method::CONNECT || !self.protocol.is_empty()
    }

    /// The target before its query.
    pub fn path(&self) -> &[u8] {
        self.target.split(|byte| *byte == b'?').next().unwrap_or_default()
    }

    /// What stands behind the first `?` of the target.
    pub fn query(&self) -> Option<&[u8]> {
        self.target.splitn(2, |byte| *byte == b'?').nth(1)
    }

    /// The authority without its port; an IPv6 address in its brackets.
    pub fn host(&self) -> &[u8] {
        let start = self.authority.iter().rposition(|byte| *byte == b']').unwrap_or(0);
        let colon = self.authority[start..].iter().position(|byte| *byte == b':');
        colon.map_or(&self.authority[..], |colon| &self.authority[..start + colon])
    }
}

/// The head of a response.
#[derive(Clone, Debug, Default)]
pub struct Response {
    pub status: StatusCode,
    pub version: Version,
    pub fields: Fields,
}

impl Response {
    pub fn new(status: StatusCode) -> Self {
        Self { status, ..Self::default() }
    }

    /// Whether what follows is a tunnel: the request wanted one, and this answer gives it.
    pub fn opens_tunnel(&self, request: &Request) -> bool {
        let switched = self.status == StatusCode::SWITCHING_PROTOCOLS && !request.protocol.is_empty();
        switched || request.method == Method::CONNECT && self.status.is_success()
    }

    /// Whether the status promises another response to the same request (RFC 9110 §15.2).
    pub fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(authority: &str, target: &str) -> Request {
        Request { authority: authority.into(), target: target.into(), ..Request::default() }
    }

    #[test]
    fn path_and_query_part_at_the_first_question_mark() {
        let request = to("", "/a?b=c?d");
        assert_eq!((request.path(), request.query()), (&b"/a"[..], Some(&b"b=c?d"[..])));
        assert_eq!(to("", "/").query(), None);
    }

    #[test]
    fn the_host_has_no_port() {
        assert_eq!(to("example.net:8080", "").host(), b"example.net");
        assert_eq!(to("[2001:db8::1]:443", "").host(), b"[2001:db8::1]");
        assert_eq!(to("[2001:db8::1]", "").host(), b"[2001:db8::1]");
        assert_eq!(to("", "").host(), b"");
    }
}
