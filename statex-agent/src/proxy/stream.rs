//! The bytes of a connection, to a client or to a backend, plain or encrypted.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use rustix::fs::sendfile;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest};
use tokio::net::TcpStream;

use super::h1::{Next, Output};
use super::http::Extent;

/// Room that a read is given. A read that does not fill it has emptied the kernel's buffer, so that the next
/// one need not be tried in vain.
pub(crate) const ROOM: usize = 16 << 10;

/// A connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// Ready when a read may give something. It needs no memory to wait with, as a read does.
    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Whether [`poll_write_extent`](Stream::poll_write_extent) writes.
    const TAKES_EXTENTS: bool = false;

    /// Writes bytes behind which a stretch of a file comes.
    fn poll_write_more(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self).poll_write_vectored(context, slices)
    }

    /// Has the kernel write a stretch of a file, or the first part of it.
    fn poll_write_extent(&mut self, _: &mut Context<'_>, _: &Extent) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

impl Stream for TcpStream {
    const TAKES_EXTENTS: bool = true;

    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(context)
    }

    fn poll_write_more(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        poll_send(self, context, |socket| {
            Ok(sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)?)
        })
    }

    fn poll_write_extent(&mut self, context: &mut Context<'_>, extent: &Extent) -> Poll<io::Result<usize>> {
        let Extent { file, offset, len } = extent;
        let sent =
            poll_send(self, context, |socket| Ok(sendfile(socket, file, Some(&mut { *offset }), *len)?));
        match ready!(sent) {
            // The file has been made shorter.
            Ok(0) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            sent => Poll::Ready(sent),
        }
    }
}

/// Sends by a system call that the runtime does not know.
fn poll_send(
    socket: &TcpStream,
    context: &mut Context<'_>,
    send: impl Fn(&TcpStream) -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(socket.poll_write_ready(context))?;
        match socket.try_io(Interest::WRITABLE, || send(socket)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return Poll::Ready(sent),
        }
    }
}

/// Reads behind what the buffer holds; 0 at the end.
pub(crate) fn poll_read<S: Stream>(
    stream: &mut S,
    context: &mut Context<'_>,
    buffer: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    buffer.reserve(ROOM);
    pin!(stream.read_buf(buffer)).poll(context)
}

/// Writes until nothing is left.
pub(crate) fn poll_write<S: Stream>(
    stream: &mut S,
    context: &mut Context<'_>,
    output: &mut Output,
) -> Poll<io::Result<()>> {
    while !output.is_empty() {
        let write = output.write(|next| {
            blocked(match next {
                Next::Slices { slices: [one], more: false } => {
                    Pin::new(&mut *stream).poll_write(context, one)
                }
                Next::Slices { slices, more: false } => {
                    Pin::new(&mut *stream).poll_write_vectored(context, slices)
                }
                Next::Slices { slices, more: true } => stream.poll_write_more(context, slices),
                Next::Extent(extent) => stream.poll_write_extent(context, extent),
            })
        });
        match write {
            Ok(()) => {}
            Err(None) => return Poll::Pending,
            Err(Some(error)) => return Poll::Ready(Err(error)),
        }
    }
    Pin::new(stream).poll_flush(context)
}

/// What was written, or why nothing was; `None`: it must wait.
fn blocked(written: Poll<io::Result<usize>>) -> Result<usize, Option<io::Error>> {
    match written {
        Poll::Pending => Err(None),
        Poll::Ready(Ok(0)) => Err(Some(io::ErrorKind::WriteZero.into())),
        Poll::Ready(result) => result.map_err(Some),
    }
}
