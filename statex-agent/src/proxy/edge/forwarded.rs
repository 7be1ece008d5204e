//! Who the client is, and what a backend is told of it.
//!
//! What a request says of its way is believed only of a trusted proxy, hop by hop from the nearest: of
//! `X-Forwarded-For: a, b` from the trusted proxy `c`, the client is `b`, or `a` where `b` is trusted, too.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::Client;
use crate::config::proxy::Forwarded;
use crate::proxy::http::{Name, Request, Scheme};

/// The client of one request.
#[derive(Clone, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) address: IpAddr,
    /// As it is written.
    pub(crate) text: Cow<'a, str>,
    /// The peer was believed what it said.
    is_told: bool,
}

impl<'a> Origin<'a> {
    /// Whom a request comes from, whose peer is believed if it is one of these.
    pub(super) fn of(client: &'a Client, request: &Request, trusted: &[IpNet]) -> Self {
        let is_trusted = |address: &IpAddr| trusted.iter().any(|prefix| prefix.contains(address));
        let peer = Self { address: client.address, text: Cow::Borrowed(&client.text), is_told: false };
        if trusted.is_empty() || !is_trusted(&client.address) {
            return peer;
        }
        let told: Vec<&[u8]> = request.fields.elements(Name::XForwardedFor).collect();
        let mut farthest = None;
        for text in told.into_iter().rev() {
            let Some(address) = address(text) else { break };
            farthest = Some(address);
            if !is_trusted(&address) {
                break;
            }
        }
        match farthest {
            Some(address) => Self { address, text: Cow::Owned(address.to_string()), is_told: true },
            None => Self { is_told: true, ..peer },
        }
    }
}

/// An address, perhaps with a port, as proxies write it.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let whole = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    whole.ok().map(|address| address.to_canonical())
}

/// Tells a backend who asks: in these fields, and in no others that such things are told in.
pub(super) fn tell(request: &mut Request, client: &Client, origin: &Origin<'_>, wanted: &[Forwarded]) {
    let scheme: &[u8] = if client.scheme == Scheme::Https { b"https" } else { b"http" };
    let keeps = origin.is_told;
    let wants = |field| wanted.contains(&field);
    let Request { fields, authority, version, .. } = request;
    let mut one = |name: Name, is_wanted: bool, value: &[u8]| {
        if is_wanted && !(keeps && fields.has(name)) {
            fields.set(name, value);
        } else if !keeps {
            fields.remove(name);
        }
    };
    one(Name::XForwardedProto, wants(Forwarded::XForwardedProto), scheme);
    one(Name::XForwardedHost, wants(Forwarded::XForwardedHost), authority);
    one(Name::XRealIp, wants(Forwarded::XRealIp), origin.text.as_bytes());
    // Those in which every hop adds itself.
    let mut hop = |name: Name, is_wanted: bool, value: &[u8]| match fields.get(name) {
        Some(before) if keeps && is_wanted => {
            let all = [before, b", ", value].concat();
            fields.set(name, &all);
        }
        _ if is_wanted => fields.set(name, value),
        _ if !keeps => fields.remove(name),
        _ => {}
    };
    hop(Name::XForwardedFor, wants(Forwarded::XForwardedFor), client.text.as_bytes());
    let forwarded = wants(Forwarded::Forwarded).then(|| forwarded(client, authority, scheme));
    hop(Name::Forwarded, forwarded.is_some(), forwarded.as_deref().unwrap_or_default());
    if wants(Forwarded::Via) {
        let via = match *version {
            crate::proxy::http::Version::Http10 => "1.0 statex",
            crate::proxy::http::Version::Http11 => "1.1 statex",
            crate::proxy::http::Version::Http2 => "2 statex",
            crate::proxy::http::Version::Http3 => "3 statex",
        };
        fields.add_known(Name::Via, via.as_bytes());
    }
}

/// An element of `Forwarded` (RFC 7239 §4).
fn forwarded(client: &Client, authority: &[u8], scheme: &[u8]) -> Vec<u8> {
    let node =
        if client.address.is_ipv6() { format!("\"[{}]\"", client.text) } else { client.text.to_string() };
    [b"for=", node.as_bytes(), b";host=\"", authority, b"\";proto=", scheme].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&str, &str)]) -> Request {
        let mut request = Request { authority: b"a.net".to_vec(), ..Request::default() };
        fields.iter().for_each(|(name, value)| request.fields.push(name.as_bytes(), value.as_bytes()));
        request
    }

    fn client(address: &str) -> Client {
        Client::alone(address.parse().unwrap())
    }

    /// Whom a request comes from, and what the backend is told in these fields.
    fn told(
        peer: &str,
        trusted: &[&str],
        fields: &[(&str, &str)],
        wanted: &[Forwarded],
    ) -> (String, Vec<String>) {
        let (client, mut request) = (client(peer), request(fields));
        let trusted: Vec<IpNet> = trusted.iter().map(|prefix| prefix.parse().unwrap()).collect();
        let origin = Origin::of(&client, &request, &trusted);
        tell(&mut request, &client, &origin, wanted);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let fields =
            request.fields.iter().map(|field| format!("{}: {}", text(field.text), text(field.value)));
        (origin.address.to_string(), fields.collect())
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let lies = [("X-Forwarded-For", "1.1.1.1"), ("Forwarded", "for=1.1.1.1"), ("X-Real-IP", "1.1.1.1")];
        let (origin, told) = told("192.0.2.1", &["10.0.0.0/8"], &lies, &Forwarded::DEFAULT);
        assert_eq!(origin, "192.0.2.1");
        let expected = [
            "x-forwarded-proto: http",
            "x-forwarded-host: a.net",
            "x-real-ip: 192.0.2.1",
            "x-forwarded-for: 192.0.2.1",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_added() {
        let says = [("X-Forwarded-For", "1.1.1.1, 198.51.100.7, 10.0.0.9"), ("X-Forwarded-Proto", "https")];
        let wanted = [Forwarded::XForwardedFor, Forwarded::XForwardedProto];
        let (origin, told) = told("10.0.0.1", &["10.0.0.0/8"], &says, &wanted);
        assert_eq!(origin, "198.51.100.7");
        assert_eq!(
            told,
            ["X-Forwarded-Proto: https", "x-forwarded-for: 1.1.1.1, 198.51.100.7, 10.0.0.9, 10.0.0.1"]
        );
    }

    #[test]
    fn the_newer_field_is_told_where_it_is_wanted() {
        let (_, told) = told("2001:db8::1", &[], &[], &[Forwarded::Forwarded, Forwarded::Via]);
        assert_eq!(told, ["forwarded: for=\"[2001:db8::1]\";host=\"a.net\";proto=http", "via: 1.1 statex"]);
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:80", Some("192.0.2.1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:80", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("unknown", None),
        ] {
            assert_eq!(
                address(text.as_bytes()).map(|address| address.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
