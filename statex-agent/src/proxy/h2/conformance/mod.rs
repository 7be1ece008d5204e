//! The rules of RFC 9113 and RFC 7541, section by section: what a client does, and what has to come of it.
//!
//! Every case is a test of its own against a connection without I/O, and all of them run once more against a
//! server behind a real socket. The sections are those of RFC 9113's predecessor, RFC 7540, by which such
//! cases are usually counted.

mod exchanges;
mod floods;
mod frames;
mod fuzz;
mod memory;
mod messages;
mod peer;
mod settings;
mod socket;
mod streams;
mod wire;

use peer::{Expect, Peer};

/// What a client does.
enum Act {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Waits until a stream has been answered.
    Await(u32),
    /// Waits for a frame of this type.
    Skip(u8),
    /// Sends so many times what the function gives.
    Repeat(usize, fn(usize) -> Vec<u8>),
    /// Goes on with a new connection, on which not even the preface was sent.
    Anew,
}

/// A case: what is done after the preface, and what has to come of it.
struct Case {
    acts: Vec<Act>,
    expect: Expect,
}

/// Declares cases: a test each, and a list of them.
macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident: [$($act:expr),* $(,)?] => $expect:expr;)*) => {
        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                let case = Case { acts: vec![$($act.into()),*], expect: $expect };
                crate::proxy::h2::conformance::memory::check(&case);
            }
        )*

        pub(super) const ALL: &[(&str, fn() -> Case)] = &[
            $((stringify!($name), || Case { acts: vec![$($act.into()),*], expect: $expect }),)*
        ];
    };
}
use cases;

impl From<Vec<u8>> for Act {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Send(bytes)
    }
}

/// Does what the case says, and looks what comes of it.
fn run(case: &Case, peer: &mut impl Peer) -> Result<(), String> {
    for act in &case.acts {
        match act {
            Act::Send(bytes) => peer.send(bytes),
            Act::Await(stream) => peer.answered(*stream)?,
            Act::Skip(kind) => peer::skip(peer, *kind)?,
            Act::Anew => peer.anew(),
            Act::Repeat(times, bytes) => (0..*times).for_each(|round| peer.send(&bytes(round))),
        }
    }
    case.expect.check(peer)
}

/// All cases.
fn all() -> impl Iterator<Item = (&'static str, Case)> {
    let all = [exchanges::ALL, floods::ALL, frames::ALL, messages::ALL, settings::ALL, streams::ALL].concat();
    all.into_iter().map(|(name, case)| (name, case()))
}
