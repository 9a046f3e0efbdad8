mod yaml;
//! All integration tests, in one binary.

mod git;
mod support;
