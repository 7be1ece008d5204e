//! One conversation with an echo origin, over TCP or UDP.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Longest name of an origin with its line feed, in bytes.
const NAME: usize = 64;
/// Longest datagram exchanged, in bytes.
const DATAGRAM: usize = 9000;

/// Protocol of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Transport {
    Tcp,
    Udp,
}

impl Transport {
    pub const BOTH: [Self; 2] = [Self::Tcp, Self::Udp];
}

impl fmt::Display for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

/// A TCP connection, or the exchanges of one UDP socket, with the origin that answered first.
#[derive(Debug)]
pub struct Conversation {
    /// Name of the origin.
    pub backend: String,
    channel: Channel,
    /// Exchanges so far.
    exchanges: u64,
}

#[derive(Debug)]
enum Channel {
    Tcp(TcpStream),
    Udp(UdpSocket),
}

impl Conversation {
    /// Opens a conversation from the network namespace of the calling thread.
    ///
    /// # Errors
    /// `TimedOut` when nobody names itself within `patience`, or what the sockets say.
    pub async fn open(transport: Transport, target: SocketAddr, patience: Duration) -> io::Result<Self> {
        let open = async {
            match transport {
                Transport::Tcp => open_tcp(target).await,
                Transport::Udp => open_udp(target).await,
            }
        };
        timeout(patience, open).await?
    }

    /// Sends a message that was not sent before and waits for it to come back.
    ///
    /// # Errors
    /// `TimedOut` after `patience`; `UnexpectedEof` when the origin closed; `InvalidData` when another origin, or
    /// another message, answered; or what the socket says.
    pub async fn ping(&mut self, patience: Duration) -> io::Result<()> {
        self.exchanges += 1;
        let message = self.exchanges.to_be_bytes();
        timeout(patience, self.exchange(&message)).await?
    }

    /// Exchanges a message of any size; for UDP it is one datagram.
    ///
    /// # Errors
    /// As [`ping`](Self::ping), but it waits for ever.
    pub async fn exchange(&mut self, message: &[u8]) -> io::Result<()> {
        match &mut self.channel {
            Channel::Tcp(stream) => {
                stream.write_all(message).await?;
                let mut echo = vec![0; message.len()];
                stream.read_exact(&mut echo).await?;
                if echo == message { Ok(()) } else { Err(invalid("the echo is not what was sent")) }
            }
            Channel::Udp(socket) => {
                socket.send(message).await?;
                loop {
                    let (name, echo) = receive(socket).await?;
                    if name != self.backend {
                        return Err(invalid(format!("{name} answered for {}", self.backend)));
                    }
                    // An earlier message may come back late.
                    if echo == message {
                        return Ok(());
                    }
                }
            }
        }
    }
}

async fn open_tcp(target: SocketAddr) -> io::Result<Conversation> {
    let mut stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    let mut name = Vec::new();
    while name.len() < NAME {
        match stream.read_u8().await? {
            b'\n' => break,
            byte => name.push(byte),
        }
    }
    let backend = String::from_utf8_lossy(&name).into_owned();
    Ok(Conversation { backend, channel: Channel::Tcp(stream), exchanges: 0 })
}

async fn open_udp(target: SocketAddr) -> io::Result<Conversation> {
    let any: SocketAddr = match target {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(target).await?;
    socket.send(b"who").await?;
    let (backend, _) = receive(&socket).await?;
    Ok(Conversation { backend, channel: Channel::Udp(socket), exchanges: 0 })
}

/// Receives a datagram: name of the origin, and what it was sent.
async fn receive(socket: &UdpSocket) -> io::Result<(String, Vec<u8>)> {
    let mut buffer = [0; NAME + DATAGRAM];
    let length = socket.recv(&mut buffer).await?;
    let mut parts = buffer[..length].splitn(2, |byte| *byte == b'\n');
    let name = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let echo = parts.next().ok_or_else(|| invalid("an answer without a name"))?;
    Ok((name, echo.to_vec()))
}

fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why.into())
}
