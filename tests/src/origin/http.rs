//! The HTTP/1.1 service of an origin; every answer names the origin in `x-backend`.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the name |
//! | `GET /health` | 200, or 503 while the origin is told to be unhealthy |
//! | `GET /bytes/N` | N bytes of [`content`] |
//! | `PUT /` | CRC-32 of the body, in hexadecimal |

use std::convert::Infallible;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Identity, content};

type Body = BoxBody<Bytes, Infallible>;

pub(super) async fn serve(stream: TcpStream, me: Identity) {
    let service = service_fn(|request| answer(request, &me));
    // An error is the client going away.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, me: &Identity) -> hyper::Result<Response<Body>> {
    let path = request.uri().path().to_owned();
    let mut response = match (request.method(), path.as_str()) {
        (&Method::PUT, "/") => {
            text(StatusCode::OK, format!("{:08x}\n", checksum(request.into_body()).await?))
        }
        (&Method::GET, "/") => text(StatusCode::OK, format!("{}\n", me.name)),
        (&Method::GET, "/health") if me.healthy.load(Ordering::Relaxed) => text(StatusCode::OK, "well\n"),
        (&Method::GET, "/health") => text(StatusCode::SERVICE_UNAVAILABLE, "unwell\n"),
        (&Method::GET, path) => match path.strip_prefix("/bytes/").and_then(|total| total.parse().ok()) {
            Some(total) => download(total),
            None => text(StatusCode::NOT_FOUND, "no such path\n"),
        },
        _ => text(StatusCode::METHOD_NOT_ALLOWED, "GET or PUT\n"),
    };
    if let Ok(name) = HeaderValue::from_str(&me.name) {
        response.headers_mut().insert("x-backend", name);
    }
    Ok(response)
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed());
    *response.status_mut() = status;
    response
}

fn download(total: u64) -> Response<Body> {
    let frames = content::chunks(total).map(|chunk| Ok(Frame::data(chunk)));
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(stream::iter(frames))));
    response.headers_mut().insert("content-length", total.into());
    response
}

async fn checksum(mut body: Incoming) -> hyper::Result<u32> {
    let mut hasher = crc32fast::Hasher::new();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            hasher.update(data);
        }
    }
    Ok(hasher.finalize())
}
