//! The handshake.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use bytes::BytesMut;
use rustls::ServerConfig;
use rustls::server::{Acceptor, UnbufferedServerConnection};

use super::config::H2;
use super::store::ACME_TLS;
use super::{Buffers, Offer, TlsStream};
use crate::proxy::deadline::Deadline;
use crate::proxy::stream::Stream;

/// Bytes of a client's first message that are looked at for its host.
const LONGEST_HELLO: usize = 64 << 10;

/// A connection whose handshake is done.
pub(crate) struct Accepted<S> {
    pub(crate) stream: TlsStream<S>,
    pub(crate) facts: Facts,
}

/// What was agreed on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Which of the hosts that ask for something of their own the client has named ([`Offer::host`]).
    pub(crate) host: Option<usize>,
    /// The connection was made to see a certificate, which it now has.
    pub(crate) is_challenge: bool,
    /// HTTP/2 is spoken.
    pub(crate) is_h2: bool,
}

/// Shakes hands, within the deadline.
///
/// # Errors
///
/// The client is gone, late, or does not agree.
pub(crate) async fn accept<S: Stream>(
    mut socket: S,
    offer: &Offer,
    buffers: Rc<Buffers>,
    deadline: &Deadline,
) -> io::Result<Accepted<S>> {
    let mut input = BytesMut::new();
    let host = match offer.hosts.is_empty() {
        true => None,
        false => first_host(&mut socket, &mut input, deadline).await?.and_then(|host| offer.host(&host)),
    };
    let config = host.and_then(|host| offer.hosts.get(host)).map_or(&offer.common, |(_, config)| config);
    let mut stream = TlsStream::new(socket, connection(config)?, input, buffers);
    poll_fn(|context| match stream.poll_handshake(context) {
        Poll::Pending => deadline.poll_passed(context).map(|()| Err(io::ErrorKind::TimedOut.into())),
        done => done,
    })
    .await?;
    let protocol = stream.records().alpn_protocol();
    let facts = Facts { host, is_challenge: protocol == Some(ACME_TLS), is_h2: protocol == Some(H2) };
    Ok(Accepted { stream, facts })
}

fn connection(config: &Arc<ServerConfig>) -> io::Result<UnbufferedServerConnection> {
    UnbufferedServerConnection::new(config.clone()).map_err(io::Error::other)
}

/// The host that the client's first message names (RFC 6066 §3). What was read stays in `input`.
async fn first_host<S: Stream>(
    socket: &mut S,
    input: &mut BytesMut,
    deadline: &Deadline,
) -> io::Result<Option<String>> {
    loop {
        let mut acceptor = Acceptor::default();
        let mut rest = &input[..];
        while !rest.is_empty() && acceptor.read_tls(&mut rest)? > 0 {}
        match acceptor.accept() {
            Ok(Some(accepted)) => return Ok(accepted.client_hello().server_name().map(str::to_owned)),
            Ok(None) if input.len() < LONGEST_HELLO => {}
            // The handshake will say what is wrong.
            _ => return Ok(None),
        }
        let read = poll_fn(|context| match socket.poll_fill(context, input) {
            Poll::Pending => deadline.poll_passed(context).map(|()| Err(io::ErrorKind::TimedOut.into())),
            read => read,
        });
        if read.await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
