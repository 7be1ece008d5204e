//! A message to its lines, in the order in which they are sent.

use super::{Kind, Line};
use crate::proxy::http::{Field, Fields, Method, Name, Request, Response, Scheme, StatusCode, Whole};

/// The lines of a request.
pub fn request(head: &Request, whole: Whole, line: &mut impl FnMut(Line<'_>)) {
    let mut pseudo = |kind, name: &str, value: &[u8]| line(Line { kind, name: name.as_bytes(), value });
    // Whoever asks for another protocol does so by CONNECT here (RFC 8441 §4, RFC 9220 §3).
    let method = if head.protocol.is_empty() { &head.method } else { &Method::CONNECT };
    pseudo(Kind::Method, ":method", method.as_str().as_bytes());
    if head.method != Method::CONNECT || !head.protocol.is_empty() {
        let scheme: &[u8] = if head.scheme == Scheme::Https { b"https" } else { b"http" };
        pseudo(Kind::Scheme, ":scheme", scheme);
        pseudo(Kind::Path, ":path", &head.target);
    }
    if !head.authority.is_empty() {
        pseudo(Kind::Authority, ":authority", &head.authority);
    }
    if !head.protocol.is_empty() {
        pseudo(Kind::Protocol, ":protocol", &head.protocol);
    }
    // The proxy passes trailers on, whoever asked for them; gRPC servers want to be told (RFC 9110 §10.1.4).
    known(Name::Te, b"trailers", line);
    fields(&head.fields, |name| name != Name::ContentLength, line);
    match whole {
        Whole::Length(0) if head.method == Method::GET || head.method == Method::HEAD => {}
        Whole::Length(length) => content_length(length, line),
        Whole::None | Whole::Unknown => {}
    }
}

/// The lines of a response to a request with this method.
pub fn response(head: &Response, whole: Whole, method: &Method, line: &mut impl FnMut(Line<'_>)) {
    // There is no 101 here: another protocol is granted as a tunnel is (RFC 8441 §4).
    let status = if head.status == StatusCode::SWITCHING_PROTOCOLS { StatusCode::OK } else { head.status };
    line(Line { kind: Kind::Status, name: b":status", value: status.as_str().as_bytes() });
    let bodiless = head.status.is_informational() || head.status == StatusCode::NO_CONTENT;
    // What another request would get (RFC 9110 §8.6).
    let told = *method == Method::HEAD || head.status == StatusCode::NOT_MODIFIED;
    fields(&head.fields, |name| name != Name::ContentLength || told && !bodiless, line);
    if let Whole::Length(length) = whole
        && !told
        && !bodiless
        && *method != Method::CONNECT
    {
        content_length(length, line);
    }
}

/// The lines of trailers.
pub fn trailers(trailers: &Fields, line: &mut impl FnMut(Line<'_>)) {
    fields(trailers, |name| name != Name::ContentLength, line);
}

/// All fields that `keep` and this protocol has, their names in lower case.
fn fields(fields: &Fields, keep: impl Fn(Name) -> bool, line: &mut impl FnMut(Line<'_>)) {
    for field in fields.iter().filter(|field| crosses(field.name) && keep(field.name)) {
        match field.name {
            Name::Other => other(field, line),
            name => known(name, field.value, line),
        }
    }
}

fn known(name: Name, value: &[u8], line: &mut impl FnMut(Line<'_>)) {
    line(Line { kind: Kind::Field(name), name: name.text().as_bytes(), value });
}

fn other(field: Field<'_>, line: &mut impl FnMut(Line<'_>)) {
    let (kind, value) = (Kind::Field(Name::Other), field.value);
    let mut short = [0; 64];
    if !field.text.iter().any(u8::is_ascii_uppercase) {
        line(Line { kind, name: field.text, value });
    } else if let Some(name) = short.get_mut(..field.text.len()) {
        name.copy_from_slice(field.text);
        name.make_ascii_lowercase();
        line(Line { kind, name, value });
    } else {
        line(Line { kind, name: &field.text.to_ascii_lowercase(), value });
    }
}

/// Whether HTTP/2 and HTTP/3 have such a field (RFC 9113 §8.2.2): the last guard, whatever came before.
fn crosses(name: Name) -> bool {
    use Name::{Connection, Host, KeepAlive, ProxyConnection, Te, TransferEncoding, Upgrade};
    !matches!(name, Connection | Host | KeepAlive | ProxyConnection | Te | TransferEncoding | Upgrade)
}

fn content_length(length: u64, line: &mut impl FnMut(Line<'_>)) {
    let (mut digits, mut at, mut left) = ([0; 20], 20, length);
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    known(Name::ContentLength, &digits[at..], line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut dyn FnMut(Line<'_>))) -> Vec<String> {
        let mut lines = Vec::new();
        write(&mut |line: Line<'_>| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            lines.push(format!("{} {}", text(line.name), text(line.value)));
        });
        lines
    }

    #[test]
    fn a_request_begins_with_its_pseudo_header_fields() {
        let mut head = Request { target: b"/a".into(), authority: b"b".into(), ..Request::default() };
        head.fields.push(b"X-A", b"y");
        head.fields.push(b"Connection", b"close");
        let lines = text(|mut line| request(&head, Whole::Length(u64::MAX), &mut line));
        let start = [":method GET", ":scheme http", ":path /a", ":authority b", "te trailers", "x-a y"];
        assert_eq!(lines[..6], start);
        assert_eq!(lines[6..], ["content-length 18446744073709551615"]);
    }

    #[test]
    fn another_protocol_is_asked_for_and_granted_by_connect() {
        let (target, protocol) = (b"/a".into(), b"websocket".into());
        let head = Request { target, authority: b"b".into(), protocol, ..Request::default() };
        let lines = text(|mut line| request(&head, Whole::None, &mut line));
        assert_eq!((&lines[0][..], &lines[4][..]), (":method CONNECT", ":protocol websocket"));
        let head = Response::new(StatusCode::SWITCHING_PROTOCOLS);
        let lines = text(|mut line| response(&head, Whole::Unknown, &Method::CONNECT, &mut line));
        assert_eq!(lines, [":status 200"]);
    }

    #[test]
    fn a_response_says_its_length_once() {
        let mut head = Response::new(StatusCode::OK);
        head.fields.push(b"Content-Length", b"9");
        let lines = |method: &Method, head: &Response| {
            text(|mut line| response(head, Whole::Length(0), method, &mut line))
        };
        assert_eq!(lines(&Method::GET, &head), [":status 200", "content-length 0"]);
        assert_eq!(lines(&Method::HEAD, &head), [":status 200", "content-length 9"]);
        head.status = StatusCode::NOT_MODIFIED;
        assert_eq!(lines(&Method::GET, &head), [":status 304", "content-length 9"]);
        head.status = StatusCode::NO_CONTENT;
        assert_eq!(lines(&Method::GET, &head), [":status 204"]);
    }
}
