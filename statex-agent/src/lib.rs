//! The Statex agent: facts in, one owner, pure diff, appliers.

pub mod admin;
pub mod agent;
pub mod backend;
pub mod cli;
pub mod clock;
pub mod config;
pub mod executor;
pub mod health;
pub mod kernel;
pub mod memory;
pub mod proxy;
pub mod signals;
pub mod state;
