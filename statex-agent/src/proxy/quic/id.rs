//! Connection ids that say who issued them (draft-ietf-quic-load-balancers §3 and §4.1: plaintext server ids).
//!
//! ```text
//! ┌──────────┬───────────┬───────────┬──────┬────────┐
//! │ rotation │ random    │ server id │ slot │ random │
//! │ 3 bits   │ 5 bits    │ 0..=8 B   │ 1 B  │ ≥ 3 B  │
//! └──────────┴───────────┴───────────┴──────┴────────┘
//!                         └ XDP: node └ socket: worker
//! ```
//!
//! The data plane brings a packet to the node by the server id (`statex_common::quic`). There the kernel brings it to
//! the worker by the slot, which is the first byte of what the draft leaves to the server.

use std::sync::Arc;

use arc_swap::ArcSwap;
use quinn_proto::{ConnectionId, ConnectionIdGenerator, InvalidCid};
use rustix::rand::{GetRandomFlags, getrandom};

/// The rotation of ids that are not routed by a server id (§3.1).
pub(super) const UNROUTED: u8 = 0b111;
/// Longest server id, as the data plane has it.
pub const LONGEST_SERVER_ID: usize = 8;
/// Fewest bytes of the nonce (§4.1): one of them is the slot.
pub const SHORTEST_NONCE: usize = 4;
/// Longest id (RFC 9000 §17.2).
const LONGEST: usize = 20;

/// How the ids of a node look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    rotation: u8,
    server_id: [u8; LONGEST_SERVER_ID],
    server_id_len: u8,
    nonce_len: u8,
}

impl Form {
    /// `None`: the parts do not fit into an id.
    pub fn new(rotation: u8, server_id: &[u8], nonce_len: usize) -> Option<Self> {
        let fits = rotation <= UNROUTED && nonce_len >= SHORTEST_NONCE;
        if !fits || 1 + server_id.len() + nonce_len > LONGEST {
            return None;
        }
        let mut padded = [0; LONGEST_SERVER_ID];
        padded.get_mut(..server_id.len())?.copy_from_slice(server_id);
        let (server_id_len, nonce_len) = (server_id.len() as u8, nonce_len as u8);
        Some(Self { rotation, server_id: padded, server_id_len, nonce_len })
    }

    /// Of a node that no data plane routes to by id.
    pub const fn unrouted() -> Self {
        Self { rotation: UNROUTED, server_id: [0; LONGEST_SERVER_ID], server_id_len: 0, nonce_len: 8 }
    }

    /// The configuration rotation, 0 to 7.
    pub fn rotation(&self) -> u8 {
        self.rotation
    }

    pub fn server_id_len(&self) -> u8 {
        self.server_id_len
    }

    /// With the slot.
    pub fn nonce_len(&self) -> u8 {
        self.nonce_len
    }

    /// Bytes of an id.
    pub fn id_len(&self) -> usize {
        self.slot_at() + usize::from(self.nonce_len)
    }

    /// Where in an id the slot stands.
    pub fn slot_at(&self) -> usize {
        1 + usize::from(self.server_id_len)
    }

    fn server_id(&self) -> &[u8] {
        &self.server_id[..usize::from(self.server_id_len)]
    }

    /// The slot that an id names; `None`: it is not of this form.
    pub fn slot(&self, id: &[u8]) -> Option<u8> {
        let (first, rest) = id.split_first()?;
        let rest = rest.strip_prefix(self.server_id())?;
        let fits = first >> 5 == self.rotation && rest.len() == usize::from(self.nonce_len);
        rest.first().copied().filter(|_| fits)
    }

    fn id(&self, slot: u8, random: &[u8; LONGEST]) -> ConnectionId {
        let mut id = *random;
        id[0] = self.rotation << 5 | random[0] & 0x1f;
        id[1..self.slot_at()].copy_from_slice(self.server_id());
        id[self.slot_at()] = slot;
        ConnectionId::new(&id[..self.id_len()])
    }
}

