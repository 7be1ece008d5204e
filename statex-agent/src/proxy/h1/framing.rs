//! How long a message's body is (RFC 9112 §6): the decision that request smuggling attacks.

use super::Refusal;
use crate::proxy::http::{Fields, Method, Name, Response, StatusCode, Version, Whole};

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body; a `Content-Length` then tells of another message (RFC 9110 §8.6).
    None,
    Length(u64),
    Chunked,
    /// It ends with the connection; of responses only.
    UntilClose,
}

impl Framing {
    /// How a message of this version is delimited.
    pub fn of(whole: Whole, version: Version) -> Self {
        match whole {
            Whole::None => Self::None,
            Whole::Length(length) => Self::Length(length),
            Whole::Unknown if version >= Version::Http11 => Self::Chunked,
            Whole::Unknown => Self::UntilClose,
        }
    }

    pub fn whole(self) -> Whole {
        match self {
            Self::None => Whole::None,
            Self::Length(length) => Whole::Length(length),
            Self::Chunked | Self::UntilClose => Whole::Unknown,
        }
    }
}

/// Of a request.
///
/// # Errors
///
/// Both framings at once, a length that is not one number, or a coding that is not `chunked`.
pub fn of_request(fields: &Fields, version: Version) -> Result<Framing, Refusal> {
    match declared(fields, version)? {
        Some(framing) => Ok(framing),
        None => Ok(Framing::None),
    }
}

/// Of a response to a request with this method.
///
/// # Errors
///
/// As of a request.
pub fn of_response(response: &Response, method: &Method) -> Result<Framing, Refusal> {
    let declared = declared(&response.fields, response.version)?;
    let bodiless = matches!(response.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if response.status.is_informational() || bodiless || *method == Method::HEAD {
        return Ok(Framing::None);
    }
    Ok(declared.unwrap_or(Framing::UntilClose))
}

fn declared(fields: &Fields, version: Version) -> Result<Option<Framing>, Refusal> {
    let mut codings = fields.all(Name::TransferEncoding);
    let mut lengths = fields.all(Name::ContentLength);
    match (codings.next(), lengths.next()) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Refusal::Malformed("a length and a transfer coding")),
        (Some(_), None) if version < Version::Http11 => {
            Err(Refusal::Malformed("a transfer coding in HTTP/1.0"))
        }
        (Some(_), None) if codings.next().is_some() => Err(Refusal::Malformed("two transfer codings")),
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Some(Framing::Chunked)),
        (Some(_), None) => Err(Refusal::Coding),
        (None, Some(_)) if lengths.next().is_some() => Err(Refusal::Malformed("two lengths")),
        (None, Some(length)) => number(length).map(Framing::Length).map(Some),
    }
}

/// Digits and nothing else: no sign, no list.
fn number(text: &[u8]) -> Result<u64, Refusal> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(text).ok().filter(|_| digits).and_then(|text| text.parse().ok());
    number.ok_or(Refusal::Malformed("a length that is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(text: &str) -> Result<Framing, Refusal> {
        let mut fields = Fields::default();
        for (name, value) in text.split("; ").filter_map(|field| field.split_once(": ")) {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        of_request(&fields, Version::Http11)
    }

    #[test]
    fn one_length_or_one_chunked_is_taken() {
        assert_eq!(framing(""), Ok(Framing::None));
        assert_eq!(framing("Content-Length: 12"), Ok(Framing::Length(12)));
        assert_eq!(framing("Transfer-Encoding: Chunked"), Ok(Framing::Chunked));
    }

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        for text in [
            "Content-Length: 1; Transfer-Encoding: chunked",
            "Content-Length: 1; Content-Length: 2",
            "Content-Length: 1; Content-Length: 1",
            "Content-Length: 1, 1",
            "Content-Length: +1",
            "Content-Length: -1",
            "Content-Length: 0x1",
            "Content-Length: ",
            "Content-Length: 18446744073709551616",
            "Transfer-Encoding: chunked; Transfer-Encoding: chunked",
        ] {
            assert!(matches!(framing(text), Err(Refusal::Malformed(_))), "{text}");
        }
        for text in ["gzip, chunked", "chunked, identity", "xchunked", "\x0bchunked", ""] {
            assert_eq!(framing(&format!("Transfer-Encoding: {text}")), Err(Refusal::Coding), "{text}");
        }
    }

    #[test]
    fn http_1_0_knows_no_transfer_coding() {
        let mut fields = Fields::default();
        fields.push(b"Transfer-Encoding", b"chunked");
        assert!(of_request(&fields, Version::Http10).is_err());
    }

    #[test]
    fn a_response_without_a_length_ends_with_the_connection() {
        let response = |status| Response::new(StatusCode::from_u16(status).unwrap());
        assert_eq!(of_response(&response(200), &Method::GET), Ok(Framing::UntilClose));
        for status in [100, 103, 204, 304] {
            assert_eq!(of_response(&response(status), &Method::GET), Ok(Framing::None));
        }
        assert_eq!(of_response(&response(200), &Method::HEAD), Ok(Framing::None));
    }
}
