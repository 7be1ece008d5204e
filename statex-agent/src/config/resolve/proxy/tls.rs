//! `[tls]`, `[[tls.host]]`, `[[certificate]]`, `[acme]`.

use super::{fit, text};
use crate::config::error::{Place, Report};
use crate::config::meant::proxy::{Acme, Certificate, CertificateSource, Host, Tls, TlsHost};
use crate::config::written::{self, Element, Key, Time, quoted};

/// Where Let's Encrypt is.
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

pub(super) fn tls(written: &written::Tls, report: &mut Report) -> Tls {
    let default = Tls::default();
    fit::not_empty(&written.versions, "name \"1.2\", \"1.3\" or both", report);
    let versions = match written.versions.given() {
        Some(list) => list.iter().map(|element| element.value).collect(),
        None => default.versions,
    };
    let tickets = match written.tickets.within(Time::seconds(0)..=Time::seconds(7 * 86_400), report) {
        Some(time) => Some(time.0).filter(|time| !time.is_zero()),
        None => default.tickets,
    };
    Tls {
        versions,
        tickets,
        ocsp: written.ocsp.given().copied().unwrap_or(default.ocsp),
        hosts: written.host.list().iter().filter_map(|host| tls_host(&host.value, report)).collect(),
    }
}

fn tls_host(written: &written::TlsHost, report: &mut Report) -> Option<TlsHost> {
    let names = names(&written.names, "name the hosts that ask for clients' certificates", report);
    written.client_ca.required(report, "name the file of the certificates that clients' must lead to");
    Some(TlsHost {
        names,
        client_ca: text::file(&written.client_ca, report)?,
        client_certificates: written.client_certificates.given().copied().unwrap_or_default(),
    })
}

pub(super) fn certificate(written: &written::Certificate, report: &mut Report) -> Option<Certificate> {
    written.name.required(report, "give the certificate a name");
    let name = fit::name(&written.name, report);
    let source = match written.acme.given() {
        Some(true) => {
            for key in [&written.chain, &written.key] {
                if !key.is_absent() {
                    report.error(&key.place, "acme = true gets the certificate; remove this, or acme");
                }
            }
            CertificateSource::Acme { names: names(&written.names, "name the hosts that it is for", report) }
        }
        _ => {
            if !written.names.is_absent() {
                report.error(
                    &written.names.place,
                    "a certificate from a file names its hosts itself; remove this",
                );
            }
            written
                .chain
                .required(report, "name the file of the certificate and those between it and its root");
            written.key.required(report, "name the file of the key");
            let (chain, key) = (text::file(&written.chain, report), text::file(&written.key, report));
            CertificateSource::Files { chain: chain?, key: key? }
        }
    };
    Some(Certificate { name: name?, source })
}

/// Host names in lower case, which may begin with `*.`.
fn names(key: &Key<Vec<Element<String>>>, advice: &str, report: &mut Report) -> Vec<String> {
    key.required(report, advice);
    fit::not_empty(key, advice, report);
    text::list(key, report, |text, place, report| match text::host(text, place, report)? {
        Host::Exact(name) => Some(name),
        Host::Under(name) => Some(format!("*.{name}")),
        Host::Any => {
            report.error(place, "\"*\" is no name of a certificate; write the names out");
            None
        }
    })
}

pub(super) fn acme(written: &written::Acme, report: &mut Report) -> Option<Acme> {
    written.store.required(report, "name the folder of the account's key and of certificates");
    let store = text::file(&written.store, report);
    let directory = match written.directory.is_absent() {
        true => Some(DIRECTORY.to_owned()),
        false => text::url(&written.directory, report),
    };
    let contact = text::list(&written.contact, report, mail);
    let ca = text::file(&written.ca, report);
    let (on_renewed, on_failed) =
        (text::url(&written.on_renewed, report), text::url(&written.on_failed, report));
    Some(Acme {
        directory: directory?,
        contact,
        store: store?,
        challenge: written.challenge.given().copied().unwrap_or_default(),
        ca,
        on_renewed,
        on_failed,
    })
}

/// `ops@example.net`, with or without `mailto:`.
fn mail(text: &str, place: &Place, report: &mut Report) -> Option<String> {
    let address = text.strip_prefix("mailto:").unwrap_or(text);
    let is_fit = address.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
        && address.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_fit {
        report.error(
            place,
            format!("{} is no mail address; give one such as \"ops@example.net\"", quoted(text)),
        );
        return None;
    }
    Some(format!("mailto:{address}"))
}