/// Issues the ids of one worker.
pub(super) struct Issuer {
    form: Arc<ArcSwap<Form>>,
    /// The last form whose ids are as long as the first one's: an endpoint's ids are all of one length.
    own: Form,
    slot: u8,
    /// Random bytes that lie ready, so that not every id costs a system call.
    random: [u8; 16 * LONGEST],
    used: usize,
}

impl Issuer {
    pub(super) fn new(form: Arc<ArcSwap<Form>>, slot: u8) -> Self {
        let own = **form.load();
        Self { form, own, slot, random: [0; 16 * LONGEST], used: 16 * LONGEST }
    }

    fn random(&mut self) -> [u8; LONGEST] {
        if self.used == self.random.len() {
            fill(&mut self.random);
            self.used = 0;
        }
        let mut some = [0; LONGEST];
        some.copy_from_slice(&self.random[self.used..self.used + LONGEST]);
        self.used += LONGEST;
        some
    }
}

impl ConnectionIdGenerator for Issuer {
    fn generate_cid(&mut self) -> ConnectionId {
        let random = self.random();
        let form = **self.form.load();
        if form.id_len() == self.own.id_len() {
            self.own = form;
        }
        self.own.id(self.slot, &random)
    }

    /// An id that names another slot belongs to another worker, whose connection must not be reset from here.
    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        match self.own.slot(id) {
            Some(slot) if slot == self.slot => Ok(()),
            _ => Err(InvalidCid),
        }
    }

    fn cid_len(&self) -> usize {
        self.own.id_len()
    }

    fn cid_lifetime(&self) -> Option<std::time::Duration> {
        None
    }
}

/// Fills with what nobody can guess.
fn fill(bytes: &mut [u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        // It fails for a signal; the kernel has no other reason.
        if let Ok(filled) = getrandom(&mut *rest, GetRandomFlags::empty()) {
            rest = &mut rest[filled..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(form: Form, slot: u8) -> Issuer {
        Issuer::new(Arc::new(ArcSwap::from_pointee(form)), slot)
    }

    #[test]
    fn an_id_names_rotation_server_and_slot() {
        let form = Form::new(2, &[0xab, 0xcd], 6).unwrap();
        let mut issuer = issuer(form, 7);
        let ids: Vec<_> = (0..40).map(|_| issuer.generate_cid()).collect();
        for id in &ids {
            assert_eq!((id.len(), id[0] >> 5, &id[1..4]), (9, 2, &[0xab, 0xcd, 7][..]));
            assert_eq!(form.slot(id), Some(7));
            assert!(issuer.validate(id).is_ok());
        }
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn ids_of_others_are_not_ours() {
        let form = Form::new(2, &[0xab], 4).unwrap();
        for id in [
            &[0x40, 0xab, 1, 0, 0][..],
            &[0x40, 0xab, 1, 0, 0, 0, 0],
            &[0x60, 0xab, 1, 0, 0, 0],
            &[0x40, 0xac, 1, 0, 0, 0],
            &[],
        ] {
            assert_eq!(form.slot(id), None, "{id:?}");
        }
        let mut other = issuer(form, 1);
        let id = other.generate_cid();
        assert!(issuer(form, 2).validate(&id).is_err());
    }

    #[test]
    fn parts_must_fit() {
        assert!(Form::new(0, &[0; 8], 11).is_some());
        assert!(Form::new(0, &[0; 8], 12).is_none());
        assert!(Form::new(0, &[0; 9], 4).is_none());
        assert!(Form::new(8, &[], 8).is_none());
        assert!(Form::new(0, &[], 3).is_none());
        assert_eq!(Form::unrouted().id_len(), 9);
    }

    #[test]
    fn ids_follow_a_new_rotation() {
        let form = Arc::new(ArcSwap::from_pointee(Form::new(0, &[1], 6).unwrap()));
        let mut issuer = Issuer::new(form.clone(), 0);
        form.store(Arc::new(Form::new(1, &[1], 6).unwrap()));
        assert_eq!(issuer.generate_cid()[0] >> 5, 1);
        form.store(Arc::new(Form::new(2, &[1], 7).unwrap()));
        assert_eq!(issuer.generate_cid()[0] >> 5, 1, "all ids of an endpoint have one length");
    }
}
