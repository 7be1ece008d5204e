//! One request, by whichever protocol it came: which route it takes, and what becomes of it.
//!
//! ```text
//! request ─ target made unambiguous ─ route ─┬─ proxy ─ relay ─> backend
//!                                            ├─ files
//!                                            └─ answer
//! ```
//!
//! | file | |
//! |---|---|
//! | `client.rs` | whom a request comes from |
//! | `forwarded.rs` | what a backend is told of the client |
//! | `proxy.rs` | the action: to a backend of a pool |
//! | `files.rs` | the action: files of a root |
//! | `answer.rs` | answers of the proxy's own |

mod answer;
mod client;
mod files;
mod forwarded;
mod proxy;

use bytes::Bytes;

use super::http::{Body, Method, Name, Request, Response, Sink, StatusCode};
use super::plan::Plan;
use super::route::{Action, target};
use super::worker::Worker;
use answer::answer;
pub(super) use client::Client;

/// Where a request is served.
pub(super) struct At<'a> {
    pub(super) client: &'a Client,
    pub(super) worker: &'a Worker,
    pub(super) plan: &'a Plan,
}

/// How far an action came.
pub(super) enum Outcome {
    /// The answer has begun, and perhaps ended; nothing can be added.
    Begun,
    /// Nothing was given to the client, which shall be answered with this.
    Failed(StatusCode),
}

/// Serves one request. Where the sink was not ended behind it, the answer was broken off.
pub(super) async fn serve(
    at: &At<'_>,
    request: &mut Request,
    body: &mut impl Body,
    sink: &mut impl Sink<Response>,
) {
    let method = request.method.clone();
    let outcome = act(at, request, body, sink).await;
    if let Outcome::Failed(status) = outcome {
        answer(&method, &mut Response::new(status), Bytes::new(), sink).await;
    }
}

async fn act(
    at: &At<'_>,
    request: &mut Request,
    body: &mut impl Body,
    sink: &mut impl Sink<Response>,
) -> Outcome {
    // By whichever protocol a client asks to speak another, it is one request here and to the backend.
    if request.method == Method::CONNECT && !request.protocol.is_empty() {
        request.method = Method::GET;
    }
    let Ok(matched) = target::normalize(request) else { return Outcome::Failed(StatusCode::BAD_REQUEST) };
    let path = matched.as_deref().unwrap_or_else(|| request.path());
    let Some(route) = at.plan.routes.find(request, path) else {
        return Outcome::Failed(StatusCode::NOT_FOUND);
    };
    if request.method == Method::CONNECT {
        return Outcome::Failed(StatusCode::NOT_IMPLEMENTED);
    }
    match &route.action {
        Action::Proxy(pool) => proxy::proxy(at, *pool, route.compress.as_ref(), request, body, sink).await,
        Action::Files(site) => files::files(at, site, route.compress.as_ref(), request, sink).await,
        Action::Respond { status, body } => {
            answer(&request.method, &mut Response::new(*status), body.clone(), sink).await;
            Outcome::Begun
        }
        Action::Redirect { status, to } => {
            let mut response = Response::new(*status);
            response.fields.add_known(Name::Location, to.as_bytes());
            answer(&request.method, &mut response, Bytes::new(), sink).await;
            Outcome::Begun
        }
    }
}
