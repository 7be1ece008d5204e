//! Whom a request comes from.

use std::net::IpAddr;

use crate::proxy::http::Scheme;
use crate::proxy::worker::Worker;

/// The client of one connection.
#[derive(Debug)]
pub(crate) struct Client {
    /// The address as it is written, since every request tells of it.
    pub(crate) text: Box<str>,
    pub(crate) scheme: Scheme,
}

impl Client {
    pub(crate) fn new(address: IpAddr, scheme: Scheme) -> Self {
        Self { text: address.to_canonical().to_string().into(), scheme }
    }

    /// Whether its connection shall end with the request that it is serving.
    pub(crate) fn is_leaving(&self, worker: &Worker) -> bool {
        worker.is_stopping()
    }
}
