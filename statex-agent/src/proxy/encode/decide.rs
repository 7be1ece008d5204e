//! Whether a response is coded on the way, and what that changes in its head: pure.

use super::{Accepted, Choice, Coding, Level};
use crate::proxy::http::{Fields, Name, Request, Response, StatusCode, Whole};

/// What a route codes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The first is preferred where a client likes several equally.
    pub codings: Vec<(Coding, Level)>,
    /// Shorter bodies are left alone: they gain nothing.
    pub minimum: u64,
    pub types: Vec<Kind>,
}

/// Which media types are coded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `application/json`
    One(String),
    /// `text/*`: what begins so.
    Under(String),
    /// `*+json`: what ends so (RFC 6838 §4.2.8).
    Ending(String),
}

impl Kind {
    /// `None`: the text is none of the three.
    pub fn read(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        match (lower.strip_suffix('*'), lower.strip_prefix('*')) {
            (Some(begin), _) if begin.ends_with('/') && begin.len() > 1 && !begin.contains('*') => {
                Some(Self::Under(begin.to_owned()))
            }
            (_, Some(end)) if end.starts_with('+') && end.len() > 1 => Some(Self::Ending(end.to_owned())),
            _ if lower.contains('*') || lower.contains(';') => None,
            _ => lower
                .split_once('/')
                .filter(|(a, b)| !a.is_empty() && !b.is_empty())
                .map(|_| Self::One(lower.clone())),
        }
    }

    fn holds(&self, media: &[u8]) -> bool {
        let same = |media: Option<&[u8]>, own: &str| {
            media.is_some_and(|media| media.eq_ignore_ascii_case(own.as_bytes()))
        };
        match self {
            Self::One(own) => same(Some(media), own),
            Self::Under(begin) => same(media.get(..begin.len()), begin),
            Self::Ending(end) => same(media.len().checked_sub(end.len()).and_then(|at| media.get(at..)), end),
        }
    }
}

/// Names of fields that tell of the bytes as they were.
const DIGESTS: [&[u8]; 4] = [b"content-md5", b"digest", b"content-digest", b"repr-digest"];

/// Decides how the body of a final response, `whole` long, is coded, and makes the head say so. `None`: it stays
/// as it is.
///
/// Of the answer to `HEAD` the head becomes that of the answer to `GET`.
pub fn decide(
    settings: &Settings,
    request: &Request,
    response: &mut Response,
    whole: Whole,
) -> Option<(Coding, Level)> {
    if response.status == StatusCode::NOT_MODIFIED {
        tell_the_tag_that_the_client_knows(request, response);
        return None;
    }
    let accepted = Accepted::of(&request.fields);
    // Who does not take content as it is gets it coded, of whatever kind and however short.
    let pays =
        is_of_kind(settings, response) && length(response, whole).is_none_or(|len| len >= settings.minimum);
    if !may_be_coded(request, response) || !pays && accepted.takes_identity() {
        return None;
    }
    vary(&mut response.fields);
    let Choice::Coded(coding) = accepted.choose(settings.codings.iter().map(|(coding, _)| *coding)) else {
        return None;
    };
    let fields = &mut response.fields;
    fields.retain(|field| !DIGESTS.iter().any(|name| field.text.eq_ignore_ascii_case(name)));
    fields.remove(Name::ContentLength);
    // Parts of what is made anew each time cannot be had.
    fields.remove(Name::AcceptRanges);
    fields.set(Name::ContentEncoding, coding.text().as_bytes());
    weaken(fields);
    settings.codings.iter().find(|(own, _)| *own == coding).copied()
}

/// Whether coding is allowed, whatever it brings: it is content, all of it, in the form that its maker left to others
/// to choose (RFC 9110 §7.7).
fn may_be_coded(request: &Request, response: &Response) -> bool {
    let is_whole = !matches!(
        response.status,
        StatusCode::NO_CONTENT
            | StatusCode::RESET_CONTENT
            | StatusCode::PARTIAL_CONTENT
            | StatusCode::SWITCHING_PROTOCOLS
    ) && !response.fields.has(Name::ContentRange);
    let is_plain = response
        .fields
        .elements(Name::ContentEncoding)
        .all(|coding| coding.eq_ignore_ascii_case(b"identity"));
    let is_fixed = |fields: &Fields| {
        fields.elements(Name::CacheControl).any(|directive| directive.eq_ignore_ascii_case(b"no-transform"))
    };
    is_whole && is_plain && !is_fixed(&response.fields) && !is_fixed(&request.fields)
}

fn is_of_kind(settings: &Settings, response: &Response) -> bool {
    let media = response.fields.get(Name::ContentType).unwrap_or_default();
    let media = media.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    settings.types.iter().any(|kind| kind.holds(media))
}

