//! Certificates from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::Shown;

/// A certificate that cannot be shown.
#[derive(Debug, thiserror::Error)]
#[error("certificate \"{name}\": {}: {why}", path.display())]
pub struct LoadError {
    pub name: String,
    pub path: PathBuf,
    pub why: String,
}

/// Reads a certificate with those between it and its root, and its key.
///
/// # Errors
///
/// A file cannot be read, is not PEM, or the two do not belong together.
pub fn load(name: &str, chain: &Path, key: &Path) -> Result<Shown, LoadError> {
    let wrong = |path: &Path, why: String| LoadError { name: name.to_owned(), path: path.to_owned(), why };
    let read = |path: &Path| std::fs::read(path).map_err(|error| wrong(path, error.to_string()));
    let (chain_pem, key_pem) = (read(chain)?, read(key)?);
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain_pem)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(chain, format!("not PEM: {error}")))?;
    let secret = PrivateKeyDer::from_pem_slice(&key_pem)
        .map_err(|error| wrong(key, format!("no private key in PEM: {error}")))?;
    from_parts(name, certificates, &secret)
        .map_err(|(of_key, why)| wrong(if of_key { key } else { chain }, why))
}

/// Puts both together. An error says whether it is the key's, and why.
fn from_parts(
    name: &str,
    certificates: Vec<CertificateDer<'static>>,
    secret: &PrivateKeyDer<'_>,
) -> Result<Shown, (bool, String)> {
    let first = certificates.first().ok_or((false, "no certificate in PEM".to_owned()))?;
    let end = webpki::EndEntityCert::try_from(first)
        .map_err(|error| (false, format!("the first certificate cannot be read: {error}")))?;
    let hosts: Vec<String> = end.valid_dns_names().map(str::to_ascii_lowercase).collect();
    let key =
        any_supported_type(secret).map_err(|error| (true, format!("the key cannot be used: {error}")))?;
    let key = CertifiedKey::new(certificates, key);
    match key.keys_match() {
        // Of some kinds of keys it cannot be known.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
        Err(_) => return Err((true, "it is not the key of the certificate".to_owned())),
    }
    Ok(Shown { name: name.to_owned(), hosts, key: Arc::new(key) })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};

    #[derive(Clone, Copy)]
    pub(in crate::proxy::tls) enum Algorithm {
        Ecdsa,
        Rsa,
    }

    /// A certificate that signs itself, as PEM, and its key.
    fn pem(hosts: &[&str], algorithm: Algorithm) -> (String, String) {
        let key = KeyPair::generate_for(match algorithm {
            Algorithm::Ecdsa => &PKCS_ECDSA_P256_SHA256,
            Algorithm::Rsa => &PKCS_RSA_SHA256,
        })
        .unwrap();
        let names: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    pub(in crate::proxy::tls) fn made(hosts: &[&str], algorithm: Algorithm) -> Shown {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("chain"), folder.path().join("key"));
        let (chain_pem, key_pem) = pem(hosts, algorithm);
        std::fs::write(&chain, chain_pem).unwrap();
        std::fs::write(&key, key_pem).unwrap();
        load("made", &chain, &key).unwrap()
    }

    #[test]
    fn a_certificate_names_its_hosts() {
        assert_eq!(made(&["A.net", "*.b.net"], Algorithm::Ecdsa).hosts, ["a.net", "*.b.net"]);
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("chain"), folder.path().join("key"));
        let why = || load("site", &chain, &key).unwrap_err().to_string();
        assert!(why().contains("chain: No such file"), "{}", why());
        let ((one, _), (_, other)) = (pem(&["a.net"], Algorithm::Ecdsa), pem(&["a.net"], Algorithm::Ecdsa));
        std::fs::write(&chain, "").unwrap();
        std::fs::write(&key, &other).unwrap();
        assert!(why().ends_with("chain: no certificate in PEM"), "{}", why());
        std::fs::write(&chain, &one).unwrap();
        assert!(why().ends_with("key: it is not the key of the certificate"), "{}", why());
        std::fs::write(&key, &one).unwrap();
        assert!(why().contains("key: no private key in PEM"), "{}", why());
    }
}
