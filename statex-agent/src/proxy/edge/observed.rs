//! An answer on its way to the client, watched for those who count and log.

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::proxy::http::{Extent, Fields, Response, Sink, StatusCode, Whole};

/// A sink that remembers what went through it.
pub(super) struct Observed<'a, S> {
    sink: &'a mut S,
    /// Of the final head, once it was given.
    pub(super) status: Option<StatusCode>,
    /// Bytes of the body that were given.
    pub(super) sent: u64,
    pub(super) ended: bool,
}

impl<'a, S> Observed<'a, S> {
    pub(super) fn new(sink: &'a mut S) -> Self {
        Self { sink, status: None, sent: 0, ended: false }
    }
}

impl<S: Sink<Response>> Sink<Response> for Observed<'_, S> {
    fn head(&mut self, head: &Response, whole: Whole) {
        if !head.is_interim() {
            self.status = Some(head.status);
        }
        self.sink.head(head, whole);
    }

    fn data(&mut self, data: Bytes) {
        self.sent += data.len() as u64;
        self.sink.data(data);
    }

    fn takes_extents(&self) -> bool {
        self.sink.takes_extents()
    }

    fn extent(&mut self, extent: Extent) {
        self.sent += extent.len as u64;
        self.sink.extent(extent);
    }

    fn end(&mut self, trailers: &Fields) {
        self.ended = true;
        self.sink.end(trailers);
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sink.poll_flush(context)
    }
}