/// Bytes of the body; of the one that `GET` would get, where there is none.
fn length(response: &Response, whole: Whole) -> Option<u64> {
    match whole {
        Whole::Length(len) => Some(len),
        Whole::None => std::str::from_utf8(response.fields.get(Name::ContentLength)?).ok()?.parse().ok(),
        Whole::Unknown => None,
    }
}

/// Tells caches that another client may get other bytes.
fn vary(fields: &mut Fields) {
    let covered = |name: &[u8]| name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding");
    if fields.elements(Name::Vary).any(covered) {
        return;
    }
    let mut names: Vec<u8> = fields.elements(Name::Vary).collect::<Vec<_>>().join(&b", "[..]);
    names.extend_from_slice(if names.is_empty() { b"accept-encoding" } else { b", accept-encoding" });
    fields.set(Name::Vary, &names);
}

/// The bytes may differ from one time to the next, so that a tag names them weakly (RFC 9110 §8.8.1).
fn weaken(fields: &mut Fields) {
    if let Some(tag) = fields.get(Name::Etag).filter(|tag| tag.starts_with(b"\"")) {
        let weak = [b"W/", tag].concat();
        fields.set(Name::Etag, &weak);
    }
}

/// A client that has coded content asks by the weak tag that came with it, and is answered by it.
fn tell_the_tag_that_the_client_knows(request: &Request, response: &mut Response) {
    let Some(tag) = response.fields.get(Name::Etag).filter(|tag| tag.starts_with(b"\"")) else { return };
    let weak = [b"W/", tag].concat();
    if request.fields.all(Name::IfNoneMatch).any(|tags| memchr::memmem::find(tags, &weak).is_some()) {
        response.fields.set(Name::Etag, &weak);
        vary(&mut response.fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::http::Method;

    fn settings() -> Settings {
        let types = ["text/*", "application/json", "*+xml"].map(|text| Kind::read(text).unwrap()).to_vec();
        Settings { codings: vec![(Coding::Zstd, 3), (Coding::Gzip, 6)], minimum: 1024, types }
    }

    fn put(fields: &mut Fields, text: &str) {
        for (name, value) in text.split("; ").filter_map(|field| field.split_once(": ")) {
            fields.push(name.as_bytes(), value.replace('|', ";").as_bytes());
        }
    }

    /// How the response `fields` to a request with `accept` is coded, and what its head says then.
    fn coded(accept: &str, status: u16, fields: &str, whole: Whole) -> (Option<Coding>, Response) {
        let mut request = Request { method: Method::GET, ..Request::default() };
        put(&mut request.fields, accept);
        let mut response = Response::new(StatusCode::from_u16(status).unwrap());
        put(&mut response.fields, fields);
        let coding = decide(&settings(), &request, &mut response, whole);
        (coding.map(|(coding, _)| coding), response)
    }

    const LONG: Whole = Whole::Length(5000);
    const GZIP: &str = "Accept-Encoding: gzip";

    #[test]
    fn a_coded_response_says_so() {
        let fields = "Content-Type: text/html| charset=utf-8; ETag: \"x\"; Accept-Ranges: bytes; Vary: origin; \
                      Content-MD5: y; Repr-Digest: z; X-Other: kept";
        let (coding, response) = coded(GZIP, 200, fields, LONG);
        assert_eq!(coding, Some(Coding::Gzip));
        let text = |name| response.fields.get(name).map(|value| std::str::from_utf8(value).unwrap());
        assert_eq!(text(Name::ContentEncoding), Some("gzip"));
        assert_eq!(text(Name::Etag), Some("W/\"x\""));
        assert_eq!(text(Name::Vary), Some("origin, accept-encoding"));
        assert_eq!(text(Name::AcceptRanges), None);
        let names: Vec<_> = response.fields.iter().map(|field| field.text).collect();
        assert!(names.contains(&&b"X-Other"[..]) && names.len() == 5, "{response:?}");
    }

    #[test]
    fn the_clients_weights_and_then_the_order_decide() {
        for (accept, coding) in [
            ("gzip, zstd", Some(Coding::Zstd)),
            ("gzip, zstd|q=0.9", Some(Coding::Gzip)),
            ("br", None),
            ("identity", None),
            ("gzip|q=0", None),
            ("*", Some(Coding::Zstd)),
        ] {
            let (chosen, response) =
                coded(&format!("Accept-Encoding: {accept}"), 200, "Content-Type: text/css", LONG);
            assert_eq!(chosen, coding, "{accept}");
            assert_eq!(response.fields.get(Name::Vary), Some(&b"accept-encoding"[..]), "{accept}");
        }
        assert_eq!(coded("", 200, "Content-Type: text/css", LONG).0, None);
    }

    #[test]
    fn what_must_not_or_need_not_be_coded_stays_as_it_is() {
        let html = "Content-Type: text/html";
        for (status, fields, whole) in [
            (200, "Content-Type: image/png", LONG),
            (200, "", LONG),
            (200, html, Whole::Length(1023)),
            (200, html, Whole::Length(0)),
            (200, &format!("{html}; Content-Encoding: br"), LONG),
            (200, &format!("{html}; Content-Encoding: identity, br"), LONG),
            (200, &format!("{html}; Cache-Control: public, No-Transform"), LONG),
            (206, &format!("{html}; Content-Range: bytes 0-4999/9999"), LONG),
            (204, html, Whole::None),
            (205, html, Whole::Length(0)),
            (304, html, Whole::None),
        ] {
            let (coding, response) = coded(GZIP, status, fields, whole);
            assert_eq!(coding, None, "{status} {fields}");
            assert!(!response.fields.has(Name::Vary), "{status} {fields}");
        }
        let asks = format!("{GZIP}; Cache-Control: no-transform");
        assert_eq!(coded(&asks, 200, html, LONG).0, None);
    }

    #[test]
    fn a_body_without_a_length_is_coded() {
        assert!(coded(GZIP, 200, "Content-Type: text/event-stream", Whole::Unknown).0.is_some());
        assert!(
            coded(GZIP, 404, "Content-Type: TEXT/html ; Content-Encoding: identity", Whole::Unknown)
                .0
                .is_some()
        );
    }

    #[test]
    fn the_head_is_the_same_without_the_body() {
        let html = "Content-Type: text/html; ETag: \"x\"";
        let (_, get) = coded(GZIP, 200, html, LONG);
        let (coding, head) = coded(GZIP, 200, &format!("{html}; Content-Length: 5000"), Whole::None);
        assert!(coding.is_some());
        assert_eq!(format!("{head:?}"), format!("{get:?}"));
        assert!(coded(GZIP, 200, &format!("{html}; Content-Length: 50"), Whole::None).0.is_none());
    }

    #[test]
    fn who_takes_nothing_as_it_is_gets_all_coded() {
        let only = "Accept-Encoding: gzip, identity|q=0";
        assert!(coded(only, 200, "Content-Type: image/png", Whole::Length(3)).0.is_some());
        assert!(coded(only, 200, "Content-Type: image/png; Content-Encoding: br", LONG).0.is_none());
        assert!(coded("Accept-Encoding: identity|q=0", 200, "Content-Type: text/css", LONG).0.is_none());
    }

    #[test]
    fn weak_and_missing_tags_stay_and_vary_grows_once() {
        let (_, response) =
            coded(GZIP, 200, "Content-Type: text/css; ETag: W/\"x\"; Vary: Accept-Encoding", LONG);
        assert_eq!(response.fields.get(Name::Etag), Some(&b"W/\"x\""[..]));
        assert_eq!(response.fields.all(Name::Vary).collect::<Vec<_>>(), [b"Accept-Encoding"]);
        let (_, response) = coded(GZIP, 200, "Content-Type: text/css; Vary: *", LONG);
        assert_eq!(response.fields.get(Name::Vary), Some(&b"*"[..]));
        assert!(!response.fields.has(Name::Etag));
    }

    #[test]
    fn who_asks_by_a_weak_tag_is_answered_by_it() {
        let asks = |tag: &str| format!("{GZIP}; If-None-Match: {tag}");
        let (_, response) = coded(&asks("\"a\", W/\"x\""), 304, "ETag: \"x\"", Whole::None);
        assert_eq!(response.fields.get(Name::Etag), Some(&b"W/\"x\""[..]));
        assert_eq!(response.fields.get(Name::Vary), Some(&b"accept-encoding"[..]));
        let (_, response) = coded(&asks("\"x\""), 304, "ETag: \"x\"", Whole::None);
        assert_eq!(response.fields.get(Name::Etag), Some(&b"\"x\""[..]));
    }

    #[test]
    fn kinds_are_read_in_three_forms() {
        assert_eq!(Kind::read("Text/*"), Some(Kind::Under("text/".into())));
        assert_eq!(Kind::read("*+JSON"), Some(Kind::Ending("+json".into())));
        assert_eq!(Kind::read("application/json"), Some(Kind::One("application/json".into())));
        for text in ["", "text", "*", "*/*", "/", "text/", "/*", "*json", "te*xt/x", "text/html; charset=x"] {
            assert_eq!(Kind::read(text), None, "{text}");
        }
    }
}
