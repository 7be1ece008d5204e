//! HTTP/1.1 on one accepted connection, with limits that a slow or hostile peer cannot stretch.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

/// A whole answer, or one that goes on.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// How long a peer may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// Bytes of a request's head that are looked at.
const HEAD_BYTES: usize = 16 * 1024;

/// Answers the requests of one connection until the peer closes it.
pub(super) async fn serve<S, F>(stream: S, answer: impl Fn(Request<Incoming>) -> F)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = Response<Body>>,
{
    let service = service_fn(|request| {
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection ended");
    }
}

/// An answer that is all there.
pub(super) fn whole(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Full::from(text).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, value: &impl serde::Serialize) -> Response<Body> {
    let mut text = serde_json::to_string(value)
        .unwrap_or_else(|error| format!("{{\"error\":\"cannot be written as JSON: {error}\"}}"));
    text.push('\n');
    whole(status, "application/json", text)
}
