//! Which route a request takes: compiled once, matched for every request, pure.
//!
//! Of the routes that hold for a request, it takes the most specific one, by what comes first here:
//!
//! 1. its host: exact, then `*.host` (the longer the earlier), then any;
//! 2. its path: exact, then an expression (in the order of the file), then a prefix (the longer the earlier);
//! 3. that it asks for an extension;
//! 4. how many further things it asks for: methods, fields, parameters, cookies, clients;
//! 5. how narrow its clients' widest prefix is.
//!
//! Two routes that are alike in all of this and could hold for one request are refused.
//!
//! | file | |
//! |---|---|
//! | `target.rs` | one meaning for one target |
//! | `table.rs` | routes by host, the most specific first |
//! | `matcher.rs` | what one route asks of a request beside its host |
//! | `rank.rs` | which of two routes is more specific, and which pairs conflict |

mod matcher;
mod rank;
mod table;
pub mod target;

pub use matcher::Facts;
pub use rank::conflicts;
pub use table::Routes;
