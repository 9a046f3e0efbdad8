//! Real servers for the tests, on loopback, gone when they are dropped.

pub mod registry;
pub mod wait;
