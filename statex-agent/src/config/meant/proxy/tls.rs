//! TLS and certificates.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::meant::Words;

/// `[tls]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// At least one.
    pub versions: Vec<TlsVersion>,
    /// How long a key seals session tickets; a ticket is good for twice as long at most. `None`: no tickets.
    pub tickets: Option<Duration>,
    /// OCSP responses are fetched and stapled where a certificate names a responder (RFC 6066 §8).
    pub ocsp: bool,
    /// What single host names ask for.
    pub hosts: Vec<TlsHost>,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            versions: vec![TlsVersion::Tls12, TlsVersion::Tls13],
            tickets: Some(Duration::from_secs(12 * 3600)),
            ocsp: true,
            hosts: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

impl Words for TlsVersion {
    const KIND: &'static str = "version of TLS";
    const WORDS: &'static [(&'static str, Self)] = &[("1.2", Self::Tls12), ("1.3", Self::Tls13)];
}

/// `[[tls.host]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsHost {
    /// In lower case; `*.example.net` stands for one label more. Each name is in one table only.
    pub names: Vec<String>,
    /// Certificates, in PEM, that clients' certificates must lead to.
    pub client_ca: PathBuf,
    pub client_certificates: ClientCertificates,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// A client without one is served; one with a bad one is not.
    Optional,
    #[default]
    Required,
}

impl Words for ClientCertificates {
    const KIND: &'static str = "choice";
    const WORDS: &'static [(&'static str, Self)] =
        &[("optional", Self::Optional), ("required", Self::Required)];
}

/// `[[certificate]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub name: String,
    pub source: CertificateSource,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// In PEM; watched.
    Files { chain: PathBuf, key: PathBuf },
    /// Got and renewed for these names, in lower case.
    Acme { names: Vec<String> },
}

/// `[acme]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// URL of the directory (RFC 8555 §7.1.1).
    pub directory: String,
    /// As `mailto:` URLs.
    pub contact: Vec<String>,
    /// Folder of the account's key and of certificates.
    pub store: PathBuf,
    pub challenge: Challenge,
    /// Certificates, in PEM, that the directory's own must lead to; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// URLs that are told of each certificate.
    pub on_renewed: Option<String>,
    pub on_failed: Option<String>,
}

/// How it is shown that a name is this node's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Challenge {
    /// RFC 8555 §8.3.
    #[default]
    Http01,
    /// RFC 8737.
    TlsAlpn01,
}

impl Words for Challenge {
    const KIND: &'static str = "challenge";
    const WORDS: &'static [(&'static str, Self)] =
        &[("http-01", Self::Http01), ("tls-alpn-01", Self::TlsAlpn01)];
}
