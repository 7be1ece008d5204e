//! Which fields cross the proxy, and which it changes: pure.

mod change;
mod hop;

pub use change::Changes;
pub use hop::strip_hop_by_hop;
