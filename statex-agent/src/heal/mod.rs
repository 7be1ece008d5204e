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
//! | `stateful.rs` | which programs hold data |
//! | `ladder.rs` | the rungs |
//! | `case.rs` | one backend on its way up |
//! | `guard.rs` | what must hold before anything is done |
//! | `budget.rs` | how many at once |
//! | `backoff.rs` | the time between two tries |
//! | `breaker.rs` | stops all of it when it does not help |
//! | `healer.rs` | decides |
//! | `matching.rs` | which replica is which backend |
//! | `record.rs` | a decision as it is written down |
//!
//! All of these are pure. Around them:
//!
//! | file | holds |
//! |---|---|
//! | `patrol.rs` | the loop |
//! | `crew.rs` | an executor under watch |
//! | `gate.rs` | the balancer: draining, and who serves |
//! | `keeper.rs` | the lease |
//! | `tally.rs` | what is counted |
//! | `notes.rs` | what outlives the agent |
//! | `request.rs` | what people ask |
//! | `alert.rs` | calling a person |

pub mod alert;
pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod case;
pub mod crew;
#[cfg(test)]
pub(crate) mod fixture;
pub mod gate;
pub mod guard;
pub mod healer;
pub mod keeper;
pub mod ladder;
pub mod matching;
pub mod notes;
pub mod patrol;
pub mod record;
pub mod request;
pub mod stateful;
pub mod tally;
