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
        let same = |known: &&Self| name.eq_ignore_ascii_case(known.text().as_bytes());
        Self::ALL.iter().find(same).copied().unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(Name::of(b"Content-LENGTH"), Name::ContentLength);
        assert_eq!(Name::of(b"Content-Lengths"), Name::Other);
        assert_eq!(Name::of(b""), Name::Other);
    }
}
