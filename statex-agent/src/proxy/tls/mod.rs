//! TLS of clients: certificates by name and algorithm, client certificates by host, tickets, OCSP.
//!
//! | file | |
//! |---|---|
//! | `store.rs` | certificates and answers to challenges, for all workers; whoever gets one puts it there |
//! | `files.rs` | certificates from files |
//! | `config.rs` | what a listener offers |
//! | `tickets.rs` | keys that seal sessions, changed in time |
//! | `accept.rs` | the handshake |
//! | `stream.rs`, `sealed.rs` | a connection behind it |

mod accept;
mod config;
mod files;
mod sealed;
mod store;
mod stream;
mod tickets;

pub(super) use accept::{Accepted, accept};
pub use config::{Offer, TlsError, offer, quic_offer};
pub use files::{LoadError, load};
pub use store::{Shown, Store};
pub(super) use stream::{Buffers, TlsStream};
pub use tickets::Tickets;
