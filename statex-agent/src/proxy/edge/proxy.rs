//! The action that passes a request on to a backend of a pool.

use std::io;

use super::{At, Outcome, forwarded};
use crate::proxy::encode::{Encoded, Settings, decide};
use crate::proxy::headers::strip_hop_by_hop;
use crate::proxy::http::{Body, Fault, Name, Request, Response, Sink, StatusCode, Whole};
use crate::proxy::relay::{Exchange, Trouble};
use crate::proxy::upstream::Connection;

/// Passes a request on, and its answer back.
pub(super) async fn proxy(
    at: &At<'_>,
    pool: usize,
    compress: Option<&Settings>,
    request: &mut Request,
    body: &mut impl Body,
    sink: &mut impl Sink<Response>,
) -> Outcome {
    strip_hop_by_hop(&mut request.fields);
    forwarded::tell(request, at.client);
    // Nobody has asked a route whether it lets clients speak other protocols.
    request.protocol.clear();
    let Some(backend) = at.plan.pools.get(pool).and_then(|pool| at.worker.upstreams.choose(pool)) else {
        return Outcome::Failed(StatusCode::SERVICE_UNAVAILABLE);
    };
    // What has no body and can be done twice is sent again when a kept connection turns out closed
    // (RFC 9110 §9.2.2). What cannot be done twice gets a kept connection, too, for a backend that closes
    // one without a word about it has nearly always not seen the request; but it is not sent again.
    let can_repeat = body.whole() == Whole::None && request.method.is_idempotent();
    let mut fresh = false;
    loop {
        let connected = at.worker.upstreams.connect(backend, fresh, &at.plan.timeouts).await;
        let mut connection = match connected {
            Ok(connection) => connection,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Outcome::Failed(StatusCode::GATEWAY_TIMEOUT);
            }
            Err(_) => return Outcome::Failed(StatusCode::BAD_GATEWAY),
        };
        connection.carrier.get_mut().limit(at.plan.limits);
        let mut response = at.worker.responses.take();
        let exchanged = exchange(at, &connection, compress, request, &mut response, body, sink).await;
        response.fields.clear();
        at.worker.responses.give(response);
        let stale = connection.is_used() && connection.carrier.borrow().is_unanswered();
        return match exchanged {
            Err(Trouble::Backend(Fault::Cut(_))) if stale && can_repeat && !fresh => {
                fresh = true;
                continue;
            }
            Err(trouble) => failed(&trouble),
            Ok(()) => {
                at.worker.upstreams.keep(connection);
                Outcome::Begun
            }
        };
    }
}

async fn exchange(
    at: &At<'_>,
    connection: &Connection,
    compress: Option<&Settings>,
    request: &Request,
    response: &mut Response,
    body: &mut impl Body,
    sink: &mut impl Sink<Response>,
) -> Result<(), Trouble> {
    let (deadline, patience) = (at.worker.deadlines.make(), at.plan.timeouts.between_bytes);
    let mut exchange = Exchange::begin(request, body, &connection.carrier, deadline, patience);
    let whole = exchange.response(sink, response).await?;
    let opens_tunnel = response.opens_tunnel(request);
    let protocol = response.fields.get(Name::Upgrade).filter(|_| opens_tunnel).map(<[u8]>::to_vec);
    strip_hop_by_hop(&mut response.fields);
    if let Some(protocol) = protocol {
        response.fields.add_known(Name::Upgrade, &protocol);
    }
    let compress = compress.filter(|_| !opens_tunnel);
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
        Trouble::Backend(Fault::Late) => StatusCode::GATEWAY_TIMEOUT,
        Trouble::Backend(_) => StatusCode::BAD_GATEWAY,
    })
}
