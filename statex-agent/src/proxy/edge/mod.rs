//! One request, by whichever protocol it came: which route it takes, and what becomes of it.
//!
//! ```text
//! request ─ what needs no route ─ origin ─ route ─┬─ limits, fields, path ─ proxy ─ relay ─> backend
//!                                                 ├─ files
//!                                                 └─ answer
//! response <─ finish (fields, dates, coding) <─────┘
//! ```
//!
//! | file | |
//! |---|---|
//! | `client.rs` | the client of a connection |
//! | `forwarded.rs` | who the client of a request is, and what a backend is told of it |
//! | `before.rs` | requests that are answered before a route is looked for |
//! | `early.rs` | requests that may be replays |
//! | `limited.rs` | a request's body, held to what its route allows |
//! | `upgrade.rs` | requests for other protocols |
//! | `rewrite.rs` | the path that a backend is asked for |
//! | `proxy.rs` | the action: to a backend of a pool |
//! | `files.rs` | the action: files of a root |
//! | `answer.rs` | answers of the proxy's own |
//! | `finish.rs` | what every response gets on its way out |
//! | `template.rs` | text with places that a request fills |
//! | `observed.rs` | an answer on its way, watched for those who count and log |

mod answer;
mod before;
mod client;
mod early;
mod files;
mod finish;
mod forwarded;
mod limited;
mod observed;
mod proxy;
mod rewrite;
mod template;
mod upgrade;

use bytes::Bytes;

use super::http::{Body, Method, Name, Request, Response, Sink, StatusCode};
use super::plan::{Action, Listener, Plan, Route};
use super::route::{Facts, target};
use super::worker::Worker;
use answer::answer;
pub(super) use client::Client;
use forwarded::Origin;
use observed::Observed;

/// Where a request is served.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) client: &'a Client,
    pub(super) worker: &'a Worker,
    pub(super) plan: &'a Plan,
    pub(super) listener: &'a Listener,
}

/// A request on its way.
struct Way<'a> {
    at: At<'a>,
    origin: Origin<'a>,
    /// None where it takes no route.
    route: Option<&'a Route>,
    /// The path that its route was found by, where that is another than its own.
    matched: Option<Vec<u8>>,
}

/// How far an action came.
enum Outcome {
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
    at.listener.counts.of(at.worker.index).requests.add(1);
    // By whichever protocol a client asks to speak another, it is one request here and to the backend.
    if request.method == Method::CONNECT && !request.protocol.is_empty() {
        request.method = Method::GET;
    }
    let mut sink = Observed::new(sink);
    let origin = Origin::of(at.client, request, &at.listener.meant.trusted_proxies);
    let mut way = Way { at: *at, origin, route: None, matched: None };
    let method = request.method.clone();
    let outcome = way.go(request, body, &mut sink).await;
    if let Outcome::Failed(status) = outcome {
        // What was passed on is no longer what the client asked for.
        request.method = method;
        answer(&way, request, Response::new(status), Bytes::new(), &mut sink).await;
    }
    if let Some(route) = way.route {
        count(at, route, &sink);
    }
}

impl<'a> Way<'a> {
    async fn go<S: Sink<Response>>(
        &mut self,
        request: &mut Request,
        body: &mut impl Body,
        sink: &mut S,
    ) -> Outcome {
        if let Some((response, text)) = before::answer(&self.at, request) {
            answer(self, request, response, text, sink).await;
            return Outcome::Begun;
        }
        match self.find(request) {
            Ok(route) if early::must_wait(route, request) => Outcome::Failed(StatusCode::TOO_EARLY),
            Ok(route) => self.take(route, request, body, sink).await,
            Err(status) => Outcome::Failed(status),
        }
    }

    /// The route that a request takes, or what it is answered.
    fn find(&mut self, request: &mut Request) -> Result<&'a Route, StatusCode> {
        let slashes = self.at.listener.meant.encoded_slashes;
        self.matched = target::normalize(request, slashes).map_err(|_| StatusCode::BAD_REQUEST)?;
        let path = self.matched.as_deref().unwrap_or_else(|| request.path());
        let facts = Facts { request, path, client: self.origin.address };
        let index = self.at.listener.routes.find(&facts);
        let route = index.and_then(|index| self.at.plan.routes.get(index)).ok_or(StatusCode::NOT_FOUND)?;
        self.route = Some(route);
        Ok(route)
    }

    /// Does what the route says.
    async fn take<S: Sink<Response>>(
        &self,
        route: &Route,
        request: &mut Request,
        body: &mut impl Body,
        sink: &mut S,
    ) -> Outcome {
        match &route.action {
            Action::Proxy(split) => proxy::proxy(self, route, split, request, body, sink).await,
            _ if request.method == Method::CONNECT => Outcome::Failed(StatusCode::NOT_IMPLEMENTED),
            Action::Respond { status, body, content_type } => {
                let mut response = Response::new(*status);
                if !body.is_empty() {
                    response.fields.add_known(Name::ContentType, content_type.as_bytes());
                }
                answer(self, request, response, body.clone(), sink).await;
                Outcome::Begun
            }
            Action::Redirect { status, to } => {
                let mut response = Response::new(*status);
                response.fields.add_known(Name::Location, &template::fill(to, self, request));
                answer(self, request, response, Bytes::new(), sink).await;
                Outcome::Begun
            }
            Action::Files(site) => {
                if let Some(rule) = &route.rewrite {
                    rewrite::rewrite(rule, request, self.matched.as_deref());
                }
                files::files(self, route, site, request, sink).await
            }
        }
    }
}

fn count<S>(at: &At<'_>, route: &Route, sink: &Observed<'_, S>) {
    let counts = route.counts.of(at.worker.index);
    let class = sink.status.map_or(0, |status| usize::from(status.as_u16() / 100));
    if let Some(responses) = class.checked_sub(1).and_then(|class| counts.responses.get(class)) {
        responses.add(1);
    }
    if !sink.ended {
        counts.aborted.add(1);
    }
    counts.sent.add(sink.sent);
}
