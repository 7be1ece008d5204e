//! A request from its lines (RFC 9113 §8.3.1, RFC 9114 §4.3.1; CONNECT: §8.5, §4.4; Extended CONNECT: RFC 8441 §4,
//! RFC 9220 §3).

use super::{Kind, Limits, Line, Refusal, Section};
use crate::proxy::http::{Fields, Method, Name, Request};

/// Reads a request line by line. Lines behind one that is wrong change nothing.
#[derive(Debug)]
pub struct RequestReader<'a> {
    method: &'a mut Method,
    authority: &'a mut Vec<u8>,
    target: &'a mut Vec<u8>,
    protocol: &'a mut Vec<u8>,
    section: Section<'a>,
    limits: &'a Limits,
    seen: Seen,
    wrong: Option<Refusal>,
}

/// Pseudo-header fields that have come, and whether others have.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    method: bool,
    scheme: bool,
    authority: bool,
    path: bool,
    protocol: bool,
    field: bool,
}

impl<'a> RequestReader<'a> {
    /// Reads into `request`, which is overwritten.
    pub fn new(request: &'a mut Request, limits: &'a Limits) -> Self {
        request.clear();
        let Request { method, authority, target, protocol, fields, .. } = request;
        let section = Section::new(fields, limits);
        Self { method, authority, target, protocol, section, limits, seen: Seen::default(), wrong: None }
    }

    pub fn line(&mut self, line: &Line<'_>) {
        if self.wrong.is_none() {
            self.wrong = self.take(line).err();
        }
    }

    fn take(&mut self, line: &Line<'_>) -> Result<(), Refusal> {
        self.section.charge(line)?;
        let seen = match line.kind {
            Kind::Field(name) => {
                self.seen.field = true;
                return self.section.take(name, line);
            }
            Kind::Method => &mut self.seen.method,
            Kind::Scheme => &mut self.seen.scheme,
            Kind::Authority => &mut self.seen.authority,
            Kind::Path => &mut self.seen.path,
            Kind::Protocol => &mut self.seen.protocol,
            Kind::Status => return Err(Refusal::Malformed("a request with a status")),
            Kind::Malformed => return Err(Refusal::Malformed("a field")),
        };
        if std::mem::replace(seen, true) {
            return Err(Refusal::Malformed("a pseudo-header field twice"));
        }
        if self.seen.field {
            return Err(Refusal::Malformed("a pseudo-header field behind a field"));
        }
        match line.kind {
            Kind::Method => {
                let method = Method::from_bytes(line.value);
                *self.method = method.map_err(|_| Refusal::Malformed("the method"))?;
            }
            Kind::Scheme if line.value != b"https" && line.value != b"http" => {
                return Err(Refusal::Malformed("the scheme"));
            }
            Kind::Authority => self.authority.extend_from_slice(line.value),
            Kind::Path if line.value.len() > self.limits.target => return Err(Refusal::LongTarget),
            Kind::Path => self.target.extend_from_slice(line.value),
            Kind::Protocol => self.protocol.extend_from_slice(line.value),
            _ => {}
        }
        Ok(())
    }

    /// The end of the lines: the length that the request declares. `extended`: the client was told that it may ask
    /// for protocols.
    ///
    /// # Errors
    ///
    /// It cannot be passed on. What was malformed goes with a stream error too (RFC 9113 §8.1.1, RFC 9114 §4.1.2).
    pub fn finish(mut self, extended: bool) -> Result<Option<u64>, Refusal> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let Seen { method, scheme, authority, path, protocol, .. } = self.seen;
        let connect = *self.method == Method::CONNECT;
        let complete = match (connect, protocol) {
            (true, false) => authority && !scheme && !path,
            (true, true) => extended && authority && scheme && path && !self.protocol.is_empty(),
            (false, _) => scheme && path && !protocol,
        };
        if !(method && complete) {
            return Err(Refusal::Malformed("not the pseudo-header fields of its method"));
        }
        if path && !is_target(self.method, self.target) {
            return Err(Refusal::Malformed("the path"));
        }
        host(self.section.fields, self.authority)?;
        self.section.join_cookies();
        Ok(self.section.length)
    }
}

/// `Host` says the authority where there is no `:authority`, and else the same (RFC 9113 §8.3.1).
fn host(fields: &mut Fields, authority: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut hosts = fields.all(Name::Host);
    let (host, another) = (hosts.next(), hosts.next());
    drop(hosts);
    if let Some(host) = host {
        if another.is_some() || !(authority.is_empty() || authority.eq_ignore_ascii_case(host)) {
            return Err(Refusal::Malformed("a Host that differs"));
        }
        if authority.is_empty() {
            authority.extend_from_slice(host);
        }
        fields.remove(Name::Host);
    }
    if authority.is_empty() || !authority.iter().all(|byte| is_of_authority(*byte)) {
        return Err(Refusal::Malformed("the authority"));
    }
    Ok(())
}

