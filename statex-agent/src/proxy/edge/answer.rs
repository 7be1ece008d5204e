//! Answers of the proxy's own.

use bytes::Bytes;

use super::finish::finish;
use super::{Outcome, Way};
use crate::proxy::encode::{Encoded, decide};
use crate::proxy::http::{Body, Full, Method, Name, Request, Response, Sink, StatusCode, Whole};
use crate::proxy::plan::Route;
use crate::proxy::relay::send;

/// Answers a request. Where the client is gone, nobody is told.
pub(super) async fn answer<S: Sink<Response>>(
    way: &Way<'_>,
    request: &Request,
    mut response: Response,
    body: Bytes,
    sink: &mut S,
) {
    let body = Full(body);
    let whole = whole(&request.method, &mut response, &body);
    complete(way, request, &mut response);
    pass(&response, whole, body, sink).await;
}

/// The same, with a body of any kind, which the route may have coded.
pub(super) async fn respond<S: Sink<Response>>(
    way: &Way<'_>,
    route: &Route,
    request: &Request,
    response: &mut Response,
    body: impl Body,
    sink: &mut S,
) -> Outcome {
    let whole = whole(&request.method, response, &body);
    complete(way, request, response);
    match route.compress.as_ref().and_then(|settings| decide(settings, request, response, whole)) {
        Some((coding, level)) if whole != Whole::None => match Encoded::new(body, coding, level) {
            Ok(body) => pass(response, Whole::Unknown, body, sink).await,
            Err(error) => {
                tracing::warn!(%error, coding = coding.text(), level, "an answer cannot be coded");
                return Outcome::Failed(StatusCode::INTERNAL_SERVER_ERROR);
            }
        },
        _ => pass(response, whole, body, sink).await,
    }
    Outcome::Begun
}

fn complete(way: &Way<'_>, request: &Request, response: &mut Response) {
    response.fields.add_known(Name::Server, b"statex");
    finish(way, request, response);
}

/// How long the body is that follows the head. Where there is none to `HEAD`, the head tells of it.
fn whole(method: &Method, response: &mut Response, body: &impl Body) -> Whole {
    match (response.status, body.whole()) {
        (StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED, _) => Whole::None,
        (_, Whole::Length(len)) if *method == Method::HEAD => {
            response.fields.set(Name::ContentLength, len.to_string().as_bytes());
            Whole::None
        }
        (_, _) if *method == Method::HEAD => Whole::None,
        (_, whole) => whole,
    }
}

async fn pass(response: &Response, whole: Whole, body: impl Body, sink: &mut impl Sink<Response>) {
    sink.head(response, whole);
    let _ = match whole {
        Whole::None => send(Full::default(), sink).await,
        _ => send(body, sink).await,
    };
}
