//! Certificates and answers to challenges. All workers look here; whoever gets a certificate puts it here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SignatureScheme};

/// The protocol that an authority asks for when it wants to see a challenge's certificate (RFC 8737 §3).
pub(super) const ACME_TLS: &[u8] = b"acme-tls/1";

/// A certificate that clients are shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Of `[[certificate]]`.
    pub name: String,
    /// Host names in lower case; those that begin with `*.` stand for one label more.
    pub hosts: Vec<String>,
    pub key: Arc<CertifiedKey>,
}

/// Everything that is shown at one moment.
#[derive(Debug, Default)]
struct Shelf {
    /// In the order of the configuration.
    all: Vec<Shown>,
    /// Indices of `all` by host, the algorithm that costs least first.
    by_host: HashMap<String, Vec<usize>>,
    /// By host, for [`ACME_TLS`].
    challenges: HashMap<String, Arc<CertifiedKey>>,
    /// Answers to HTTP-01 by token (RFC 8555 §8.3).
    tokens: HashMap<String, String>,
}

/// The certificates of a node.
#[derive(Debug, Default)]
pub struct Store {
    shelf: ArcSwap<Shelf>,
    /// Held by whoever puts a new shelf up.
    changing: Mutex<()>,
}

impl Store {
    /// Shows a certificate in the place of the one with its name, or beside the others.
    pub fn put(&self, shown: Shown) {
        self.change(|shelf| match shelf.all.iter_mut().find(|one| one.name == shown.name) {
            Some(one) => *one = shown,
            None => shelf.all.push(shown),
        });
    }

    /// Keeps the certificates with these names, in this order, and no others.
    pub fn keep(&self, names: &[&str]) {
        self.change(|shelf| {
            shelf.all.retain(|shown| names.contains(&shown.name.as_str()));
            shelf.all.sort_by_key(|shown| names.iter().position(|name| *name == shown.name));
        });
    }

    /// The certificate with this name.
    pub fn get(&self, name: &str) -> Option<Shown> {
        self.shelf.load().all.iter().find(|shown| shown.name == name).cloned()
    }

    /// Shows an authority this certificate of a challenge (RFC 8737); `None`: no longer.
    pub fn challenge(&self, host: &str, key: Option<Arc<CertifiedKey>>) {
        let host = host.to_ascii_lowercase();
        self.change(|shelf| match key {
            Some(key) => drop(shelf.challenges.insert(host, key)),
            None => drop(shelf.challenges.remove(&host)),
        });
    }

    /// Answers a token of HTTP-01 with this; `None`: no longer.
    pub fn token(&self, token: &str, answer: Option<String>) {
        self.change(|shelf| match answer {
            Some(answer) => drop(shelf.tokens.insert(token.to_owned(), answer)),
            None => drop(shelf.tokens.remove(token)),
        });
    }

    /// The answer to a token of HTTP-01.
    pub fn answer(&self, token: &str) -> Option<String> {
        self.shelf.load().tokens.get(token).cloned()
    }

    fn change(&self, change: impl FnOnce(&mut Shelf)) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.shelf.load();
        let mut next = Shelf {
            all: now.all.clone(),
            by_host: HashMap::new(),
            challenges: now.challenges.clone(),
            tokens: now.tokens.clone(),
        };
        change(&mut next);
        for (index, shown) in next.all.iter().enumerate() {
            for host in &shown.hosts {
                next.by_host.entry(host.clone()).or_default().push(index);
            }
        }
        for indices in next.by_host.values_mut() {
            indices.sort_by_key(|index| next.all.get(*index).map(|shown| cost(&shown.key)));
        }
        self.shelf.store(Arc::new(next));
    }
}

/// What a signature costs, as an order.
fn cost(key: &CertifiedKey) -> u8 {
    match key.key.algorithm() {
        SignatureAlgorithm::RSA => 1,
        _ => 0,
    }
}

/// Chooses what the clients of one listener are shown.
#[derive(Debug)]
pub(super) struct Chooser {
    pub(super) store: Arc<Store>,
    /// Names of certificates; empty: all.
    pub(super) names: Vec<String>,
}

