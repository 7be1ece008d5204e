//! Keys that all workers of a node share, before and after a restart: who holds them can prove an address (Retry
//! tokens, RFC 9000 §8.1.2) and end a connection whose state is lost (stateless reset, §10.3).

use std::sync::Arc;

use aws_lc_rs::{hkdf, hmac};
use quinn_proto::crypto::{HandshakeTokenKey, HmacKey};

/// The keys, made from one secret.
#[derive(Clone)]
pub struct Keys {
    pub(super) reset: Arc<dyn HmacKey>,
    pub(super) token: Arc<dyn HandshakeTokenKey>,
}

impl Keys {
    /// `secret`: 16 bytes or more that nobody can guess.
    pub fn new(secret: &[u8]) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"statex quic");
        let root = salt.extract(secret);
        let mut reset = [0; 32];
        let mut token = [0; 32];
        for (key, what) in [(&mut reset, &b"stateless reset"[..]), (&mut token, b"address token")] {
            let expanded = root.expand(&[what], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(key));
            expanded.expect("a key of 32 bytes is not too long for HKDF");
        }
        Self {
            reset: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &reset)),
            token: Arc::new(salt.extract(&token)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(keys: &Keys) -> [u8; 32] {
        let mut signature = [0; 32];
        keys.reset.sign(b"id", &mut signature);
        signature
    }

    #[test]
    fn the_same_secret_makes_the_same_keys() {
        assert_eq!(sign(&Keys::new(&[7; 16])), sign(&Keys::new(&[7; 16])));
        assert_ne!(sign(&Keys::new(&[7; 16])), sign(&Keys::new(&[8; 16])));
    }
}
