//! Configuration: as written → as meant, all errors at once, each with its key path.

mod error;
mod meant;

pub use error::{Errors, Place, Problem, line};
pub use meant::*;
