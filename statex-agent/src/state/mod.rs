//! The owner of the world: facts and intents come in, tables and the snapshot go out.
//!
//! ```text
//! event ─ model ─ desired ─┐
//!                          ├─ plan ─ reconcile ─> kernel
//!            observed ─────┘             └─ snapshot
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `event.rs` | what may happen |
//! | `model.rs` | the world, and the reducer that events go through |
//! | `targets.rs` | which health checks the world asks for |
//! | `desired/` | what the tables should hold |
//! | `observed/` | what they hold, also after a restart |
//! | `layout/` | where rows, rings and index entries go |
//! | `rings.rs` | from backends to the slots of a ring |
//! | `plan/`, `change.rs` | the changes between the two, in a safe order |
//! | `reconcile.rs` | applies plans, verifies, tries again |
//! | `store.rs` | the loop around all of it |
//! | `snapshot.rs` | what the rest of the agent reads |
//!
//! All but `reconcile.rs` and `store.rs` is pure.

pub mod change;
pub mod desired;
pub mod event;
#[cfg(test)]
mod fixture;
pub mod key;
pub mod layout;
pub mod model;
pub mod observed;
pub mod plan;
pub mod reconcile;
pub mod rings;
#[cfg(test)]
mod simulation;
pub mod snapshot;
pub mod store;
pub mod targets;
