//! Answers of the proxy's own.

use bytes::Bytes;

use crate::proxy::http::{Full, Method, Name, Response, Sink, StatusCode, Whole};
use crate::proxy::relay::send;

/// Answers a request with this method. Where the client is gone, nobody is told.
pub(super) async fn answer(
    method: &Method,
    response: &mut Response,
    body: Bytes,
    sink: &mut impl Sink<Response>,
) {
    let (whole, body) = match response.status {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => (Whole::None, Bytes::new()),
        _ if *method == Method::HEAD => {
            response.fields.set(Name::ContentLength, body.len().to_string().as_bytes());
            (Whole::None, Bytes::new())
        }
        _ => (Whole::Length(body.len() as u64), body),
    };
    sink.head(response, whole);
    let _ = send(Full(body), sink).await;
}
