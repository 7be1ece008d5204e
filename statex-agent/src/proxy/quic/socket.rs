//! A worker's UDP socket: many datagrams a system call, both ways (GRO and GSO, udp(7)).

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use quinn_proto::{EcnCodepoint, Transmit};
use quinn_udp::{RecvMeta, UdpSocketState};
use socket2::{Domain, Protocol, Socket as Plain, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Buffers that one call fills; the kernel may join datagrams of one sender in each.
const BUFFERS: usize = 16;
/// Bytes of a buffer: what the kernel joins at most.
const BUFFER: usize = 64 << 10;
/// Datagrams that are sent at once to one peer; more would be a burst that paths do not like.
pub(super) const SEGMENTS: usize = 10;
/// Bytes of the kernel's own buffers, which hold what comes while the worker does something else.
const KERNEL_BUFFER: usize = 4 << 20;

/// Opens a socket that shares its address with those of other workers.
///
/// # Errors
///
/// The address cannot be had.
pub(crate) fn bind(address: SocketAddr) -> io::Result<StdSocket> {
    let socket = Plain::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // The kernel gives what it may; less is no failure.
    let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
    let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The socket, and memory for what comes.
pub(super) struct Socket {
    socket: UdpSocket,
    state: UdpSocketState,
    memory: Box<[u8]>,
}

/// Datagrams of one peer, as they came.
pub(super) struct Received {
    pub(super) from: SocketAddr,
    /// The address that they were sent to.
    pub(super) to: Option<std::net::IpAddr>,
    pub(super) ecn: Option<EcnCodepoint>,
    /// All of them; each but the last has `stride` bytes.
    pub(super) data: BytesMut,
    pub(super) stride: usize,
}

impl Socket {
    pub(super) fn new(socket: StdSocket) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        let socket = UdpSocket::from_std(socket)?;
        Ok(Self { socket, state, memory: vec![0; BUFFERS * BUFFER].into() })
    }

    /// Whether the network may cut datagrams, so that their size says nothing about the path.
    pub(super) fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }

    /// Takes what has come. Ready with `true`: there may be more.
    pub(super) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        mut take: impl FnMut(Received),
    ) -> Poll<io::Result<bool>> {
        let Self { socket, state, memory } = self;
        ready!(socket.poll_recv_ready(context))?;
        let mut filled = 0;
        let result = socket.try_io(Interest::READABLE, || {
            let mut chunks = memory.chunks_mut(BUFFER);
            let mut buffers: [IoSliceMut<'_>; BUFFERS] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
            let mut metas = [RecvMeta::default(); BUFFERS];
            filled = state.recv((&*socket).into(), &mut buffers, &mut metas)?;
            for (meta, buffer) in metas.iter().zip(&buffers).take(filled) {
                take(Received {
                    from: meta.addr,
                    to: meta.dst_ip,
                    ecn: meta.ecn.and_then(|ecn| EcnCodepoint::from_bits(ecn as u8)),
                    data: BytesMut::from(&buffer[..meta.len]),
                    stride: meta.stride.max(1),
                });
            }
            // Fewer than could be means that there are no more: the next call would say so, and cost a call.
            if filled < BUFFERS { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match result {
            Ok(()) => Poll::Ready(Ok(true)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && filled > 0 => Poll::Ready(Ok(false)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Sends; pending: the kernel's buffer is full, and the caller keeps what it has.
    pub(super) fn poll_send(
        &self,
        context: &mut Context<'_>,
        transmit: &Transmit,
        contents: &[u8],
    ) -> Poll<()> {
        let datagrams = quinn_udp::Transmit {
            destination: transmit.destination,
            ecn: transmit.ecn.and_then(|ecn| quinn_udp::EcnCodepoint::from_bits(ecn as u8)),
            contents,
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
        };
        loop {
            let sent = self
                .socket
                .try_io(Interest::WRITABLE, || self.state.try_send((&self.socket).into(), &datagrams));
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if ready!(self.socket.poll_send_ready(context)).is_err() {
                        return Poll::Ready(());
                    }
                }
                // A datagram that cannot be sent is one that is lost: QUIC knows what to do.
                _ => return Poll::Ready(()),
            }
        }
    }
}