impl Chooser {
    fn choose(&self, host: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let shelf = self.store.shelf.load();
        let may = |shown: &&Shown| self.names.is_empty() || self.names.contains(&shown.name);
        let can = |shown: &&Shown| shown.key.key.choose_scheme(schemes).is_some();
        let named = host.and_then(|host| {
            let under = host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
            let places = [Some(host), under.as_deref()].into_iter().flatten();
            let indices = places.filter_map(|place| shelf.by_host.get(place)).flatten();
            indices.filter_map(|index| shelf.all.get(*index)).filter(may).find(can)
        });
        // The first stands for names that none is for.
        let chosen = named.or_else(|| shelf.all.iter().filter(may).find(can));
        chosen.map(|shown| shown.key.clone())
    }
}

impl ResolvesServerCert for Chooser {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name().map(str::to_ascii_lowercase);
        if hello.alpn().is_some_and(|mut protocols| protocols.any(|one| one == ACME_TLS)) {
            return host.and_then(|host| self.store.shelf.load().challenges.get(&host).cloned());
        }
        self.choose(host.as_deref(), hello.signature_schemes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::tls::files::tests::{Algorithm, made};

    fn shown(name: &str, hosts: &[&str], algorithm: Algorithm) -> Shown {
        Shown { name: name.to_owned(), ..made(hosts, algorithm) }
    }

    /// The name of what a client is shown that takes these signatures.
    fn chosen(store: &Arc<Store>, only: &[&str], host: Option<&str>, schemes: &[SignatureScheme]) -> String {
        let names = only.iter().map(|name| (*name).to_owned()).collect();
        let key = Chooser { store: store.clone(), names }.choose(host, schemes);
        let shelf = store.shelf.load();
        let is_it = |shown: &&Shown| key.as_ref().is_some_and(|key| Arc::ptr_eq(key, &shown.key));
        shelf.all.iter().find(is_it).map(|shown| shown.name.clone()).unwrap_or_default()
    }

    const ECDSA: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;
    const RSA: SignatureScheme = SignatureScheme::RSA_PSS_SHA256;

    #[test]
    fn certificates_are_chosen_by_name_and_algorithm() {
        let store = Arc::new(Store::default());
        store.put(shown("rsa", &["a.net", "*.a.net"], Algorithm::Rsa));
        store.put(shown("ec", &["a.net"], Algorithm::Ecdsa));
        store.put(shown("b", &["b.a.net"], Algorithm::Ecdsa));
        let both = [RSA, ECDSA];
        for (host, schemes, expected) in [
            (Some("a.net"), &both[..], "ec"),
            (Some("a.net"), &[RSA][..], "rsa"),
            (Some("b.a.net"), &both[..], "b"),
            (Some("c.a.net"), &both[..], "rsa"),
            (Some("d.c.a.net"), &both[..], "rsa"),
            (None, &both[..], "rsa"),
            (None, &[ECDSA][..], "ec"),
        ] {
            assert_eq!(chosen(&store, &[], host, schemes), expected, "{host:?} {schemes:?}");
        }
        assert_eq!(chosen(&store, &["b"], Some("a.net"), &both), "b");
        assert_eq!(chosen(&store, &["b"], Some("a.net"), &[RSA]), "");
    }

    #[test]
    fn a_certificate_is_replaced_by_name_and_kept_in_order() {
        let store = Arc::new(Store::default());
        store.put(shown("one", &["a.net"], Algorithm::Ecdsa));
        store.put(shown("two", &["b.net"], Algorithm::Ecdsa));
        store.put(shown("one", &["c.net"], Algorithm::Ecdsa));
        assert_eq!(chosen(&store, &[], Some("a.net"), &[ECDSA]), "one");
        assert_eq!(store.get("one").unwrap().hosts, ["c.net"]);
        store.keep(&["two", "one"]);
        assert_eq!(chosen(&store, &[], None, &[ECDSA]), "two");
        store.keep(&["one"]);
        assert!(store.get("two").is_none());
    }

    #[test]
    fn challenges_are_answered_until_they_are_over() {
        let store = Store::default();
        store.token("abc", Some("abc.thumb".into()));
        assert_eq!(store.answer("abc").as_deref(), Some("abc.thumb"));
        store.token("abc", None);
        assert_eq!(store.answer("abc"), None);
    }
}
