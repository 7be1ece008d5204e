//! The Statex agent: facts in, one owner, pure diff, appliers.

pub mod admin;
pub mod agent;
pub mod audit;
pub mod backend;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod cron;
pub mod executor;
pub mod figure;
pub mod heal;
pub mod health;
pub mod kernel;
pub mod memory;
pub mod proxy;
pub mod random;
pub mod scale;
pub mod signals;
pub mod state;
pub mod web;
