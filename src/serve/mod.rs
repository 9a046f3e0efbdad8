//! The daemon: keeps any number of Git repositories reconciled, unattended.
//!
//! | room | what |
//! |---|---|
//! | [`page`] | the status page, which only shows |
//! | [`schedule`] | which repository is looked at when |
//! | [`answers`] | what registries have answered, and their budgets |
//! | [`state`] | what is known, as values for pages, metrics and commands |

pub mod answers;
pub mod page;
pub mod schedule;
pub mod state;
