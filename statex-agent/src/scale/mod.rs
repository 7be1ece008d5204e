//! Tomorrow's load, and how many backends it takes.

pub mod forecast;
pub mod local;
pub mod policy;
