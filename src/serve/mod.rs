//! The daemon: keeps any number of Git repositories reconciled, unattended.
//!
//! | room | what |
//! |---|---|
//! | [`run`](run()) | from start to end: listeners, watches, signals |
//! | [`page`] | the status page, which only shows |
//! | [`schedule`] | which repository is looked at when |
//! | [`answers`] | what registries have answered, and their budgets |
//! | [`asking`] | how a pass asks registries |
//! | [`courier`] | copies that are made beside passes |
//! | [`daemon`] | the engine: begins passes, keeps what is known, ends gracefully |
//! | [`news`], [`journal`] | changes of state, for the log and for events; the last of them, kept |
//! | [`metrics`], [`health`] | what monitoring reads |
//! | [`pass`] | one pass over a repository |
//! | [`hook`] | webhooks in |
//! | [`listen`], `listeners` | the connections of every listener, and where it is listened |
//! | [`event`] | what has happened, told to others |
//! | [`standard_webhooks`] | how webhooks are signed, in and out |
//! | [`shared`] | what listeners and passes share |
//! | [`state`] | what is known, as values for pages, metrics and commands |

pub mod answers;
pub mod asking;
pub mod counts;
pub mod courier;
pub mod daemon;
pub mod event;
mod gathered;
pub mod health;
pub mod hook;
pub mod journal;
pub mod listen;
mod listeners;
pub mod metrics;
pub mod news;
pub mod page;
pub mod pass;
mod run;
pub mod schedule;
pub mod shard;
pub mod shared;
pub mod standard_webhooks;
pub mod state;
pub mod timelines;
mod watch;
mod worker;

pub use run::{RunError, run};
