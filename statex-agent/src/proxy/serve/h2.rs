//! A client's HTTP/2 connection: its requests go to the edge side by side, all in one task.

use std::future::poll_fn;
use std::task::Poll;

use tokio::io::ReadBuf;
use tokio::net::TcpStream;

use crate::proxy::edge::{self, At, Client};
use crate::proxy::h2::{self, Incoming, Outgoing, PREFACE, Patience, Terms};
use crate::proxy::http::{Request, Scheme};
use crate::proxy::plan::Listener;
use crate::proxy::stream::Stream;
use crate::proxy::worker::Worker;

/// Whether a client begins with HTTP/2, without a word about it before; `None`: it does not begin.
pub(in crate::proxy) async fn begins_h2(
    stream: &mut TcpStream,
    client: &Client,
    worker: &Worker,
) -> Option<bool> {
    let deadline = worker.deadlines.make();
    deadline.set(client.entry.of(&worker.plan())?.meant.timeouts.idle);
    poll_fn(|context| {
        // No method of HTTP/1.1 begins so (RFC 9113 §3.4), and nobody sends so little in two parts.
        let mut begin = [0; 3];
        let mut peeked = ReadBuf::new(&mut begin);
        match stream.poll_peek(context, &mut peeked) {
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(None),
            Poll::Ready(Ok(_)) => Poll::Ready(Some(PREFACE.first_chunk() == Some(&begin))),
            Poll::Pending if client.is_leaving(worker) => Poll::Ready(None),
            Poll::Pending => deadline.poll_passed(context).map(|()| None),
        }
    })
    .await
}

/// Serves a connection to its end.
pub(in crate::proxy) async fn serve_h2<S: Stream + Unpin>(stream: S, client: &Client, worker: &Worker) {
    let Some(terms) = client.entry.of(&worker.plan()).map(|listener| terms(listener, client.scheme)) else {
        return;
    };
    let news = worker.deadlines.make();
    let leaving = poll_fn(|context| {
        if client.is_leaving(worker) {
            return Poll::Ready(());
        }
        // Never set: it is woken where there is news for all.
        news.poll_passed(context)
    });
    let handler = |request, body, sink| one(request, body, sink, client, worker);
    // Behind a pointer: a connection of HTTP/1.1 shall not be as large.
    Box::pin(h2::serve(stream, terms, &worker.deadlines, handler, leaving)).await;
}

fn terms(listener: &Listener, scheme: Scheme) -> Terms {
    let (limits, timeouts) = (&listener.meant.limits, &listener.meant.timeouts);
    let patience =
        Patience { head: timeouts.head, idle: timeouts.idle, body: timeouts.body, ..Patience::default() };
    Terms {
        limits: listener.limits,
        streams: limits.streams,
        requests: limits.requests,
        scheme,
        patience,
        ..Terms::default()
    }
}

/// Serves one request, and gives its memory back.
async fn one(
    mut request: Request,
    mut body: Incoming,
    mut sink: Outgoing,
    client: &Client,
    worker: &Worker,
) -> Request {
    let plan = worker.plan();
    match client.entry.of(&plan) {
        Some(listener) => {
            let at = At { client, worker, plan: &plan, listener };
            edge::serve(&at, &mut request, &mut body, &mut sink).await;
        }
        // The listener has gone, and the client may not have heard of that.
        None => sink.refuse(),
    }
    request
}
