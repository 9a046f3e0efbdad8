//! What to write, where, and why not: all choices, as values.
//!
//! Everything here is a function of what was gathered and of the time.

pub mod adopt;
mod advice;
mod branch;
mod check;
pub mod creation;
mod declined;
mod due;
mod edits;
pub mod gates;
#[cfg(test)]
mod gates_tests;
mod group;
mod history;
pub mod hold;
mod link;
mod merging;
mod message;
pub mod migrate;
mod placement;
mod planning;
pub mod promotion;
mod proposal;
pub mod pull_request;
mod report;
mod seal;
mod status;
pub mod template;
pub(crate) mod trailer;
mod value;
mod version;
mod waiting;

pub use advice::advice;
pub use branch::{
    Action, BotBranch, BranchCommit, BranchState, CommitKind, Obsolete, classify, is_closed,
    tombstone,
};
pub use declined::held;
pub use due::{Due, FieldPin, Move, Record, due, recorded_reference};
pub(crate) use group::{branch_name, promotion_group};
pub(crate) use history::status_path;
pub use history::{Question, Spot, questions, status_question};
pub use hold::{Held, HoldsInForce, holds};
pub use message::{Background, message, trailers};
pub use planning::plan;
pub use proposal::{FirstSeen, Inputs, Mode, Plan, Proposal, Signatures};
pub use report::{PlanReport, ProblemReport, diff};
pub(crate) use status::entry as status_entry;
pub use trailer::{TaggedImage, images, named_images};
pub use version::Version;
pub use waiting::{Gated, Reason, TakenBack, Waiting};
