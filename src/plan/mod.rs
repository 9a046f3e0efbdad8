//! What to write, where, and why not: all choices, as values.
//!
//! Everything here is a function of what was gathered and of the time.

pub mod adopt;
mod advice;
mod branch;
mod check;
mod due;
mod edits;
mod group;
mod history;
pub mod hold;
mod link;
mod message;
pub mod migrate;
mod placement;
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
    Action, BotBranch, BranchCommit, BranchState, CommitKind, Obsolete, classify, tombstone,
};
pub use due::{Due, FieldPin, Move, Record, SourceTag, due, recorded_reference};
pub(crate) use group::branch_name;
pub(crate) use history::status_path;
pub use history::{Question, Spot, questions};
pub use hold::{Held, HoldsInForce, holds};
pub use message::{Background, message, trailers};
pub use proposal::{FirstSeen, Inputs, Mode, Plan, Proposal, held, plan};
pub use report::{PlanReport, ProblemReport, diff};
pub(crate) use status::entry as status_entry;
pub use trailer::{TaggedImage, images, named_images};
pub use version::Version;
pub use waiting::{Reason, TakenBack, Waiting};
