//! Image streams for any Git repository.
//!
//! The house, from the ground up; a module names only lower floors.
//!
//! | floor | modules | what lives there |
//! |---|---|---|
//! | 0 ground | [`image`], [`stream`], [`trigger`], [`lookup`], [`copying`], [`selection`], [`access`], [`policy`], [`environment`], [`gate`], [`hold`], [`namespace`], [`revision`], [`snapshot`], [`field_path`], [`problem`], [`plain`], [`pull_request`], [`pull_secret`], [`tally`], [`window`] | names and values |
//! | 1 text | [`yaml`], [`manifest`], [`dockerfile`], [`config`] | bytes to values and back |
//! | 2 decisions | [`resolve`], [`plan`], [`verb`], [`show`] | what to ask; what to write; what a command changes; what to print: values |
//! | 3 adapters | [`git`], [`registry`], [`forge`], [`worktree`], [`clock`] | all input and output |
//! | 4 bridge | [`reconcile`] | the only place where deciding meets doing |
//! | 5 roof | [`cli`], [`serve`], [`telemetry`] | the command line, the daemon, and their log |

pub mod access;
pub mod cli;
pub mod clock;
pub mod config;
pub mod copying;
pub mod dockerfile;
pub mod environment;
pub mod field_path;
pub mod forge;
pub mod gate;
pub mod git;
pub mod hold;
pub mod image;
pub mod lookup;
pub mod manifest;
pub mod namespace;
pub mod plain;
pub mod plan;
pub mod policy;
pub mod problem;
pub mod pull_request;
pub mod pull_secret;
pub mod reconcile;
pub mod registry;
pub mod resolve;
pub mod revision;
pub mod selection;
pub mod serve;
pub mod show;
pub mod snapshot;
pub mod stream;
pub mod tally;
pub mod telemetry;
pub mod trigger;
pub mod verb;
pub mod window;
pub mod worktree;
pub mod yaml;
