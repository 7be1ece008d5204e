//! Whom a request comes from.

use std::net::IpAddr;
use std::rc::Rc;

use crate::proxy::http::Scheme;
use crate::proxy::worker::{Entry, Worker};

/// The client of one connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    /// The address as it is written, since every request tells of it.
    pub(crate) text: Box<str>,
    pub(crate) scheme: Scheme,
    /// Which of the hosts that ask for client certificates it has named; see
    /// [`Offer::host`](crate::proxy::tls::Offer).
    pub(crate) tls_host: Option<usize>,
    /// The listener that it came by.
    pub(crate) entry: Rc<Entry>,
}

impl Client {
    pub(crate) fn new(address: IpAddr, scheme: Scheme, entry: Rc<Entry>) -> Self {
        let address = address.to_canonical();
        Self { address, text: address.to_string().into(), scheme, tls_host: None, entry }
    }

    /// A client without a listener.
    #[cfg(test)]
    pub(super) fn alone(address: IpAddr) -> Self {
        Self::new(address, Scheme::Http, Rc::new(Entry::default()))
    }

    /// Whether its connection shall end with the request that it is serving.
    pub(crate) fn is_leaving(&self, worker: &Worker) -> bool {
        worker.is_stopping() || self.entry.is_leaving()
    }
}
