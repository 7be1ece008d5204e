//! The hashes that the index goes by, computed as the packet path computes them.

use statex_common::abi::{
    Addr, Backend, BackendCounters, Bucket, Control, Event, FlowLine, NatEntry, Node, QuicId, RingWord,
    Service, ServiceCounters, SourceLine,
};
use statex_common::shared::Shared;
use statex_common::{Reason, Tables, hash};

/// The data plane's keyed hashes, for one node's secret.
#[derive(Clone, Debug)]
pub struct Hashes(Node);

impl Hashes {
    pub fn new(node: &Node) -> Self {
        Self(*node)
    }

    /// The constants, with the secret among them.
    pub fn node(&self) -> &Node {
        &self.0
    }

    /// Of a service's row.
    pub fn of_service(&self, row: &Service) -> u64 {
        hash::service(self, &row.addr, row.port, row.protocol)
    }

    /// Of the server id in a backend's row.
    pub fn of_server_id(&self, row: &Backend) -> u64 {
        hash::server_id(self, row.service, row.server_id, row.server_id_len)
    }
}

/// Hashes ask for the constants only.
impl Tables for Hashes {
    fn node(&self) -> &Node {
        &self.0
    }
    fn control(&self) -> Option<&Control> {
        None
    }
    fn bucket(&self, _: u32) -> Option<&Bucket> {
        None
    }
    fn service(&self, _: u32) -> Option<&Service> {
        None
    }
    fn backend(&self, _: u32) -> Option<&Backend> {
        None
    }
    fn ring_word(&self, _: u32) -> Option<&RingWord> {
        None
    }
    fn flow_line(&self, _: u32) -> Option<&FlowLine> {
        None
    }
    fn nat_entry(&self, _: u32) -> Option<&NatEntry> {
        None
    }
    fn source_line(&self, _: u32) -> Option<&SourceLine> {
        None
    }
    fn quic_id(&self, _: u32) -> Option<&QuicId> {
        None
    }
    fn prefix(&self, _: &Addr) -> Option<u32> {
        None
    }
    fn denied(&self, _: &Addr) -> bool {
        false
    }
    fn link_mac(&self, _: u32) -> Option<u64> {
        None
    }
    fn decapsulates(&self, _: &Addr) -> bool {
        false
    }
    fn backend_counters(&self, _: u32) -> Option<&BackendCounters> {
        None
    }
    fn service_counters(&self, _: u32) -> Option<&ServiceCounters> {
        None
    }
    fn reason_counter(&self, _: Reason) -> Option<&Shared<u64>> {
        None
    }
    fn now(&self) -> u64 {
        0
    }
    fn random(&self) -> u32 {
        0
    }
    fn tell(&self, _: &Event) {}
    fn exchange(&self, _: &Shared<u64>, _: u64, _: u64) -> bool {
        false
    }
}
