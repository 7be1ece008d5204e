//! Follows the files of certificates: what is new there is shown, what is broken is told and changes nothing.

use std::{path::Path, sync::Arc};

use tokio::task::JoinSet;

use super::serving::from_file;
use crate::{
    config::{
        Config, Watch,
        proxy::{Certificate, CertificateSource},
    },
    proxy::tls::Store,
};

/// The loops that follow files; they end when this is dropped.
pub(super) struct Certificates(#[expect(dead_code, reason = "held so that the loops go on")] JoinSet<()>);

impl Certificates {
    /// Follows the files of all certificates of a configuration.
    ///
    /// Must be called in a tokio runtime.
    pub(super) fn follow(config: &Config, store: &Arc<Store>) -> Self {
        let mut loops = JoinSet::new();
        for certificate in &config.proxy.certificates {
            if let CertificateSource::Files { chain, key } = &certificate.source {
                let (chain, key) = (watch(chain), watch(key));
                loops.spawn(keep_up(certificate.clone(), chain, key, store.clone()));
            }
        }
        Self(loops)
    }
}

fn watch(path: &Path) -> Option<Watch> {
    let watch = Watch::new(path);
    watch.inspect_err(|error| tracing::warn!(%error, file = %path.display(), "changes go unnoticed")).ok()
}

async fn keep_up(
    certificate: Certificate,
    mut chain: Option<Watch>,
    mut key: Option<Watch>,
    store: Arc<Store>,
) {
    loop {
        tokio::select! {
            () = changed(&mut chain) => {}
            () = changed(&mut key) => {}
        }
        let name = certificate.name.clone();
        let read = certificate.clone();
        match tokio::task::spawn_blocking(move || from_file(&read)).await {
            Ok(Some(Ok(shown))) => {
                tracing::info!(certificate = name, hosts = shown.hosts.join(", "), "has changed");
                store.put(shown);
            }
            // One of two files may be new and the other not yet: the change of that one comes, too.
            Ok(Some(Err(error))) => {
                tracing::error!("{error}; the certificate that was there before is still shown");
            }
            Ok(None) | Err(_) => return,
        }
    }
}

async fn changed(watch: &mut Option<Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}
