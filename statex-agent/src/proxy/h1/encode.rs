//! The way back to bytes: heads and chunks.

use super::Framing;
use crate::proxy::http::{Fields, Method, Name, Request, Response, StatusCode};

/// What a response says of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// What its version has anyway.
    Unsaid,
    /// Said to HTTP/1.0, whose connections close otherwise.
    KeepAlive,
    Close,
}

/// Writes a request's head. Its framing comes from `framing`, not from its fields.
pub fn request(wire: &mut Vec<u8>, request: &Request, framing: Framing) {
    wire.extend_from_slice(request.method.as_str().as_bytes());
    wire.push(b' ');
    wire.extend_from_slice(if request.method == Method::CONNECT {
        &request.authority
    } else {
        &request.target
    });
    wire.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    wire.extend_from_slice(&request.authority);
    wire.extend_from_slice(b"\r\n");
    fields(wire, &request.fields);
    length(wire, framing);
    if !request.protocol.is_empty() {
        field(wire, b"connection", b"upgrade");
        field(wire, b"upgrade", &request.protocol);
    }
    wire.extend_from_slice(b"\r\n");
}

/// Writes a response's head. Where `framing` is [`Framing::None`], a `Content-Length` among the fields stays:
/// it tells of what another request would get (RFC 9110 §8.6).
pub fn response(wire: &mut Vec<u8>, response: &Response, framing: Framing, persistence: Persistence) {
    wire.extend_from_slice(b"HTTP/1.1 ");
    wire.extend_from_slice(response.status.as_str().as_bytes());
    wire.push(b' ');
    wire.extend_from_slice(response.status.canonical_reason().unwrap_or_default().as_bytes());
    wire.extend_from_slice(b"\r\n");
    fields(wire, &response.fields);
    if framing == Framing::None
        && let Some(told) = response.fields.get(Name::ContentLength)
    {
        field(wire, b"content-length", told);
    }
    length(wire, framing);
    match persistence {
        _ if response.status == StatusCode::SWITCHING_PROTOCOLS => field(wire, b"connection", b"upgrade"),
        Persistence::Unsaid => {}
        Persistence::KeepAlive => field(wire, b"connection", b"keep-alive"),
        Persistence::Close => field(wire, b"connection", b"close"),
    }
    wire.extend_from_slice(b"\r\n");
}

/// The line before a chunk's data; behind the data comes CRLF.
pub fn chunk_head(wire: &mut Vec<u8>, len: usize) {
    digits::<16>(wire, len as u64);
    wire.extend_from_slice(b"\r\n");
}

/// The end of a chunked body.
pub fn last_chunk(wire: &mut Vec<u8>, trailers: &Fields) {
    wire.extend_from_slice(b"0\r\n");
    fields(wire, trailers);
    wire.extend_from_slice(b"\r\n");
}

fn fields(wire: &mut Vec<u8>, fields: &Fields) {
    for one in fields.iter().filter(|one| !matches!(one.name, Name::ContentLength | Name::TransferEncoding)) {
        field(wire, one.text, one.value);
    }
}

fn field(wire: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    wire.extend_from_slice(name);
    wire.extend_from_slice(b": ");
    wire.extend_from_slice(value);
    wire.extend_from_slice(b"\r\n");
}

fn length(wire: &mut Vec<u8>, framing: Framing) {
    match framing {
        Framing::Length(length) => {
            wire.extend_from_slice(b"content-length: ");
            digits::<10>(wire, length);
            wire.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => wire.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::None | Framing::UntilClose => {}
    }
}

/// A number to this base. The formatting machinery of the library is slow for what is written so often.
fn digits<const BASE: u64>(wire: &mut Vec<u8>, mut number: u64) {
    let mut text = [0; 20];
    let mut start = text.len();
    for place in text.iter_mut().rev() {
        let digit = (number % BASE) as u8;
        *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        start -= 1;
        number /= BASE;
        if number == 0 {
            break;
        }
    }
    wire.extend_from_slice(&text[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::http::StatusCode;

    fn text(wire: &[u8]) -> &str {
        std::str::from_utf8(wire).unwrap()
    }

    #[test]
    fn a_request_says_its_framing_once() {
        let mut head = Request { target: b"/a".into(), authority: b"b".into(), ..Request::default() };
        head.fields.push(b"Content-Length", b"9");
        head.fields.push(b"X", b"y");
        let mut wire = Vec::new();
        request(&mut wire, &head, Framing::Chunked);
        assert_eq!(text(&wire), "GET /a HTTP/1.1\r\nhost: b\r\nX: y\r\ntransfer-encoding: chunked\r\n\r\n");
    }

    #[test]
    fn a_response_without_a_body_keeps_the_length_it_tells() {
        let mut head = Response::new(StatusCode::OK);
        head.fields.push(b"Content-Length", b"9");
        let mut wire = Vec::new();
        response(&mut wire, &head, Framing::None, Persistence::Close);
        assert_eq!(text(&wire), "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n");
    }

    #[test]
    fn an_upgrade_is_said_on_both_sides() {
        let head = Request { target: b"/".into(), protocol: b"websocket".into(), ..Request::default() };
        let mut wire = Vec::new();
        request(&mut wire, &head, Framing::None);
        assert!(text(&wire).ends_with("\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"));
        let (head, mut wire) = (Response::new(StatusCode::SWITCHING_PROTOCOLS), Vec::new());
        response(&mut wire, &head, Framing::None, Persistence::Unsaid);
        assert_eq!(text(&wire), "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\n");
    }

    #[test]
    fn numbers_are_written_as_the_library_would() {
        for number in [0, 9, 10, 15, 16, 255, 12_345, u64::MAX] {
            let (mut decimal, mut hexadecimal) = (Vec::new(), Vec::new());
            digits::<10>(&mut decimal, number);
            digits::<16>(&mut hexadecimal, number);
            assert_eq!((text(&decimal), text(&hexadecimal)), (&*number.to_string(), &*format!("{number:x}")));
        }
    }
}
