//! Heads of requests and responses: from bytes to the shared vocabulary (RFC 9112 §2 to §5).

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status};

use super::{Framing, Limits, Refusal, framing, target};
use crate::proxy::http::{Fields, Method, Name, Request, Response, StatusCode, Version};

/// What a head says beside its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Bytes of the head: what follows is the body.
    pub len: usize,
    pub framing: Framing,
    /// The connection may be used for another message.
    pub keeps_alive: bool,
}

/// Reads a request's head. `None`: it is not complete. `request` is overwritten.
///
/// # Errors
///
/// It must be answered with [`Refusal::status`], and the connection closed.
pub fn request(bytes: &[u8], limits: &Limits, request: &mut Request) -> Result<Option<Read>, Refusal> {
    let mut slots = [const { MaybeUninit::uninit() }; Limits::MOST_FIELDS];
    let mut raw = httparse::Request::new(&mut []);
    let bounded = &bytes[..bytes.len().min(limits.head)];
    let parsed = ParserConfig::default().parse_request_with_uninit_headers(&mut raw, bounded, &mut slots);
    let too_long = raw.path.map_or(0, str::len) > limits.target;
    let Some(len) = complete(parsed, bytes, limits).map_err(|refusal| match refusal {
        Refusal::LargeHead if raw.path.is_none() => Refusal::LongTarget,
        other => other,
    })?
    else {
        return if too_long { Err(Refusal::LongTarget) } else { Ok(None) };
    };
    if too_long {
        return Err(Refusal::LongTarget);
    }
    lines_end_in_crlf(&bytes[..len])?;
    request.clear();
    request.version = version(raw.version);
    let method = raw.method.unwrap_or_default();
    request.method = Method::from_bytes(method.as_bytes()).map_err(|_| Refusal::Malformed("the method"))?;
    let mut hosts = raw.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("host"));
    let host = hosts.next().map(|field| field.value);
    if hosts.next().is_some() || host.is_none() && request.version == Version::Http11 {
        return Err(Refusal::Malformed("not one Host"));
    }
    take(raw.headers, limits, &mut request.fields)?;
    target::read(request, raw.path.unwrap_or_default().as_bytes(), host)?;
    let framing = framing::of_request(&request.fields, request.version)?;
    upgrade(request);
    Ok(Some(Read { len, framing, keeps_alive: keeps_alive(&request.fields, request.version) }))
}

/// Reads the head of a response to a request with this method. `None`: it is not complete.
///
/// # Errors
///
/// It is no response that could be passed on.
pub fn response(
    bytes: &[u8],
    limits: &Limits,
    method: &Method,
    response: &mut Response,
) -> Result<Option<Read>, Refusal> {
    let mut slots = [const { MaybeUninit::uninit() }; Limits::MOST_FIELDS];
    let mut raw = httparse::Response::new(&mut []);
    let bounded = &bytes[..bytes.len().min(limits.head)];
    let parsed = ParserConfig::default().parse_response_with_uninit_headers(&mut raw, bounded, &mut slots);
    let Some(len) = complete(parsed, bytes, limits)? else { return Ok(None) };
    lines_end_in_crlf(&bytes[..len])?;
    response.fields.clear();
    response.version = version(raw.version);
    response.status = StatusCode::from_u16(raw.code.unwrap_or_default())
        .ok()
        .filter(|status| status.as_u16() < 600)
        .ok_or(Refusal::Malformed("the status"))?;
    take(raw.headers, limits, &mut response.fields)?;
    let framing = framing::of_response(response, method)?;
    let keeps_alive = keeps_alive(&response.fields, response.version) && framing != Framing::UntilClose;
    Ok(Some(Read { len, framing, keeps_alive }))
}

