//! Real servers and repositories for the tests.

pub mod git;
