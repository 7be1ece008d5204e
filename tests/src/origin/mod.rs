//! Scripted origins: small real servers that name themselves, run inside a host of the laboratory.
//!
//! | port | protocol | does |
//! |---|---|---|
//! | [`ECHO`] | TCP | sends its name and a line feed, then echoes |
//! | [`ECHO`] | UDP | answers every datagram with its name, a line feed and the datagram |
//! | [`HTTP`] | TCP | see [`http`] |

pub mod content;
pub mod http;
mod process;

pub use process::Origin;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::Builder;

use crate::client::allow_open_files;

/// Port of the echo services (RFC 862).
pub const ECHO: u16 = 7;
/// Port of the HTTP service.
pub const HTTP: u16 = 80;

/// What an origin says when it serves.
const READY: &str = "ready";

/// Longest datagram that is answered, in bytes.
const DATAGRAM: usize = 9000;

/// Serves in this process, in its network namespace, until standard input ends: TCP on every address, UDP on
/// `addresses`, which may be configured later, so that answers leave with the address that was asked.
///
/// Each line of standard input is `well` or `unwell`, which is what `/health` answers from then on. `ready` on
/// standard output says that it serves, or that the line has taken effect.
///
/// # Errors
/// When a port is taken.
pub fn serve_until_stdin_ends(name: &str, addresses: &[IpAddr]) -> Result<()> {
    allow_open_files()?;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let me = Identity { name: name.into(), healthy: Arc::new(AtomicBool::new(true)) };
    let serving = runtime.enter();
    serve(me.clone(), addresses).context("cannot start the origin")?;
    writeln!(io::stdout(), "{READY}")?;
    for line in io::stdin().lines() {
        me.healthy.store(line? == "well", Ordering::Relaxed);
        writeln!(io::stdout(), "{READY}")?;
    }
    drop(serving);
    Ok(())
}

/// What the services tell about themselves.
#[derive(Clone, Debug)]
struct Identity {
    name: Arc<str>,
    healthy: Arc<AtomicBool>,
}

fn serve(me: Identity, addresses: &[IpAddr]) -> io::Result<()> {
    let echo = listen(ECHO)?;
    let name = me.name.clone();
    tokio::spawn(accept_all(echo, move |stream| echo_stream(stream, name.clone())));
    let http = listen(HTTP)?;
    let identity = me.clone();
    tokio::spawn(accept_all(http, move |stream| http::serve(stream, identity.clone())));
    for address in addresses {
        tokio::spawn(echo_datagrams(datagram_socket(*address)?, me.name.clone()));
    }
    Ok(())
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None)?;
    socket.set_only_v6(false)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
    socket.listen(4096)?;
    TcpListener::from_std(socket.into())
}

fn datagram_socket(address: IpAddr) -> io::Result<UdpSocket> {
    let address = SocketAddr::new(address, ECHO);
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    match address {
        SocketAddr::V4(_) => socket.set_freebind_v4(true)?,
        SocketAddr::V6(_) => socket.set_freebind_v6(true)?,
    }
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(4 << 20)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

async fn accept_all<F>(listener: TcpListener, handle: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        // An error belongs to the one connection that was about to come.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    }
}

async fn echo_stream(mut stream: TcpStream, name: Arc<str>) {
    let greeting = format!("{name}\n");
    let mut sent = stream.write_all(greeting.as_bytes()).await;
    let mut buffer = [0; 64];
    while sent.is_ok() {
        sent = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => stream.write_all(&buffer[..length]).await,
        };
    }
}

async fn echo_datagrams(socket: UdpSocket, name: Arc<str>) {
    let mut buffer = vec![0; DATAGRAM];
    let mut answer = format!("{name}\n").into_bytes();
    let greeting = answer.len();
    loop {
        // Errors are ICMP answers to earlier datagrams; the next one is nobody's fault.
        if let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            answer.truncate(greeting);
            answer.extend_from_slice(&buffer[..length]);
            let _ = socket.send_to(&answer, peer).await;
        }
    }
}
