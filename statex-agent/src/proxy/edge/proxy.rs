//! The action that passes a request on to a backend of a pool.

use std::io;

use super::limited::Limited;
use super::rewrite::rewrite;
use super::template::fill;
use super::{Outcome, Way, finish, forwarded, upgrade};
use crate::config::proxy::BackendHost;
use crate::proxy::encode::{Encoded, decide};
use crate::proxy::headers::strip_hop_by_hop;
use crate::proxy::http::{Body, Fault, Name, Request, Response, Scheme, Sink, StatusCode, Whole};
use crate::proxy::plan::{Route, Split};
use crate::proxy::relay::{Exchange, Trouble};
use crate::proxy::upstream::Connection;

/// Passes a request on, and its answer back.
pub(super) async fn proxy<S: Sink<Response>>(
    way: &Way<'_>,
    route: &Route,
    split: &Split,
    request: &mut Request,
    body: &mut impl Body,
    sink: &mut S,
) -> Outcome {
    if let Err(status) = upgrade::decide(route, request, body) {
        return Outcome::Failed(status);
    }
    let mut body = limited(way, route, request, body);
    if body.is_too_large() {
        return Outcome::Failed(StatusCode::PAYLOAD_TOO_LARGE);
    }
    prepare(way, route, request);
    let outcome = send(way, route, split, request, &mut body, sink).await;
    route.counts.of(way.at.worker.index).received.add(body.received);
    outcome
}

/// A body within the route's bounds. What goes through a tunnel is not bounded.
fn limited<'b, B: Body>(way: &Way<'_>, route: &Route, request: &Request, body: &'b mut B) -> Limited<'b, B> {
    if request.wants_tunnel() {
        return Limited::new(body, None, None);
    }
    let patience = route.meant.timeouts.body.filter(|_| body.whole() != Whole::None);
    let deadline = patience.map(|patience| {
        let deadline = way.at.worker.deadlines.make();
        deadline.set(patience);
        deadline
    });
    Limited::new(body, route.meant.max_body, deadline)
}

/// Makes a request what the backend shall see.
fn prepare(way: &Way<'_>, route: &Route, request: &mut Request) {
    strip_hop_by_hop(&mut request.fields);
    forwarded::tell(request, way.at.client, &way.origin, &route.meant.forwarded);
    if !route.request_changes.is_empty() {
        let mut fields = std::mem::take(&mut request.fields);
        let is_secure = way.at.client.scheme == Scheme::Https;
        route.request_changes.make(&mut fields, is_secure, |text| fill(text, way, request));
        request.fields = fields;
    }
    if let Some(rule) = &route.rewrite {
        rewrite(rule, request, way.matched.as_deref());
    }
}

async fn send<B: Body, S: Sink<Response>>(
    way: &Way<'_>,
    route: &Route,
    split: &Split,
    request: &mut Request,
    body: &mut Limited<'_, B>,
    sink: &mut S,
) -> Outcome {
    let worker = way.at.worker;
    let pool = split.pool(worker.turn(split.total)).and_then(|pool| way.at.plan.pools.get(pool));
    let Some((pool, backend)) = pool.and_then(|pool| Some((pool, worker.upstreams.choose(pool)?))) else {
        return Outcome::Failed(StatusCode::SERVICE_UNAVAILABLE);
    };
    if route.meant.backend_host == BackendHost::Backend {
        request.authority = backend.to_string().into_bytes();
    }
    // What has no body and can be done twice is sent again when a kept connection turns out closed
    // (RFC 9110 §9.2.2). What cannot be done twice gets a kept connection, too: one that the backend has
    // closed is known to be closed but for the moment that the news takes.
    let can_repeat = body.whole() == Whole::None && request.method.is_idempotent();
    let mut fresh = false;
    loop {
        let connection = match worker.upstreams.connect(backend, fresh, &pool.meant.connections).await {
            Ok(connection) => connection,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Outcome::Failed(StatusCode::GATEWAY_TIMEOUT);
            }
            Err(_) => return Outcome::Failed(StatusCode::BAD_GATEWAY),
        };
        let mut response = worker.responses.take();
        let exchanged = exchange(way, route, &connection, request, &mut response, body, sink).await;
        response.fields.clear();
        worker.responses.give(response);
        let stale = connection.is_used() && connection.carrier.borrow().is_unanswered();
        return match exchanged {
            Err(Trouble::Backend(Fault::Cut(_))) if stale && can_repeat && !fresh => {
                fresh = true;
                continue;
            }
            Err(trouble) => failed(&trouble),
            Ok(()) => {
                worker.upstreams.keep(connection, &pool.meant.connections);
                Outcome::Begun
            }
        };
    }
}

async fn exchange<S: Sink<Response>>(
    way: &Way<'_>,
    route: &Route,
    connection: &Connection,
    request: &Request,
    response: &mut Response,
    body: &mut impl Body,
    sink: &mut S,
) -> Result<(), Trouble> {
    let deadline = way.at.worker.deadlines.make();
    let mut exchange = Exchange::begin(request, body, &connection.carrier, deadline, &route.meant.timeouts);
    let whole = exchange.response(sink, response).await?;
    let opens_tunnel = response.opens_tunnel(request);
    let protocol = response.fields.get(Name::Upgrade).filter(|_| opens_tunnel).map(<[u8]>::to_vec);
    strip_hop_by_hop(&mut response.fields);
    if opens_tunnel {
        upgrade::answered(request, response, protocol.as_deref());
    }
    finish::finish(way, request, response);
    let compress = route.compress.as_ref().filter(|_| !opens_tunnel);
    match compress.and_then(|settings| decide(settings, request, response, whole)) {
        Some((coding, level)) if whole != Whole::None => {
            let coded = Encoded::new(&connection.carrier, coding, level);
            let coded = coded.map_err(|error| Trouble::Backend(Fault::Cut(error)))?;
            sink.head(response, coded.whole());
            exchange.rest(coded, sink, opens_tunnel).await
        }
        _ => {
            sink.head(response, whole);
            exchange.rest(&connection.carrier, sink, opens_tunnel).await
        }
    }
}

/// What the client is answered.
fn failed(trouble: &Trouble) -> Outcome {
    Outcome::Failed(match trouble {
        Trouble::Abort | Trouble::Client(Fault::Cut(_) | Fault::Refused) => return Outcome::Begun,
        Trouble::Client(Fault::Malformed(_)) => StatusCode::BAD_REQUEST,
        Trouble::Client(Fault::Late) => StatusCode::REQUEST_TIMEOUT,
        Trouble::Client(Fault::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        Trouble::Backend(Fault::Late) => StatusCode::GATEWAY_TIMEOUT,
        Trouble::Backend(_) => StatusCode::BAD_GATEWAY,
    })
}
