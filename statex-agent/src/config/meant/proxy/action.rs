//! What becomes of a request.

use std::path::PathBuf;

use super::Template;
use crate::config::meant::Words;

/// The one action of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// To a backend of one of these pools, by weight; at least one.
    Proxy(Vec<Share>),
    Files(Files),
    Redirect {
        status: u16,
        to: Template,
    },
    Respond {
        status: u16,
        body: String,
        content_type: String,
    },
}

impl Action {
    /// Names of the pools that requests go to.
    pub fn pools(&self) -> impl Iterator<Item = &str> {
        let shares: &[Share] = match self {
            Self::Proxy(shares) => shares,
            _ => &[],
        };
        shares.iter().map(|share| share.pool.as_str())
    }
}

/// A part of a route's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub pool: String,
    /// Of all requests of the route; the sum is above 0.
    pub weight: u32,
}

/// `route.files`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Absolute.
    pub root: PathBuf,
    /// Looked for in this order where a path names a folder.
    pub index: Vec<String>,
    /// What is tried in this order; see [`Attempt::read`](crate::proxy::files::Attempt::read).
    pub try_files: Vec<String>,
    pub symlinks: Symlinks,
    /// Whether neighbours (`.br`, `.zst`, `.gz`) are looked for, for clients that take their coding.
    pub precompressed: bool,
    /// For PNG and JPEG: the `.webp` neighbour, where the client takes it and it is there.
    pub webp: bool,
}

/// Which symbolic links are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symlinks {
    Never,
    /// Those that lead to something under the root.
    #[default]
    Within,
    Always,
}

impl Words for Symlinks {
    const KIND: &'static str = "choice";
    const WORDS: &'static [(&'static str, Self)] =
        &[("never", Self::Never), ("within", Self::Within), ("always", Self::Always)];
}

/// A content coding (RFC 9110 §8.4.1, RFC 7932, RFC 8878).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

impl Words for Coding {
    const KIND: &'static str = "content coding";
    const WORDS: &'static [(&'static str, Self)] =
        &[("br", Self::Brotli), ("zstd", Self::Zstd), ("gzip", Self::Gzip)];
}

/// `route.compress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compress {
    /// The most wanted first.
    pub codings: Vec<Coding>,
    /// 1 to 9, whichever the coding.
    pub level: u8,
    /// Bytes from which on it is worth it.
    pub min_length: u64,
    /// Media types, in lower case.
    pub types: Vec<String>,
}

/// `route.rewrite`: how the path is changed before it is passed on, or looked for as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// One prefix, which all paths of the route have, goes; another comes. Both without `/` at their end.
    Prefix { strip: String, add: String },
    /// What the expression matches is replaced; `$1` is its first group.
    Regex { regex: String, to: String },
}
