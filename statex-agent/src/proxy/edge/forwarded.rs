//! What a backend is told of the client.

use super::Client;
use crate::proxy::http::{Name, Request, Scheme};

/// Tells who asks. Nobody is trusted to have told before.
pub(super) fn tell(request: &mut Request, client: &Client) {
    let address = client.text.as_bytes();
    request.fields.set(Name::XForwardedFor, address);
    request.fields.set(Name::XRealIp, address);
    let scheme: &[u8] = if client.scheme == Scheme::Https { b"https" } else { b"http" };
    request.fields.set(Name::XForwardedProto, scheme);
    let Request { fields, authority, .. } = request;
    fields.set(Name::XForwardedHost, authority);
    fields.remove(Name::Forwarded);
}
