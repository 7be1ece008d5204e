//! Field names that the proxy itself acts on, recognized once, when a field comes in.

/// Declares the names: a variant each, and its spelling on the wire.
macro_rules! names {
    ($($variant:ident = $text:literal,)*) => {
        /// A field name that the proxy acts on; all others are [`Name::Other`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Name {
            $($variant,)*
            Other,
        }

        impl Name {
            /// In lower case; empty for [`Name::Other`].
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other => "",
                }
            }

            const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

names! {
    Accept = "accept",
    AcceptEncoding = "accept-encoding",
    AcceptRanges = "accept-ranges",
    Allow = "allow",
    AltSvc = "alt-svc",
    CacheControl = "cache-control",
    Connection = "connection",
    ContentEncoding = "content-encoding",
    ContentLength = "content-length",
    ContentRange = "content-range",
    ContentType = "content-type",
    Cookie = "cookie",
    Date = "date",
    Etag = "etag",
    Expect = "expect",
    Expires = "expires",
    Forwarded = "forwarded",
    Host = "host",
    IfMatch = "if-match",
    IfModifiedSince = "if-modified-since",
    IfNoneMatch = "if-none-match",
    IfRange = "if-range",
    IfUnmodifiedSince = "if-unmodified-since",
    KeepAlive = "keep-alive",
    LastModified = "last-modified",
    Location = "location",
    ProxyConnection = "proxy-connection",
    Range = "range",
    RetryAfter = "retry-after",
    Server = "server",
    Te = "te",
    Trailer = "trailer",
    TransferEncoding = "transfer-encoding",
    Upgrade = "upgrade",
    Vary = "vary",
    Via = "via",
    XForwardedFor = "x-forwarded-for",
    XForwardedHost = "x-forwarded-host",
    XForwardedProto = "x-forwarded-proto",
    XRealIp = "x-real-ip",
}

impl Name {
    /// Recognizes a name in any case.
    pub fn of(name: &[u8]) -> Self {
        let mut at = INDEX.first[place(name)];
        while let Some(known) = Self::ALL.get(usize::from(at)) {
            if name.eq_ignore_ascii_case(known.text().as_bytes()) {
                return *known;
            }
            at = INDEX.next[usize::from(at)];
        }
        Self::Other
    }
}

/// Names by a hash, computed by the compiler: chains of places in [`Name::ALL`].
struct Index {
    first: [u8; PLACES],
    next: [u8; Name::ALL.len()],
}

const PLACES: usize = 256;
const NONE: u8 = u8::MAX;

static INDEX: Index = {
    let mut index = Index { first: [NONE; PLACES], next: [NONE; Name::ALL.len()] };
    let mut at = Name::ALL.len();
    while at > 0 {
        at -= 1;
        let place = place(Name::ALL[at].text().as_bytes());
        index.next[at] = index.first[place];
        index.first[place] = at as u8;
    }
    index
};

/// The same in any case: the bit that tells cases apart is left out.
const fn place(name: &[u8]) -> usize {
    match name {
        [first, .., last] => {
            let middle = name[name.len() / 2] as usize & 0x1f;
            let ends = (*first as usize & 0x1f) * 5 + (*last as usize & 0x1f) * 11;
            (name.len() * 17 + middle * 31 + ends) % PLACES
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        for name in Name::ALL {
            assert_eq!(Name::of(name.text().as_bytes()), *name);
            assert_eq!(Name::of(name.text().to_ascii_uppercase().as_bytes()), *name);
        }
        assert_eq!(Name::of(b"Content-Lengths"), Name::Other);
        assert_eq!(Name::of(b""), Name::Other);
    }
}
