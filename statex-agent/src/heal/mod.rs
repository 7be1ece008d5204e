//! Healing: from charts to steps of a ladder, each allowed by every check, done, looked after, and written down.
//!
//! ```text
//! charts ─ case (rung, phase) ─ checks ─┬─ hold ───────────────────────────────────┐
//!                                       ├─ observe: said, not done                 ├─> audit log
//!                                       ├─ ask: a person answers                   │
//!                                       └─ act ─ executor ─ helped? ─ breaker, rung┘
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `policy.rs` | what the operator allows |
//! | `ladder.rs` | the rungs |
//! | `case.rs` | one backend on its way up |
//! | `guard.rs` | what must hold before anything is done |
//! | `budget.rs` | how many at once |
//! | `backoff.rs` | the time between two tries |
//! | `breaker.rs` | stops all of it when it does not help |
//! | `healer.rs` | decides |
//!
//! All of these are pure.

pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod case;
#[cfg(test)]
pub(crate) mod fixture;
pub mod guard;
pub mod healer;
pub mod ladder;
pub mod policy;
