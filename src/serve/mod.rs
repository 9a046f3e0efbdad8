//! The daemon: keeps any number of Git repositories reconciled, unattended.
//!
//! | room | what |
//! |---|---|
//! | [`schedule`] | which repository is looked at when |
//! | [`answers`] | what registries have answered, and their budgets |
//! | [`hook`], [`listen`] | webhooks in, and the connections of every listener |
//! | [`event`] | what has happened, told to others |
//! | [`standard_webhooks`] | how webhooks are signed, in and out |
//! | [`state`] | what is known, as values for pages, metrics and commands |

pub mod answers;
pub mod event;
pub mod hook;
pub mod listen;
pub mod schedule;
pub mod standard_webhooks;
pub mod state;
