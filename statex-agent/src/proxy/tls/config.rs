//! What a listener offers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::{
    NoClientAuth, NoServerSessionStorage, StoresServerSessions, WebPkiClientVerifier,
    danger::ClientCertVerifier,
};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use super::store::{ACME_TLS, Chooser};
use super::{Store, Tickets};
use crate::config::proxy::{ClientCertificates, Listener, Tls as Meant, TlsHost, TlsVersion, Version};

/// What clients of a listener are offered.
#[derive(Clone, Debug)]
pub struct Offer {
    /// For hosts that ask for nothing else.
    pub(super) common: Arc<ServerConfig>,
    /// For those that do, as [`Meant::hosts`] has them.
    pub(super) hosts: Vec<(Vec<String>, Arc<ServerConfig>)>,
}

/// What a configuration of TLS lacks.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: {why}", path.display())]
    ClientCa { path: PathBuf, why: String },
    #[error("the versions of TLS cannot be offered: {0}")]
    Versions(#[from] rustls::Error),
}

impl Offer {
    pub(in crate::proxy) fn has_hosts(&self) -> bool {
        !self.hosts.is_empty()
    }

    /// Which of the hosts that ask for something of their own this one is.
    pub(in crate::proxy) fn host(&self, host: &str) -> Option<usize> {
        let under = host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
        let has = |names: &[String], name: &str| names.iter().any(|own| own.eq_ignore_ascii_case(name));
        let exact = self.hosts.iter().position(|(names, _)| has(names, host));
        exact.or_else(|| {
            self.hosts.iter().position(|(names, _)| under.as_ref().is_some_and(|under| has(names, under)))
        })
    }
}

/// Makes what a listener offers.
///
/// # Errors
///
/// A file of certificates cannot be read.
pub fn offer(
    meant: &Meant,
    listener: &Listener,
    store: &Arc<Store>,
    tickets: Option<&Arc<Tickets>>,
) -> Result<Offer, TlsError> {
    let make = |clients: Arc<dyn ClientCertVerifier>| -> Result<Arc<ServerConfig>, TlsError> {
        let mut config = bare(&versions(meant), listener, store, clients)?;
        config.alpn_protocols = protocols(listener);
        keep_sessions(&mut config, tickets);
        Ok(Arc::new(config))
    };
    let host = |host: &TlsHost| Ok((host.names.clone(), make(verifier(host)?)?));
    Ok(Offer {
        common: make(Arc::new(NoClientAuth))?,
        hosts: meant.hosts.iter().map(host).collect::<Result<_, TlsError>>()?,
    })
}

/// What clients of a listener are offered by QUIC. Hosts that ask for client certificates are not served by it
/// (their requests are misdirected).
///
/// `early`: keeps the sessions of clients whose first requests may come before the handshake is complete. Each serves
/// once, so that what came early cannot be sent again (RFC 8446 §8.1).
///
/// # Errors
///
/// TLS cannot be set up.
pub fn quic_offer(
    listener: &Listener,
    store: &Arc<Store>,
    tickets: Option<&Arc<Tickets>>,
    early: Option<&Arc<dyn StoresServerSessions>>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = bare(&[&version::TLS13], listener, store, Arc::new(NoClientAuth))?;
    config.alpn_protocols = vec![b"h3".to_vec()];
    match early {
        Some(sessions) => {
            config.session_storage = sessions.clone();
            // All or nothing, as QUIC wants it (RFC 9001 §4.6.1).
            config.max_early_data_size = u32::MAX;
        }
        None => keep_sessions(&mut config, tickets),
    }
    Ok(Arc::new(config))
}

fn bare(
    versions: &[&'static SupportedProtocolVersion],
    listener: &Listener,
    store: &Arc<Store>,
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions)?;
    let chooser = Chooser { store: store.clone(), names: listener.certificates.clone() };
    Ok(builder.with_client_cert_verifier(clients).with_cert_resolver(Arc::new(chooser)))
}

/// Tickets hold the sessions, or nobody does.
fn keep_sessions(config: &mut ServerConfig, tickets: Option<&Arc<Tickets>>) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    if let Some(tickets) = tickets {
        config.ticketer = tickets.clone();
    } else {
        config.send_tls13_tickets = 0;
    }
}

/// The hybrid of X25519 and ML-KEM-768 goes first: what is recorded today shall not be read when there are
/// quantum computers.
fn provider() -> Arc<CryptoProvider> {
    use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    Arc::new(CryptoProvider {
        kx_groups: vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1],
        ..aws_lc_rs::default_provider()
    })
}

fn versions(meant: &Meant) -> Vec<&'static SupportedProtocolVersion> {
    let version = |version: &TlsVersion| match version {
        TlsVersion::Tls12 => &version::TLS12,
        TlsVersion::Tls13 => &version::TLS13,
    };
    meant.versions.iter().map(version).collect()
}

/// HTTP/2 by its name (RFC 9113 §3.2).
pub(super) const H2: &[u8] = b"h2";

/// By ALPN (RFC 7301): the most wanted first.
fn protocols(listener: &Listener) -> Vec<Vec<u8>> {
    let mut protocols = Vec::new();
    if listener.versions.contains(&Version::H2) {
        protocols.push(H2.to_vec());
    }
    if listener.versions.contains(&Version::H1) {
        protocols.push(b"http/1.1".to_vec());
    }
    protocols.push(ACME_TLS.to_vec());
    protocols
}

fn verifier(host: &TlsHost) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let wrong = |why: String| TlsError::ClientCa { path: host.client_ca.clone(), why };
    let builder = WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots(&host.client_ca).map_err(wrong)?),
        provider(),
    );
    let builder = match host.client_certificates {
        ClientCertificates::Optional => builder.allow_unauthenticated(),
        ClientCertificates::Required => builder,
    };
    builder.build().map_err(|error| wrong(error.to_string()))
}

/// Certificates that others must lead to.
fn roots(path: &Path) -> Result<RootCertStore, String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| format!("not PEM: {error}"))?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("no certificate in PEM".to_owned()) } else { Ok(roots) }
}
