//! Conditional requests (RFC 9110 §13): whether a client's idea of a file still holds.

use super::validator::{self, Seconds, Validators};
use crate::proxy::http::{Fields, Method, Name, Request};

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request is answered as if it had none.
    Holds,
    /// 304: the client has this state of the file.
    NotModified,
    /// 412: the file is not in the state that the client asks for.
    Failed,
}

/// Evaluates all conditions but `If-Range` in the order of RFC 9110 §13.2.2, on a file that there is.
pub fn evaluate(request: &Request, file: &Validators) -> Outcome {
    let fields = &request.fields;
    let reads = matches!(request.method, Method::GET | Method::HEAD);
    if fields.has(Name::IfMatch) {
        if !any_tag(fields, Name::IfMatch, |tag| tag.is_strongly(file.tag())) {
            return Outcome::Failed;
        }
    } else if let Some(date) = only_date(fields, Name::IfUnmodifiedSince)
        && file.modified() > date
    {
        return Outcome::Failed;
    }
    if fields.has(Name::IfNoneMatch) {
        match any_tag(fields, Name::IfNoneMatch, |tag| tag.is_weakly(file.tag())) {
            true if reads => Outcome::NotModified,
            true => Outcome::Failed,
            false => Outcome::Holds,
        }
    } else {
        match only_date(fields, Name::IfModifiedSince) {
            Some(date) if reads && file.modified() <= date => Outcome::NotModified,
            _ => Outcome::Holds,
        }
    }
}

/// Whether a `Range` may be answered with a part (RFC 9110 §13.1.5): there is no `If-Range`, or it names this
/// state of the file. The time `now` tells whether the file has been at rest for long enough that its date names one
/// state only (§8.8.2.2).
pub fn range_holds(fields: &Fields, file: &Validators, now: impl FnOnce() -> Seconds) -> bool {
    let mut values = fields.all(Name::IfRange);
    match (values.next(), values.next()) {
        (None, _) => true,
        (Some(_), Some(_)) => false,
        (Some(value), None) => match Tags(value).next() {
            Some(tag) => tag.is_strongly(file.tag()),
            None => validator::date(value) == Some(file.modified()) && file.modified() < now(),
        },
    }
}

/// Whether the list is `*`, or one of its tags is right.
fn any_tag(fields: &Fields, name: Name, is_right: impl Fn(Tag<'_>) -> bool) -> bool {
    fields.all(name).any(|value| value.trim_ascii() == b"*" || Tags(value).any(&is_right))
}

/// The date of a field that stands once; anything else is ignored (RFC 9110 §13.1.3 and §13.1.4).
fn only_date(fields: &Fields, name: Name) -> Option<Seconds> {
    let mut values = fields.all(name);
    let value = values.next()?;
    if values.next().is_some() { None } else { validator::date(value) }
}

/// An entity tag as a client sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag<'a> {
    weak: bool,
    /// With its quotation marks.
    opaque: &'a [u8],
}

impl Tag<'_> {
    /// RFC 9110 §8.8.3.2; `own` is strong.
    fn is_strongly(self, own: &[u8]) -> bool {
        !self.weak && self.opaque == own
    }

    fn is_weakly(self, own: &[u8]) -> bool {
        self.opaque == own
    }
}

