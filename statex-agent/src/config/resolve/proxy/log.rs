//! `[[access_log]]`.

use std::path::PathBuf;

use super::fit;
use crate::config::error::Report;
use crate::config::meant::proxy::{AccessLog, Consent, LogTarget};
use crate::config::written::{self, quoted};

pub(super) fn access_log(written: &written::AccessLog, report: &mut Report) -> Option<AccessLog> {
    written.name.required(report, "give the log a name");
    let name = fit::name(&written.name, report);
    let to = target(written, report);
    let consent = written.consent_cookie.given().map(|text| match text.split_once('=') {
        Some((cookie, value)) => Consent { cookie: cookie.to_owned(), value: Some(value.to_owned()) },
        None => Consent { cookie: text.clone(), value: None },
    });
    if consent.as_ref().is_some_and(|consent| consent.cookie.is_empty()) {
        report.error(&written.consent_cookie.place, "no cookie is named; give \"NAME\" or \"NAME=VALUE\"");
    }
    Some(AccessLog {
        name: name?,
        format: written.format.given().copied().unwrap_or_default(),
        to: to?,
        listeners: written.listeners.list().iter().map(|element| element.value.clone()).collect(),
        addresses: written.addresses.given().copied().unwrap_or_default(),
        consent,
        queue: fit::number(&written.queue, 16, 1_000_000u32, report).unwrap_or(8192),
    })
}

fn target(written: &written::AccessLog, report: &mut Report) -> Option<LogTarget> {
    const ADVICE: &str = "give a file, \"stdout\", \"syslog\" or \"syslog:ADDRESS:PORT\"";
    let to = written.to.required(report, ADVICE)?;
    let place = &written.to.place;
    match (to.as_str(), to.strip_prefix("syslog:").map(str::parse)) {
        ("stdout", _) => Some(LogTarget::Stdout),
        ("syslog", _) => Some(LogTarget::Syslog(None)),
        (_, Some(Ok(address))) => Some(LogTarget::Syslog(Some(address))),
        (path, None) if path.starts_with('/') => Some(LogTarget::File(PathBuf::from(path))),
        _ => {
            report.error(place, format!("{} is no place for a log; {ADVICE}", quoted(to)));
            None
        }
    }
}
