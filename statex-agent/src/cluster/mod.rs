//! What nodes agree on: who of them heals.

pub mod lease;
