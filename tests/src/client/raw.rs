//! Packets that bring their own IP header, sent from a host of the laboratory.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::packet::Frame;

/// `IPPROTO_RAW`: what is sent begins with its IP header.
const RAW: i32 = 255;

/// A socket for packets to one address.
#[derive(Debug)]
pub struct RawSender {
    socket: Socket,
    to: SockAddr,
}

impl RawSender {
    /// Opens the socket in the network namespace of the calling thread.
    ///
    /// # Errors
    /// When the process is not root.
    pub fn open(to: IpAddr) -> io::Result<Self> {
        let to = SocketAddr::new(to, 0);
        let socket = Socket::new(Domain::for_address(to), Type::RAW, Some(Protocol::from(RAW)))?;
        Ok(Self { socket, to: to.into() })
    }

    /// Sends the packet from its first IP header on.
    ///
    /// # Errors
    /// What the socket says, such as a full queue.
    pub fn send(&self, packet: &Frame) -> io::Result<()> {
        self.socket.send_to(&packet.ip_bytes(), &self.to).map(|_| ())
    }
}
