//! Requests that came before their client has proved that they are no replay (RFC 8470).

use crate::proxy::http::{Method, Request};
use crate::proxy::plan::Route;

/// Whether the client shall send the request again, behind the handshake: a route takes early ones where it says so,
/// and then only those that change nothing.
pub(super) fn must_wait(route: &Route, request: &Request) -> bool {
    request.fields.named(b"early-data").is_some() && !(route.meant.early_data && is_safe(&request.method))
}

/// RFC 9110 §9.2.1.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}