fn complete(
    parsed: httparse::Result<usize>,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Option<usize>, Refusal> {
    match parsed {
        Ok(Status::Complete(len)) => Ok(Some(len)),
        Ok(Status::Partial) if bytes.len() >= limits.head => Err(Refusal::LargeHead),
        Ok(Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err(Refusal::LargeHead),
        Err(httparse::Error::Version) => Err(Refusal::Version),
        Err(httparse::Error::HeaderName) => Err(Refusal::Malformed("a field's name")),
        Err(httparse::Error::HeaderValue) => Err(Refusal::Malformed("a field's value")),
        Err(_) => Err(Refusal::Malformed("the first line")),
    }
}

/// The parser takes a bare LF for the end of a line, as RFC 9112 §2.2 allows; another reader may not.
pub(super) fn lines_end_in_crlf(bytes: &[u8]) -> Result<(), Refusal> {
    let ends = memchr::memchr_iter(b'\n', bytes).all(|at| at > 0 && bytes[at - 1] == b'\r');
    if ends { Ok(()) } else { Err(Refusal::Malformed("a line feed without a carriage return")) }
}

/// `Host` is kept beside the fields, as the authority.
fn take(raw: &[Header<'_>], limits: &Limits, fields: &mut Fields) -> Result<(), Refusal> {
    if raw.len() > limits.fields {
        return Err(Refusal::LargeHead);
    }
    for field in raw.iter().filter(|field| !field.name.eq_ignore_ascii_case("host")) {
        fields.push(field.name.as_bytes(), field.value);
    }
    Ok(())
}

fn version(minor: Option<u8>) -> Version {
    if minor == Some(0) { Version::Http10 } else { Version::Http11 }
}

/// RFC 9110 §7.8: only where `Connection` names it, and never of HTTP/1.0.
fn upgrade(request: &mut Request) {
    let named = request.fields.elements(Name::Connection).any(|name| name.eq_ignore_ascii_case(b"upgrade"));
    if named && request.version >= Version::Http11 {
        for protocol in request.fields.elements(Name::Upgrade) {
            if !request.protocol.is_empty() {
                request.protocol.extend_from_slice(b", ");
            }
            request.protocol.extend_from_slice(protocol);
        }
    }
    request.fields.remove(Name::Upgrade);
}

/// RFC 9112 §9.3.
fn keeps_alive(fields: &Fields, version: Version) -> bool {
    let says =
        |word: &[u8]| fields.elements(Name::Connection).any(|option| option.eq_ignore_ascii_case(word));
    if version == Version::Http10 { says(b"keep-alive") && !says(b"close") } else { !says(b"close") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<(Request, Read)>, Refusal> {
        let mut head = Request::default();
        Ok(request(text.as_bytes(), &Limits::default(), &mut head)?.map(|read| (head, read)))
    }

    fn good(text: &str) -> (Request, Read) {
        read(text).unwrap().expect("complete")
    }

    #[test]
    fn a_request_is_taken_apart() {
        let (head, read) = good("POST /a?b HTTP/1.1\r\nHost: x.net:81\r\nContent-Length: 3\r\n\r\nabc");
        assert_eq!((head.path(), head.query(), head.host()), (&b"/a"[..], Some(&b"b"[..]), &b"x.net"[..]));
        assert_eq!((read.framing, read.keeps_alive, head.fields.len()), (Framing::Length(3), true, 1));
    }

    #[test]
    fn an_absolute_target_goes_before_host() {
        let (head, _) = good("GET http://real.net?q HTTP/1.1\r\nHost: other.net\r\n\r\n");
        assert_eq!((&head.authority[..], &head.target[..]), (&b"real.net"[..], &b"/?q"[..]));
    }

    #[test]
    fn every_cut_of_a_head_waits_for_more() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
        for end in 0..text.len() {
            assert!(matches!(read(&text[..end]), Ok(None)), "{end}");
        }
    }

    #[test]
    fn another_protocol_is_asked_for_only_by_both_fields() {
        let head = |fields: &str| good(&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")).0;
        let asked = head("Connection: keep-alive, Upgrade\r\nUpgrade: websocket, x/2");
        assert_eq!((&asked.protocol[..], asked.fields.has(Name::Upgrade)), (&b"websocket, x/2"[..], false));
        assert!(head("Upgrade: websocket").protocol.is_empty());
        assert!(head("Connection: upgrade").protocol.is_empty());
    }

    #[test]
    fn connections_persist_by_version_and_word() {
        assert!(!good("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").1.keeps_alive);
        assert!(!good("GET / HTTP/1.0\r\n\r\n").1.keeps_alive);
        assert!(good("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").1.keeps_alive);
    }

    #[test]
    fn smuggling_and_nonsense_are_refused() {
        for text in [
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert!(matches!(read(text), Err(Refusal::Malformed(_))), "{text:?}: {:?}", read(text));
        }
        assert_eq!(read("GET / HTTP/2.0\r\nHost: a\r\n\r\n").unwrap_err(), Refusal::Version);
    }

    #[test]
    fn what_is_too_large_is_told_apart() {
        let long = |n| "x".repeat(n);
        let target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", long(9000));
        assert_eq!(read(&target).unwrap_err(), Refusal::LongTarget);
        assert_eq!(read(&format!("GET /{}", long(40_000))).unwrap_err(), Refusal::LongTarget);
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", long(40_000));
        assert_eq!(read(&head).unwrap_err(), Refusal::LargeHead);
        let fields = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(101));
        assert_eq!(read(&fields).unwrap_err(), Refusal::LargeHead);
    }

    #[test]
    fn a_response_ends_with_the_connection_where_nothing_else_is_said() {
        let mut head = Response::default();
        let text = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n";
        let read = response(text, &Limits::default(), &Method::GET, &mut head).unwrap().unwrap();
        assert_eq!((read.framing, read.keeps_alive), (Framing::UntilClose, false));
    }
}
