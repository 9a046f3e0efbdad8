//! Real servers and repositories for the tests.

pub mod git;
//! Real servers for the tests, on loopback, gone when they are dropped.

pub mod registry;
pub mod wait;
