//! Doubles of what the kernel gives the packet path: a packet over bytes, tables over plain memory.
//!
//! ```text
//! World ── compile ──> Memory ──> forward() on the host
//!   services, backends     └────> the kernel's maps (crate::harness)
//! ```

mod bytes;
mod compile;
mod memory;
mod world;

pub use bytes::Bytes;
pub use compile::{GUE_PORT, NAT_FIRST_PORT, NODE_V4, NODE_V6};
pub use memory::Memory;
pub use world::{BackendPlan, ServicePlan, Settings, World};
