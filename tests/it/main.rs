//! Every integration test, in one binary: one link, one place to look.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may stop, and says what it skips; clippy knows only those functions as tests that carry #[test]"
)]

mod bad_input;
mod behaviour;
mod bodies;
mod cli;
mod config_show;
mod corpus;
mod create_secret;
mod daemon_walk;
mod demo;
mod deploy;
mod describe_daemon;
mod doctor;
mod edges;
mod examples;
mod floors;
mod forge;
mod git;
mod hosting;
mod image;
mod init;
mod integrated;
mod lifecycle;
mod manifest;
mod migrate;
mod planning;
mod promises;
mod promotion;
mod promotion_model;
mod prune;
mod pull_requests;
mod readme;
mod reads;
mod registry;
mod schemas;
mod serve;
mod serve_hooks;
mod serve_ops;
mod shown;
mod status_page;
mod support;
mod tidy;
mod tutorials;
mod verbs;
mod yaml;
