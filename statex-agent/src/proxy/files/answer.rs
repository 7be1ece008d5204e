//! The answer to a request for a file: which file, in which state and form, all of it or parts.

use std::io;

use bytes::Bytes;

use super::cache::{Cache, Found};
use super::condition::{self, Outcome};
use super::content::{Content, Part};
use super::file::{Family, File};
use super::multipart::{Boundary, content_range};
use super::path::{self, Asked};
use super::range::{self, Parts};
use super::{Attempt, Site};
use crate::clock::{Clock, Moment};
use crate::proxy::encode::{Accepted, Choice, Coding, accept};
use crate::proxy::http::{Method, Name, Request, Response, StatusCode};

const METHODS: &[u8] = b"GET, HEAD, OPTIONS";

/// What time it is.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    pub moment: Moment,
    /// Asked where the time of day matters, which is seldom.
    pub clock: &'a Clock,
}

/// Writes the head of the answer into `response`, which is empty, and gives its body. To a `HEAD`, that is the body
/// that a `GET` would get.
pub async fn answer(
    site: &Site,
    cache: &Cache,
    request: &Request,
    now: Now<'_>,
    response: &mut Response,
) -> Content {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        response.status = match request.method {
            Method::OPTIONS => StatusCode::NO_CONTENT,
            _ => StatusCode::METHOD_NOT_ALLOWED,
        };
        response.fields.add_known(Name::Allow, METHODS);
        return Content::empty();
    }
    let mut name = Vec::with_capacity(64);
    let asked = match path::resolve(request.path(), &mut name) {
        Ok(asked) => asked,
        Err(refusal) => {
            response.status = refusal.status();
            return Content::empty();
        }
    };
    match attempt(site, cache, name, asked, now.moment).await {
        Ok(Way::File(name, family)) => file(site, request, &name, &family, now.clock, response),
        Ok(Way::Folder) => {
            response.status = StatusCode::MOVED_PERMANENTLY;
            response.fields.add_known(Name::Location, &with_slash(request));
            Content::empty()
        }
        Ok(Way::Status(status)) => {
            response.status = status;
            Content::empty()
        }
        Err(error) => {
            tracing::warn!(root = %site.root.path().display(), %error, "a file cannot be served");
            response.status = StatusCode::SERVICE_UNAVAILABLE;
            Content::empty()
        }
    }
}

/// What a request comes to.
enum Way {
    File(Vec<u8>, std::rc::Rc<Family>),
    /// The path lacks the slash of a folder.
    Folder,
    Status(StatusCode),
}

/// Tries one name after the other.
async fn attempt(site: &Site, cache: &Cache, name: Vec<u8>, asked: Asked, now: Moment) -> io::Result<Way> {
    let mut otherwise = StatusCode::NOT_FOUND;
    let mut tried = Vec::with_capacity(name.len() + 16);
    for attempt in &site.attempts {
        let found = match attempt {
            Attempt::Status(status) => return Ok(Way::Status(*status)),
            Attempt::File { .. } if asked == Asked::Folder && attempt.follows() => continue,
            Attempt::File { before, follows, after } => {
                tried.clear();
                tried.extend_from_slice(before);
                tried.extend_from_slice(if *follows { &name } else { b"" });
                tried.extend_from_slice(after);
                cache.find(&site.root, &tried, now).await?
            }
            Attempt::Folder if asked == Asked::File => match cache.find(&site.root, &name, now).await? {
                Found::Folder => return Ok(Way::Folder),
                _ => continue,
            },
            Attempt::Folder => {
                let mut found = Found::Missing;
                for index in &site.index {
                    tried.clear();
                    tried.extend_from_slice(&name);
                    tried.extend_from_slice(if name.is_empty() { b"" } else { b"/" });
                    tried.extend_from_slice(index);
                    found = cache.find(&site.root, &tried, now).await?;
                    if matches!(found, Found::Family(_)) {
                        break;
                    }
                }
                found
            }
        };
        match found {
            Found::Family(family) => return Ok(Way::File(tried, family)),
            Found::Forbidden => otherwise = StatusCode::FORBIDDEN,
            Found::Folder | Found::Missing => {}
        }
    }
    Ok(Way::Status(otherwise))
}

