//! Requests that are answered before a route is looked for: challenges of an authority, what shall come by TLS,
//! and what came by another host's connection.

use bytes::Bytes;

use super::At;
use crate::config::proxy::ListenerProtocol;
use crate::proxy::http::{Name, Request, Response, StatusCode};

/// Where an authority asks (RFC 8555 §8.3).
const CHALLENGES: &[u8] = b"/.well-known/acme-challenge/";

/// The answer and its body; `None`: a route has it.
pub(super) fn answer(at: &At<'_>, request: &Request) -> Option<(Response, Bytes)> {
    match at.listener.meant.protocol {
        ListenerProtocol::Http => challenge(at, request).or_else(|| to_https(at, request)),
        _ => misdirected(at, request),
    }
}

fn challenge(at: &At<'_>, request: &Request) -> Option<(Response, Bytes)> {
    let token = std::str::from_utf8(request.path().strip_prefix(CHALLENGES)?).ok()?;
    let answer = at.plan.store.answer(token)?;
    let mut response = Response::new(StatusCode::OK);
    response.fields.add_known(Name::ContentType, b"application/octet-stream");
    Some((response, answer.into()))
}

fn to_https(at: &At<'_>, request: &Request) -> Option<(Response, Bytes)> {
    if !at.listener.meant.redirect_to_https {
        return None;
    }
    if request.host().is_empty() || !request.target.starts_with(b"/") {
        return Some((Response::new(StatusCode::BAD_REQUEST), Bytes::new()));
    }
    let mut response = Response::new(StatusCode::MOVED_PERMANENTLY);
    let to = [b"https://", request.host(), &request.target].concat();
    response.fields.add_known(Name::Location, &to);
    Some((response, Bytes::new()))
}

/// Who has shown a certificate to one host, or none, has not shown it to another (RFC 9110 §15.5.20).
fn misdirected(at: &At<'_>, request: &Request) -> Option<(Response, Bytes)> {
    let offer = at.listener.tls.as_ref().filter(|offer| offer.has_hosts())?;
    let host = std::str::from_utf8(request.host()).unwrap_or_default();
    let wanted = offer.host(host.strip_suffix('.').unwrap_or(host));
    let is_elsewhere = wanted.is_some() && wanted != at.client.tls_host;
    is_elsewhere.then(|| (Response::new(StatusCode::MISDIRECTED_REQUEST), Bytes::new()))
}
