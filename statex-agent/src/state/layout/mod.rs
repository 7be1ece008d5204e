//! Where things go in the tables: pure.
//!
//! | file | decides |
//! |---|---|
//! | `ids.rs` | ids of rows, and their generations |
//! | `regions.rs` | room for rings in the flat table of slots |
//! | `hashes.rs` | hashes of rows, as the packet path computes them |
//! | `index.rs` | places in the hashed index of services and server ids |

mod hashes;
mod ids;
mod index;
mod regions;

pub use hashes::Hashes;
pub use ids::Ids;
pub use index::{Full, Index, Step};
pub use regions::Regions;

use std::time::Duration;

/// How long what was taken out of use is left alone, so that no packet that found it just before is still
/// on its way. A run of the program takes microseconds; this allows for a CPU that was taken away from it.
pub const GRACE: Duration = Duration::from_millis(10);