/// Where the folder is that a path without its slash names: relative to that path, so that it does not matter
/// under which one clients know it.
fn with_slash(request: &Request) -> Vec<u8> {
    let path = request.path();
    let start = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    // The dot keeps a name with a colon from being taken for a scheme.
    let mut to = b"./".to_vec();
    to.extend_from_slice(&path[start..]);
    to.push(b'/');
    if let Some(query) = request.query() {
        to.push(b'?');
        to.extend_from_slice(query);
    }
    to
}

/// The answer with a file.
fn file(
    site: &Site,
    request: &Request,
    name: &[u8],
    family: &Family,
    clock: &Clock,
    response: &mut Response,
) -> Content {
    let (file, coding, content_type) = representation(site, request, name, family);
    let fields = &mut response.fields;
    let varies_by_accept = family.webp.is_some();
    let varies_by_coding = family.coded.iter().any(Option::is_some);
    match (varies_by_accept, varies_by_coding) {
        (true, true) => fields.add_known(Name::Vary, b"accept, accept-encoding"),
        (true, false) => fields.add_known(Name::Vary, b"accept"),
        (false, true) => fields.add_known(Name::Vary, b"accept-encoding"),
        (false, false) => {}
    }
    fields.add_known(Name::Etag, file.validators.tag());
    fields.add_known(Name::LastModified, file.validators.date());
    match condition::evaluate(request, &file.validators) {
        Outcome::Holds => {}
        Outcome::NotModified => {
            response.status = StatusCode::NOT_MODIFIED;
            return Content::empty();
        }
        Outcome::Failed => {
            response.fields.clear();
            response.status = StatusCode::PRECONDITION_FAILED;
            return Content::empty();
        }
    }
    fields.add_known(Name::AcceptRanges, b"bytes");
    let size = file.size();
    let parts = parts(request, file, clock);
    if parts != Parts::Nothing
        && let Some(coding) = coding
    {
        fields.add_known(Name::ContentEncoding, coding.text().as_bytes());
    }
    let source = || file.source.clone();
    match parts {
        Parts::Whole => {
            response.status = StatusCode::OK;
            fields.add_known(Name::ContentType, content_type);
            Content::new(source(), Part::Stretch(0..size), Vec::new())
        }
        Parts::One(range) => {
            response.status = StatusCode::PARTIAL_CONTENT;
            fields.add_known(Name::ContentType, content_type);
            fields.add_known(Name::ContentRange, &content_range(&range, size));
            Content::new(source(), Part::Stretch(range), Vec::new())
        }
        Parts::Several(ranges) => {
            response.status = StatusCode::PARTIAL_CONTENT;
            let boundary = Boundary::draw();
            fields.add_known(Name::ContentType, boundary.content_type().as_bytes());
            Content::new(source(), Part::Text(Bytes::new()), boundary.parts(content_type, ranges, size))
        }
        Parts::Nothing => {
            response.fields.clear();
            response.status = StatusCode::RANGE_NOT_SATISFIABLE;
            response.fields.add_known(Name::ContentRange, format!("bytes */{size}").as_bytes());
            Content::empty()
        }
    }
}

/// The member of a family that the client gets, how it is coded, and its type.
fn representation<'a>(
    site: &'a Site,
    request: &Request,
    name: &[u8],
    family: &'a Family,
) -> (&'a File, Option<Coding>, &'a [u8]) {
    if let Some(webp) = &family.webp
        && accept::takes_webp(&request.fields)
    {
        return (webp, None, b"image/webp");
    }
    let content_type = site.types.of(name);
    let there = Coding::ALL.into_iter().filter(|coding| family.coded[*coding as usize].is_some());
    let mut there = there.peekable();
    if there.peek().is_some()
        && let Choice::Coded(coding) = Accepted::of(&request.fields).choose(there)
        && let Some(coded) = &family.coded[coding as usize]
    {
        return (coded, Some(coding), content_type);
    }
    (&family.file, None, content_type)
}

/// Which parts of a file the request is for: only a `GET` is for parts (RFC 9110 §14.2).
fn parts(request: &Request, file: &File, clock: &Clock) -> Parts {
    let mut ranges = request.fields.all(Name::Range);
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Parts::Whole };
    let now = || u64::try_from(clock.timestamp().as_second()).unwrap_or(0);
    if request.method != Method::GET || !condition::range_holds(&request.fields, &file.validators, now) {
        return Parts::Whole;
    }
    range::parts(range, file.size())
}
