//! Fields that belong to one connection and never cross the proxy (RFC 9110 §7.6.1).

use crate::proxy::http::{Fields, Name};

/// Removes what belongs to the connection that the fields came by: the fields that `Connection` names, and
/// those that are of a connection even where it does not name them.
///
/// `Content-Length` stays: it tells the length of what a `HEAD` or 304 stands for.
pub fn strip_hop_by_hop(fields: &mut Fields) {
    if fields.has(Name::Connection) {
        let named: Vec<Vec<u8>> = fields.elements(Name::Connection).map(<[u8]>::to_vec).collect();
        // A peer that names a field which is not of the connection cannot make the proxy lose it.
        fields.retain(|field| {
            is_end_to_end(field.name) || !named.iter().any(|name| field.text.eq_ignore_ascii_case(name))
        });
    }
    fields.retain(|field| !is_of_connection(field.name));
}

fn is_of_connection(name: Name) -> bool {
    use Name::{Connection, KeepAlive, ProxyConnection, Te, TransferEncoding, Upgrade};
    matches!(name, Connection | KeepAlive | ProxyConnection | Te | TransferEncoding | Upgrade)
}

/// Fields that a proxy or a backend decides by: removing them at a client's word would change who it is.
fn is_end_to_end(name: Name) -> bool {
    use Name::{
        CacheControl, ContentLength, ContentType, Cookie, Forwarded, Host, XForwardedFor, XForwardedHost,
        XForwardedProto, XRealIp,
    };
    matches!(
        name,
        CacheControl
            | ContentLength
            | ContentType
            | Cookie
            | Forwarded
            | Host
            | XForwardedFor
            | XForwardedHost
            | XForwardedProto
            | XRealIp
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(pairs: &[(&str, &str)]) -> Vec<String> {
        let mut fields = Fields::default();
        pairs.iter().for_each(|(name, value)| fields.push(name.as_bytes(), value.as_bytes()));
        strip_hop_by_hop(&mut fields);
        fields.iter().map(|field| String::from_utf8_lossy(field.text).into_owned()).collect()
    }

    #[test]
    fn named_fields_go_with_the_connection() {
        assert_eq!(left(&[("Connection", "X-A, close"), ("x-a", "1"), ("X-B", "2")]), ["X-B"]);
    }

    #[test]
    fn fields_of_a_connection_go_even_unnamed() {
        assert_eq!(left(&[("Keep-Alive", "5"), ("TE", "trailers"), ("Upgrade", "x"), ("Via", "y")]), ["Via"]);
    }

    #[test]
    fn a_client_cannot_have_its_address_forgotten() {
        let fields = [
            ("Connection", "X-Forwarded-For, Content-Length"),
            ("X-Forwarded-For", "a"),
            ("Content-Length", "1"),
        ];
        assert_eq!(left(&fields), ["X-Forwarded-For", "Content-Length"]);
    }
}