/// The entity tags of a list. What is none is passed over.
struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let start = self.0.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
            let value = &self.0[start..];
            let (weak, quoted) = match value.strip_prefix(b"W/") {
                Some(quoted) => (true, quoted),
                None => (false, value),
            };
            let end = quoted.strip_prefix(b"\"").and_then(|rest| memchr::memchr(b'"', rest));
            if let Some(end) = end {
                let (opaque, rest) = quoted.split_at(end + 2);
                self.0 = rest;
                return Some(Tag { weak, opaque });
            }
            self.0 = &value[memchr::memchr(b',', value)?..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const THEN_SECONDS: Seconds = 784_111_777;

    /// Changed at [`THEN`], with the tag `"2ebc98a1.0-5"`.
    fn file() -> Validators {
        Validators::of_time(Duration::from_secs(THEN_SECONDS), 5)
    }

    const TAG: &str = "\"2ebc98a1.0-5\"";

    fn request(method: Method, fields: &str) -> Request {
        let mut request = Request { method, ..Request::default() };
        let fields = fields.replace("TAG", TAG).replace("BEFORE", BEFORE).replace("AFTER", AFTER);
        for (name, value) in fields.replace("THEN", THEN).split("; ").filter_map(|one| one.split_once(": ")) {
            request.fields.push(name.as_bytes(), value.as_bytes());
        }
        request
    }

    #[test]
    fn conditions_are_evaluated_in_the_order_of_the_standard() {
        use Outcome::{Failed, Holds, NotModified};
        assert_eq!(file().tag(), TAG.as_bytes());
        for (fields, outcome) in [
            ("", Holds),
            // If-Match
            ("If-Match: TAG", Holds),
            ("If-Match: *", Holds),
            ("If-Match: \"x\", TAG", Holds),
            ("If-Match: \"x\"; If-Match: TAG", Holds),
            ("If-Match: \"a,b\",TAG", Holds),
            ("If-Match: W/TAG", Failed),
            ("If-Match: \"x\"", Failed),
            ("If-Match: ", Failed),
            ("If-Match: 2ebc98a1.0-5", Failed),
            // It goes before If-Unmodified-Since
            ("If-Match: TAG; If-Unmodified-Since: BEFORE", Holds),
            ("If-Match: \"x\"; If-Unmodified-Since: AFTER", Failed),
            // If-Unmodified-Since
            ("If-Unmodified-Since: THEN", Holds),
            ("If-Unmodified-Since: AFTER", Holds),
            ("If-Unmodified-Since: BEFORE", Failed),
            ("If-Unmodified-Since: yesterday", Holds),
            ("If-Unmodified-Since: BEFORE; If-Unmodified-Since: BEFORE", Holds),
            // If-None-Match
            ("If-None-Match: TAG", NotModified),
            ("If-None-Match: W/TAG", NotModified),
            ("If-None-Match: *", NotModified),
            ("If-None-Match: \"x\", W/\"y\" , TAG", NotModified),
            ("If-None-Match: bad, TAG", NotModified),
            ("If-None-Match: bad TAG", Holds),
            ("If-None-Match: \"x\"", Holds),
            ("If-None-Match: w/TAG", Holds),
            ("If-None-Match: ", Holds),
            // It goes before If-Modified-Since
            ("If-None-Match: \"x\"; If-Modified-Since: AFTER", Holds),
            ("If-None-Match: TAG; If-Modified-Since: BEFORE", NotModified),
            // If-Modified-Since
            ("If-Modified-Since: BEFORE", Holds),
            ("If-Modified-Since: THEN", NotModified),
            ("If-Modified-Since: AFTER", NotModified),
            ("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", NotModified),
            ("If-Modified-Since: Sun Nov  6 08:49:37 1994", NotModified),
            ("If-Modified-Since: 0", Holds),
            ("If-Modified-Since: AFTER; If-Modified-Since: AFTER", Holds),
            // Steps 1 and 2 go before steps 3 and 4
            ("If-Match: TAG; If-None-Match: TAG", NotModified),
            ("If-Match: \"x\"; If-None-Match: TAG", Failed),
            ("If-Unmodified-Since: BEFORE; If-None-Match: TAG", Failed),
            ("If-Unmodified-Since: AFTER; If-Modified-Since: AFTER", NotModified),
        ] {
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(evaluate(&request(method, fields), &file()), outcome, "{fields}");
            }
        }
    }

    #[test]
    fn other_methods_fail_where_reading_would_find_nothing_new() {
        for (fields, outcome) in [
            ("If-None-Match: TAG", Outcome::Failed),
            ("If-None-Match: *", Outcome::Failed),
            ("If-None-Match: \"x\"", Outcome::Holds),
            ("If-Modified-Since: AFTER", Outcome::Holds),
        ] {
            assert_eq!(evaluate(&request(Method::PUT, fields), &file()), outcome, "{fields}");
        }
    }

    #[test]
    fn a_part_is_sent_only_of_the_state_that_the_client_has() {
        for (fields, holds) in [
            ("", true),
            ("If-Range: TAG", true),
            ("If-Range: W/TAG", false),
            ("If-Range: \"x\"", false),
            ("If-Range: THEN", true),
            ("If-Range: AFTER", false),
            ("If-Range: BEFORE", false),
            ("If-Range: nonsense", false),
            ("If-Range: *", false),
            ("If-Range: ", false),
            ("If-Range: TAG; If-Range: TAG", false),
        ] {
            let fields_of = request(Method::GET, fields).fields;
            assert_eq!(range_holds(&fields_of, &file(), || THEN_SECONDS + 1), holds, "{fields}");
        }
    }

    #[test]
    fn a_date_names_no_state_of_a_file_that_changed_this_very_second() {
        let by_date = request(Method::GET, "If-Range: THEN").fields;
        assert!(!range_holds(&by_date, &file(), || THEN_SECONDS));
        assert!(range_holds(&request(Method::GET, "If-Range: TAG").fields, &file(), || THEN_SECONDS));
    }
}
