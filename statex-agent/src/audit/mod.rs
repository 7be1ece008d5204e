//! The audit log: what was decided and done, and why, in a file that shows when somebody has changed it.
//!
//! ```text
//! {"seq":7,"at":"2026-03-02T12:00:00Z","node":"n1","kind":"act","subject":"web/web-1","says":[…],"data":{…},
//!  "prev":"<hash of line 6>","hash":"<hash of this line up to here>"}
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `chain.rs` | how a line is sealed, and whether a file is whole: pure |
//! | `file.rs` | appending to it, and what a crash leaves behind |
//!
//! What cannot be written down is not done: automation asks for a line before it acts.

pub mod chain;
mod file;

pub use chain::{Broken, Sealed, Whole, verify};
pub use file::{AuditError, Log, last};

use serde::{Deserialize, Serialize};

/// What is written down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// One word, such as `act`, `hold`, `healed`, `approved`, `scaled`.
    pub kind: String,
    /// Whom it is about: a backend as `POOL/BACKEND`, a pool, or the node.
    pub subject: String,
    /// The explanation, sentence by sentence: enough without anything else.
    pub says: Vec<String>,
    /// The same for programs: inputs and numbers.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub data: serde_json::Value,
}

impl Entry {
    pub fn new(kind: &str, subject: impl Into<String>, says: Vec<String>) -> Self {
        Self { kind: kind.to_owned(), subject: subject.into(), says, data: serde_json::Value::Null }
    }
}
