//! Keys that seal sessions into tickets (RFC 8446 §4.6.1, RFC 5077), changed in time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use rustls::server::ProducesTickets;

use crate::clock::{Clock, Moment};

const NAME: usize = 16;

/// Seals by one key for a while, and opens what the one before has sealed for as long again.
pub struct Tickets {
    clock: Clock,
    lifetime: Duration,
    keys: ArcSwap<Keys>,
    /// Held by whoever changes them.
    changing: Mutex<()>,
}

struct Keys {
    now: Arc<Key>,
    before: Option<Arc<Key>>,
    /// When `now` began to seal.
    since: Moment,
}

/// A key with a name, by which it is found when a ticket comes back.
struct Key {
    name: [u8; NAME],
    key: RandomizedNonceKey,
}

impl Tickets {
    /// `None`: the machine has no random numbers.
    pub fn new(lifetime: Duration, clock: Clock) -> Option<Arc<Self>> {
        let keys = Keys { now: Arc::new(Key::random()?), before: None, since: clock.now() };
        Some(Arc::new(Self { clock, lifetime, keys: ArcSwap::from_pointee(keys), changing: Mutex::new(()) }))
    }

    /// How long one key seals.
    pub fn key_lifetime(&self) -> Duration {
        self.lifetime
    }

    /// The keys; new ones where their time is over.
    fn keys(&self) -> Arc<Keys> {
        let keys = self.keys.load_full();
        let now = self.clock.now();
        if now < keys.since + self.lifetime {
            return keys;
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = self.keys.load_full();
        let age = now.saturating_sub(keys.since);
        if age < self.lifetime {
            return keys;
        }
        let Some(fresh) = Key::random() else { return keys };
        // A key whose second time is over opens nothing any more.
        let before = (age < 2 * self.lifetime).then(|| keys.now.clone());
        let next = Arc::new(Keys { now: Arc::new(fresh), before, since: now });
        self.keys.store(next.clone());
        next
    }
}

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tickets").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

impl Key {
    fn random() -> Option<Self> {
        let (mut name, mut secret) = ([0; NAME], [0; 32]);
        rand::fill(&mut name).ok()?;
        rand::fill(&mut secret).ok()?;
        Some(Self { name, key: RandomizedNonceKey::new(&AES_256_GCM, &secret).ok()? })
    }

    /// Name, nonce, what is sealed, tag.
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = plain.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(self.name), &mut sealed).ok()?;
        Some([&self.name[..], nonce.as_ref(), &sealed].concat())
    }

    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = ticket.strip_prefix(&self.name)?.split_at_checked(NONCE_LEN)?;
        let (nonce, mut sealed) = (Nonce::try_assume_unique_for_key(nonce).ok()?, sealed.to_vec());
        let len = self.key.open_in_place(nonce, Aad::from(self.name), &mut sealed).ok()?.len();
        sealed.truncate(len);
        Some(sealed)
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(2 * self.lifetime.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.keys().now.seal(plain)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let keys = self.keys();
        keys.now.open(ticket).or_else(|| keys.before.as_ref()?.open(ticket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(3600);

    #[test]
    fn a_ticket_is_good_for_two_lifetimes_of_its_key() {
        let clock = Clock::by_hand();
        let tickets = Tickets::new(LIFETIME, clock.clone()).unwrap();
        let ticket = tickets.encrypt(b"session").unwrap();
        assert_eq!(tickets.decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        clock.advance(LIFETIME);
        assert_eq!(tickets.decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        let next = tickets.encrypt(b"next").unwrap();
        assert_ne!(ticket[..NAME], next[..NAME], "another key");
        clock.advance(LIFETIME);
        assert_eq!(tickets.decrypt(&ticket), None);
        assert_eq!(tickets.decrypt(&next).as_deref(), Some(&b"next"[..]));
    }

    #[test]
    fn a_key_that_slept_too_long_opens_nothing() {
        let clock = Clock::by_hand();
        let tickets = Tickets::new(LIFETIME, clock.clone()).unwrap();
        let ticket = tickets.encrypt(b"session").unwrap();
        clock.advance(2 * LIFETIME);
        assert_eq!(tickets.decrypt(&ticket), None);
    }

    #[test]
    fn what_was_changed_or_made_up_opens_nothing() {
        let tickets = Tickets::new(LIFETIME, Clock::by_hand()).unwrap();
        let mut ticket = tickets.encrypt(b"session").unwrap();
        *ticket.last_mut().unwrap() ^= 1;
        assert_eq!(tickets.decrypt(&ticket), None);
        assert_eq!(tickets.decrypt(&[]), None);
        assert_eq!(tickets.decrypt(&[7; 200]), None);
    }
}
