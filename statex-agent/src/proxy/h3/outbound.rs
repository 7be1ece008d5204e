//! What goes by a request stream: heads and trailers as HEADERS frames (RFC 9114 §4.1 to §4.3).

use super::frame;
use super::qpack::encode;
use crate::proxy::heads::write;
use crate::proxy::http::{Fields, Method, Response, Whole};

/// HEADERS is the frame type 0x1.
const HEADERS: u64 = 0x1;

/// Writes the head of a response to a request with this method.
pub fn response(wire: &mut Vec<u8>, response: &Response, whole: Whole, method: &Method) {
    frame::write(wire, HEADERS, |wire| {
        encode::prefix(wire);
        write::response(response, whole, method, &mut |line| encode::line(wire, &line));
    });
}

/// Writes trailers.
pub fn trailers(wire: &mut Vec<u8>, trailers: &Fields) {
    frame::write(wire, HEADERS, |wire| {
        encode::prefix(wire);
        write::trailers(trailers, &mut |line| encode::line(wire, &line));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::h3::qpack::Decoder;
    use crate::proxy::http::StatusCode;

    /// The lines of a HEADERS frame that is the whole of `wire`.
    fn lines(wire: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let line =
            |line: &crate::proxy::heads::Line<'_>| lines.push(text(line.name) + "=" + &text(line.value));
        // Type, and a length of two bytes.
        Decoder::new(0).section(0, &wire[3..], line).unwrap();
        lines
    }

    #[test]
    fn a_response_is_a_frame_of_lines() {
        let mut head = Response::new(StatusCode::IM_A_TEAPOT);
        head.fields.push(b"X-A", b"b");
        head.fields.push(b"Connection", b"x-a");
        let mut wire = Vec::new();
        response(&mut wire, &head, Whole::Length(3), &Method::GET);
        assert_eq!(
            (wire[0], lines(&wire)),
            (1, vec![":status=418".into(), "x-a=b".into(), "content-length=3".into()])
        );
    }

    #[test]
    fn trailers_are_a_frame_of_lines() {
        let (mut fields, mut wire) = (Fields::default(), Vec::new());
        fields.push(b"Grpc-Status", b"0");
        trailers(&mut wire, &fields);
        assert_eq!(lines(&wire), ["grpc-status=0"]);
    }
}
