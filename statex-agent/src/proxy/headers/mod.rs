//! Which fields cross the proxy: pure.

mod hop;

pub use hop::strip_hop_by_hop;
