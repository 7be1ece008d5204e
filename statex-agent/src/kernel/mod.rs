//! What the agent knows of the kernel's tables, and its hands on them.

pub mod object;
pub mod ring;
