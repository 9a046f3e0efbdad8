//! The daemon: keeps any number of Git repositories reconciled, unattended.
//!
//! | room | what |
//! |---|---|
//! | [`run`](run()) | from start to end: listeners, watches, signals |
//! | [`schedule`] | which repository is looked at when |
//! | [`answers`] | what registries have answered, and their budgets |
//! | [`daemon`] | the engine: begins passes, keeps what is known, ends gracefully |
//! | [`news`] | changes of state, for the log and for events |
//! | [`metrics`], [`health`] | what monitoring reads |
//! | [`pass`] | one pass over a repository |
//! | [`state`] | what is known, as values for pages, metrics and commands |

pub mod answers;
pub mod counts;
pub mod daemon;
mod gathered;
pub mod health;
pub mod listen;
pub mod metrics;
pub mod news;
pub mod pass;
mod run;
pub mod schedule;
pub mod shard;
pub mod state;
mod watch;
mod worker;

pub use run::{RunError, run};
