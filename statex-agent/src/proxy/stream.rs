//! The bytes of a connection, to a client or to a backend, plain or encrypted.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use rustix::fs::sendfile;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::io::{AsyncReadExt, AsyncWrite, Interest};
use tokio::net::TcpStream;

use super::deadline::Deadline;
use super::h1::{Next, Output};
use super::http::Extent;

/// Room that a read is given. A read that does not fill it has emptied the kernel's buffer, so that the next
/// one need not be tried in vain.
pub(crate) const ROOM: usize = 16 << 10;

/// A connection.
pub(crate) trait Stream {
    /// Whether [`poll_put_extent`](Stream::poll_put_extent) writes.
    const TAKES_EXTENTS: bool = false;

    /// Ready when a read may give something. It needs no memory to wait with, as a read does.
    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Reads behind what the buffer holds; 0 at the end.
    fn poll_fill(&mut self, context: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>>;

    /// Writes some bytes of the pieces; how many.
    fn poll_put(&mut self, context: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;

    /// The same, of pieces behind which a stretch of a file comes.
    fn poll_put_more(
        &mut self,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_put(context, pieces)
    }

    /// Has the kernel write a stretch of a file, or the first part of it.
    fn poll_put_extent(&mut self, _: &mut Context<'_>, _: &Extent) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    /// Ready when all that was put is with the kernel.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Says that nothing more will be put.
    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl Stream for TcpStream {
    const TAKES_EXTENTS: bool = true;

    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(context)
    }

    fn poll_fill(&mut self, context: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        buffer.reserve(ROOM);
        pin!(self.read_buf(buffer)).poll(context)
    }

    fn poll_put(&mut self, context: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match pieces {
            [one] => Pin::new(self).poll_write(context, one),
            many => Pin::new(self).poll_write_vectored(context, many),
        }
    }

    fn poll_put_more(
        &mut self,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        poll_send(self, context, |socket| {
            Ok(sendmsg(socket, pieces, &mut SendAncillaryBuffer::default(), flags)?)
        })
    }

    fn poll_put_extent(&mut self, context: &mut Context<'_>, extent: &Extent) -> Poll<io::Result<usize>> {
        let Extent { file, offset, len } = extent;
        let sent =
            poll_send(self, context, |socket| Ok(sendfile(socket, file, Some(&mut { *offset }), *len)?));
        match ready!(sent) {
            // The file has been made shorter.
            Ok(0) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            sent => Poll::Ready(sent),
        }
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self).poll_shutdown(context)
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

/// Writes until nothing is left.
pub(crate) fn poll_write<S: Stream>(
    stream: &mut S,
    context: &mut Context<'_>,
    output: &mut Output,
) -> Poll<io::Result<()>> {
    while !output.is_empty() {
        let write = output.write(|next| {
            blocked(match next {
                Next::Slices { slices, more: false } => stream.poll_put(context, slices),
                Next::Slices { slices, more: true } => stream.poll_put_more(context, slices),
                Next::Extent(extent) => stream.poll_put_extent(context, extent),
            })
        });
        match write {
            Ok(()) => {}
            Err(None) => return Poll::Pending,
            Err(Some(error)) => return Poll::Ready(Err(error)),
        }
    }
    stream.poll_flush(context)
}

/// Reads that a client may fill while its connection ends.
const LAST_READS: usize = 64;

/// Ends a connection whose client may still be sending, by the deadline. Closed at once, it would be reset,
/// and the client might lose what it was answered (RFC 9112 §9.6).
pub(crate) async fn close_gently<S: Stream>(stream: &mut S, deadline: &Deadline) {
    let (mut input, mut reads) = (BytesMut::new(), 0);
    poll_fn(|context| {
        match stream.poll_close(context) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            Poll::Pending => return deadline.poll_passed(context),
        }
        while reads < LAST_READS {
            input.clear();
            match stream.poll_fill(context, &mut input) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(_)) => reads += 1,
                Poll::Pending => return deadline.poll_passed(context),
            }
        }
        Poll::Ready(())
    })
    .await;
}

/// What was written, or why nothing was; `None`: it must wait.
fn blocked(written: Poll<io::Result<usize>>) -> Result<usize, Option<io::Error>> {
    match written {
        Poll::Pending => Err(None),
        Poll::Ready(Ok(0)) => Err(Some(io::ErrorKind::WriteZero.into())),
        Poll::Ready(result) => result.map_err(Some),
    }
}
