//! What the tests of Statex stand on: packets, doubles of the kernel, the kernel itself, a laboratory.

pub mod packet;
