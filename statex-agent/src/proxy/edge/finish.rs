//! What every final response gets on its way out: its date, how long it may be kept, what its route changes.

use std::io::Write;

use super::Way;
use super::template::fill;
use crate::proxy::dates;
use crate::proxy::http::{Fields, Name, Request, Response, Scheme, StatusCode};
use crate::proxy::plan::Route;

/// Finishes a response's head.
pub(super) fn finish(way: &Way<'_>, request: &Request, response: &mut Response) {
    if !response.fields.has(Name::Date) {
        way.at.worker.dates.with_text(|date| response.fields.add_known(Name::Date, date));
    }
    if let Some(route) = way.route {
        if response.status.as_u16() < 400 && response.status != StatusCode::SWITCHING_PROTOCOLS {
            keep(route, way.at.worker.dates.second(), &mut response.fields);
        }
        if !route.response_changes.is_empty() {
            let is_secure = way.at.client.scheme == Scheme::Https;
            route.response_changes.make(&mut response.fields, is_secure, |text| fill(text, way, request));
        }
    }
    if let Some(services) = &way.at.listener.meant.alt_svc {
        response.fields.set(Name::AltSvc, services.as_bytes());
    }
}

/// How long a response may be kept (RFC 9111 §5.2 and §5.3).
fn keep(route: &Route, now: i64, fields: &mut Fields) {
    let directives = route.meant.cache_control.as_deref();
    if let Some(expires) = route.meant.expires {
        let seconds = i64::try_from(expires.as_secs()).unwrap_or(i64::MAX);
        fields.set(Name::Expires, dates::written(now.saturating_add(seconds)).as_bytes());
        let mut control = Vec::with_capacity(64);
        // Memory takes all that is written.
        let _ = write!(control, "max-age={seconds}");
        if let Some(directives) = directives {
            let _ = write!(control, ", {directives}");
        }
        fields.set(Name::CacheControl, &control);
    } else if let Some(directives) = directives {
        fields.set(Name::CacheControl, directives.as_bytes());
    }
}
