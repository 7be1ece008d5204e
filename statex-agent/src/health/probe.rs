//! One probe: connects, asks, and says what was wrong with the answer.

use super::Target;
use crate::config::Probe;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

/// Largest answer to a UDP probe that is looked at, in bytes.
const DATAGRAM: usize = 2048;

/// Why a probe was no success.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("no answer from {to} within {} ms", within.as_millis())]
    Silent { to: SocketAddr, within: Duration },
    /// Nothing listens there, or the way is cut.
    #[error("{to}: {error}")]
    Unreachable { to: SocketAddr, error: io::Error },
    #[error("{to} broke off: {error}")]
    Broken { to: SocketAddr, error: hyper::Error },
    #[error("{to} answered status {status}, expected {} to {}", expected.start(), expected.end())]
    Status { to: SocketAddr, status: u16, expected: RangeInclusive<u16> },
    #[error("{to} answered {answer:?}, expected it to begin with {expected:?}")]
    Answer { to: SocketAddr, answer: String, expected: String },
    /// The node could not even ask (no socket left, no permission for the mark, …): the backend is not
    /// to blame.
    #[error("could not probe {to}: {error}")]
    NotAsked { to: SocketAddr, error: io::Error },
}

/// Probes a target once, within the check's timeout.
///
/// # Errors
/// Whatever is not the answer that the check expects.
pub async fn probe(target: &Target) -> Result<(), Failure> {
    let (to, within) = (target.key.to, target.check.timeout);
    let attempt = async {
        match &target.check.probe {
            Probe::Tcp => connect(target).await.map(drop),
            Probe::Http { path, host, expect_status } => {
                http(connect(target).await?, to, path, host.as_deref(), expect_status).await
            }
            Probe::Udp { send, expect } => udp(target, send, expect).await,
        }
    };
    tokio::time::timeout(within, attempt).await.unwrap_or(Err(Failure::Silent { to, within }))
}

async fn connect(target: &Target) -> Result<TcpStream, Failure> {
    let to = target.key.to;
    let socket = socket(target, Type::STREAM).map_err(|error| Failure::NotAsked { to, error })?;
    // A probe is over when it is answered: a reset leaves no half-closed connection behind, neither here
    // nor there.
    let _ = socket.set_linger(Some(Duration::ZERO));
    let stream = TcpSocket::from_std_stream(socket.into()).connect(to).await;
    stream.map_err(|error| blame(to, error))
}

async fn http(
    stream: TcpStream,
    to: SocketAddr,
    path: &str,
    host: Option<&str>,
    expected: &RangeInclusive<u16>,
) -> Result<(), Failure> {
    let broken = |error| Failure::Broken { to, error };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = Request::get(path)
        .header(HOST, host.map_or_else(|| to.to_string(), str::to_owned))
        .header(USER_AGENT, concat!("statex/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Failure::NotAsked { to, error: io::Error::other(error) })?;
    let mut answer = pin!(sender.send_request(request));
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection may end in the same moment in which it delivers the answer.
        _ = connection => answer.await,
    };
    let status = answer.map_err(broken)?.status().as_u16();
    match expected.contains(&status) {
        true => Ok(()),
        false => Err(Failure::Status { to, status, expected: expected.clone() }),
    }
}

async fn udp(target: &Target, send: &[u8], expected: &[u8]) -> Result<(), Failure> {
    let to = target.key.to;
    let socket = socket(target, Type::DGRAM).and_then(|socket| UdpSocket::from_std(socket.into()));
    let socket = socket.map_err(|error| Failure::NotAsked { to, error })?;
    socket.connect(to).await.map_err(|error| blame(to, error))?;
    socket.send(send).await.map_err(|error| blame(to, error))?;
    let mut answer = [0; DATAGRAM];
    let len = socket.recv(&mut answer).await.map_err(|error| blame(to, error))?;
    match answer[..len].starts_with(expected) {
        true => Ok(()),
        false => Err(Failure::Answer {
            to,
            answer: answer[..len.min(64)].escape_ascii().to_string(),
            expected: expected.escape_ascii().to_string(),
        }),
    }
}

fn socket(target: &Target, kind: Type) -> io::Result<Socket> {
    let protocol = if kind == Type::STREAM { Protocol::TCP } else { Protocol::UDP };
    let socket = Socket::new(Domain::for_address(target.key.to), kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if let Some(mark) = target.mark {
        socket.set_mark(mark)?;
    }
    if let Some(source) = target.source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    Ok(socket)
}

/// Tells the target's faults from the node's own.
fn blame(to: SocketAddr, error: io::Error) -> Failure {
    let own = [libc::EADDRNOTAVAIL, libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EPERM];
    match error.raw_os_error().is_some_and(|code| own.contains(&code)) {
        true => Failure::NotAsked { to, error },
        false => Failure::Unreachable { to, error },
    }
}
