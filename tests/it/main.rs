mod yaml;
//! All integration tests, in one binary.

mod git;
//! Every integration test, in one binary: one link, one place to look.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may stop; clippy knows only those functions as tests that carry #[test]"
)]

mod registry;
mod support;
mod cli;
mod floors;
mod tidy;
