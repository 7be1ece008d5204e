//! What the tests of Statex stand on: packets, doubles of the kernel, the kernel itself, a laboratory.

pub mod bench;
pub mod client;
pub mod demo;
pub mod deployment;
pub mod doubles;
pub mod harness;
pub mod lab;
pub mod origin;
pub mod packet;
pub mod specs;
pub mod standing;
pub mod wait;
