//! One request and its answer.

use std::future::Future;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use super::Service;
use super::arrivals::Arrival;
use super::connection::Connection;
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use crate::proxy::h1::Refusal;
use crate::proxy::h3::Code;
use crate::proxy::http::{Fields, Request, Response, Sink, Version, Whole};

/// What serves a request that has come; `None`: it was refused.
pub(super) fn serve<S: Service>(
    connection: Rc<Connection>,
    mut arrival: Arrival,
    client: Rc<S::Client>,
    service: Rc<S>,
    patience: Duration,
) -> Option<impl Future<Output = ()> + use<S>> {
    let mut request = match std::mem::replace(&mut arrival.request, Err(Refusal::Version)) {
        Ok(request) => request,
        Err(refusal) => {
            refuse(connection, &arrival, refusal);
            return None;
        }
    };
    request.version = Version::Http3;
    if arrival.is_early {
        // RFC 8470 §5.1. A client has no say in it.
        request.fields.retain(|field| !field.text.eq_ignore_ascii_case(EARLY));
        request.fields.push(EARLY, b"1");
    }
    let mut body = Incoming::new(connection.clone(), &mut arrival, &request, patience);
    let mut sink = Outgoing::new(connection.clone(), arrival.id, &request, patience);
    Some(async move {
        service.serve(&client, &mut request, &mut body, &mut sink).await;
        // The body first: what is wrong with it still breaks the answer off.
        drop(body);
        drop(sink);
        request.clear();
        connection.shared().requests.give(request);
    })
}

const EARLY: &[u8] = b"early-data";

/// Answers what is no request that can be served.
fn refuse(connection: Rc<Connection>, arrival: &Arrival, refusal: Refusal) {
    let id = arrival.id;
    connection.with(|state| match refusal {
        // RFC 9114 §4.1.2: the answer may say what is wrong before the stream breaks off.
        Refusal::Malformed(_) => {
            state.stop(id, Code::MESSAGE_ERROR);
            state.offences.insert(id, Code::MESSAGE_ERROR);
        }
        _ => state.stop(id, Code::NO_ERROR),
    });
    let mut sink = Outgoing::new(connection, id, &Request::default(), Duration::ZERO);
    sink.head(&Response::new(refusal.status()), Whole::Length(0));
    sink.end(&Fields::default());
    // Where so little cannot leave, the stream breaks off without it.
    let _ = sink.poll_flush(&mut Context::from_waker(Waker::noop()));
}
