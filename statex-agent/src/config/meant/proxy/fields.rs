//! Changes to the fields of requests and responses.

use super::Template;
use crate::config::meant::Words;

/// In this order: what is removed, what is set, what is added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldChanges {
    /// In lower case.
    pub remove: Vec<String>,
    pub set: Vec<FieldChange>,
    pub add: Vec<FieldChange>,
}

impl FieldChanges {
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty() && self.add.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// In lower case.
    pub name: String,
    pub value: Template,
    /// Only where the client speaks TLS.
    pub only_secure: bool,
}

/// Sets of response fields that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    Security,
}

impl Words for Preset {
    const KIND: &'static str = "preset";
    const WORDS: &'static [(&'static str, Self)] = &[("security", Self::Security)];
}

impl Preset {
    /// Name, value, and whether it is only for TLS (RFC 6797 §7.2).
    pub const fn fields(self) -> &'static [(&'static str, &'static str, bool)] {
        match self {
            Self::Security => &[
                ("strict-transport-security", "max-age=63072000; includeSubDomains; preload", true),
                ("x-content-type-options", "nosniff", false),
                ("x-frame-options", "DENY", false),
                ("x-xss-protection", "1; mode=block", false),
                ("referrer-policy", "strict-origin-when-cross-origin", false),
            ],
        }
    }
}

/// What a backend sees as the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendHost {
    /// What the client asked for.
    #[default]
    Client,
    /// The backend's address and port, or its name where it was found by one.
    Backend,
}

impl Words for BackendHost {
    const KIND: &'static str = "choice";
    const WORDS: &'static [(&'static str, Self)] = &[("client", Self::Client), ("backend", Self::Backend)];
}

/// A field that tells a backend of the client. What a peer says there is kept only of a trusted proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forwarded {
    XForwardedFor,
    XForwardedProto,
    XForwardedHost,
    XRealIp,
    /// RFC 7239.
    Forwarded,
    /// RFC 9110 §7.6.3.
    Via,
}

impl Forwarded {
    /// What is told unless a route says otherwise.
    pub const DEFAULT: [Self; 4] =
        [Self::XForwardedFor, Self::XForwardedProto, Self::XForwardedHost, Self::XRealIp];
}

impl Words for Forwarded {
    const KIND: &'static str = "field that tells of the client";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("x-forwarded-for", Self::XForwardedFor),
        ("x-forwarded-proto", Self::XForwardedProto),
        ("x-forwarded-host", Self::XForwardedHost),
        ("x-real-ip", Self::XRealIp),
        ("forwarded", Self::Forwarded),
        ("via", Self::Via),
    ];
}
