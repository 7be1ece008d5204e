//! Everything that the kernel side and the agent must agree on, and all packet logic, pure.
//!
//! A packet's way, top to bottom:
//!
//! ```text
//! frame ─ parse ─ service ─ guard ─ quic │ flow │ ring ─ backend row ─ rewrite ─ Verdict
//! ```
//!
//! [`forward::forward`] is that way for a node, [`decap::decap`] for a backend. Both are generic over
//! [`Packet`] and [`Tables`], so the kernel runs the code that the tests run.
#![no_std]

pub mod abi;
mod count;
pub mod decap;
pub mod flow;
pub mod forward;
mod fragment;
pub mod guard;
pub mod hash;
mod message;
pub mod packet;
pub mod parse;
pub mod probe;
pub mod quic;
pub mod reason;
pub mod rewrite;
pub mod ring;
pub mod route;
pub mod service;
pub mod shared;
pub mod stage;
pub mod steer;
pub mod tables;

pub use packet::Packet;
pub use reason::{Reason, Verdict};
pub use tables::Tables;