/// `uri-host [ ":" port ]` (RFC 3986 §3.2.2); user information is not of it (RFC 9113 §8.3.1).
fn is_of_authority(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte)
}

/// Nothing that would end a request line, or that a backend could cut off.
fn is_target(method: &Method, target: &[u8]) -> bool {
    match target {
        [b'/', ..] => target.iter().all(|byte| *byte > b' ' && *byte != 0x7f && *byte != b'#'),
        b"*" => *method == Method::OPTIONS,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&str, &str)]) -> Result<(Request, Option<u64>), Refusal> {
        let (mut request, limits) = (Request::default(), Limits::default());
        let mut reader = RequestReader::new(&mut request, &limits);
        for (name, value) in lines {
            reader.line(&Line::new(name.as_bytes(), value.as_bytes()));
        }
        let length = reader.finish(true)?;
        Ok((request, length))
    }

    const GET: [(&str, &str); 4] =
        [(":method", "GET"), (":scheme", "https"), (":authority", "x.net"), (":path", "/a?b")];

    /// A good request with more lines.
    fn with(lines: &[(&str, &str)]) -> Result<(Request, Option<u64>), Refusal> {
        read(&[&GET, lines].concat())
    }

    #[test]
    fn a_request_is_taken_apart() {
        let (request, length) = with(&[("content-length", "7"), ("x", "y"), ("te", "trailers")]).unwrap();
        assert_eq!((&request.authority[..], &request.target[..]), (&b"x.net"[..], &b"/a?b"[..]));
        assert_eq!((request.fields.len(), length), (3, Some(7)));
    }

    #[test]
    fn host_stands_in_for_the_authority() {
        let (request, _) =
            read(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a:1")]).unwrap();
        assert_eq!((&request.authority[..], request.fields.is_empty()), (&b"a:1"[..], true));
        assert!(with(&[("host", "X.net")]).unwrap().0.fields.is_empty());
        assert!(with(&[("host", "y.net")]).is_err());
        assert!(with(&[("host", "x.net"), ("host", "x.net")]).is_err());
    }

    #[test]
    fn crumbs_become_one_cookie() {
        let (request, _) = with(&[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]).unwrap();
        assert_eq!(request.fields.all(Name::Cookie).collect::<Vec<_>>(), [b"a=1; b=2"]);
    }

    #[test]
    fn connect_has_no_path_unless_it_asks_for_a_protocol() {
        assert!(read(&[(":method", "CONNECT"), (":authority", "a:443")]).is_ok());
        let connect = [(":method", "CONNECT"), GET[1], GET[2], GET[3]];
        assert!(read(&connect).is_err());
        let (request, _) = read(&[&connect[..], &[(":protocol", "websocket")]].concat()).unwrap();
        assert_eq!(request.protocol, b"websocket");
        assert!(with(&[(":protocol", "websocket")]).is_err());
    }

    #[test]
    fn nonsense_is_malformed() {
        for lines in [
            &[][..],
            &GET[1..],
            &[GET[0], GET[2], GET[3]],
            &GET[..3],
            &[GET[0], GET[1], GET[3]],
            &[GET[0], GET[1], GET[2], (":path", "")],
            &[GET[0], GET[1], GET[2], (":path", "a")],
            &[GET[0], GET[1], GET[2], (":path", "*")],
            &[GET[0], GET[1], GET[2], (":path", "/a b")],
            &[GET[0], GET[1], GET[2], (":path", "/#a")],
            &[GET[0], GET[1], (":authority", "u@x"), GET[3]],
            &[GET[0], GET[1], (":authority", "x/y"), GET[3]],
            &[GET[0], (":scheme", "ftp"), GET[2], GET[3]],
            &[(":method", "G T"), GET[1], GET[2], GET[3]],
            &[GET[0], GET[0], GET[1], GET[2], GET[3]],
            &[GET[0], GET[1], GET[2], ("x", "y"), GET[3]],
        ] {
            assert!(matches!(read(lines), Err(Refusal::Malformed(_))), "{lines:?}");
        }
        for line in [
            (":status", "200"),
            (":x", "y"),
            ("X", "y"),
            ("x", "a\r\nb"),
            ("x", "a\0"),
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("keep-alive", "1"),
            ("proxy-connection", "x"),
            ("te", "gzip"),
            ("content-length", "+1"),
            ("content-length", "1, 1"),
        ] {
            assert!(matches!(with(&[line]), Err(Refusal::Malformed(_))), "{line:?}");
        }
        assert!(with(&[("content-length", "1"), ("content-length", "1")]).is_err());
    }

    #[test]
    fn what_is_too_large_is_told_apart() {
        let long = "x".repeat(9000);
        let path = format!("/{long}");
        assert_eq!(read(&[GET[0], GET[1], GET[2], (":path", &path)]).unwrap_err(), Refusal::LongTarget);
        assert_eq!(with(&[("x", &long[..]); 4]).unwrap_err(), Refusal::LargeHead);
        assert_eq!(with(&[("x", ""); 101]).unwrap_err(), Refusal::LargeHead);
    }
}
