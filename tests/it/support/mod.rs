//! Real servers and repositories for the tests, on loopback, gone when they are dropped.

pub mod git;
pub mod registry;
pub mod wait;
