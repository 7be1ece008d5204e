//! Answers of the proxy's own.

use bytes::Bytes;

use super::Outcome;
use crate::proxy::encode::{Encoded, Settings, decide};
use crate::proxy::http::{Body, Full, Method, Name, Request, Response, Sink, StatusCode, Whole};
use crate::proxy::relay::send;

/// Answers a request with this method. Where the client is gone, nobody is told.
pub(super) async fn answer(
    method: &Method,
    response: &mut Response,
    body: Bytes,
    sink: &mut impl Sink<Response>,
) {
    let body = Full(body);
    let whole = whole(method, response, &body);
    pass(response, whole, body, sink).await;
}

/// The same, with a body of any kind, which `compress` may have coded.
pub(super) async fn respond(
    compress: Option<&Settings>,
    request: &Request,
    response: &mut Response,
    body: impl Body,
    sink: &mut impl Sink<Response>,
) -> Outcome {
    let whole = whole(&request.method, response, &body);
    match compress.and_then(|settings| decide(settings, request, response, whole)) {
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
