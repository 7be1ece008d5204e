//! The bytes of a connection, to a client or to a backend, plain or encrypted.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;

use super::h1::Output;

/// Room that a read is given. A read that does not fill it has emptied the kernel's buffer, so that the next
/// one need not be tried in vain.
pub(crate) const ROOM: usize = 16 << 10;

/// A connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// Ready when a read may give something. It needs no memory to wait with, as a read does.
    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl Stream for TcpStream {
    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(context)
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
        let write = output.write(|slices| match slices {
            [one] => blocked(Pin::new(&mut *stream).poll_write(context, one)),
            many => blocked(Pin::new(&mut *stream).poll_write_vectored(context, many)),
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
