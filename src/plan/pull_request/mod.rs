//! What a reviewer reads: title, body and commit message of a group of moves.
//!
//! `finding::Finding` works out what can be said of one move; `markdown` is the only place
//! where Markdown is written, and `foreign` the only one where text of others is made safe.

mod body;
mod cause;
mod command;
mod comparison;
mod contract;
mod creation;
mod details;
mod ends;
pub(crate) mod facts;
pub(crate) mod finding;
mod first_screen;
pub(crate) mod foreign;
pub(crate) mod gates;
mod hold;
mod markdown;
mod marker;
pub(crate) mod origin;
pub(crate) mod promotion;
mod publication;
mod reading;
mod secret;
mod telling;
pub(crate) mod title;
mod view;
mod way;
mod wishes;

pub use body::{BodyInputs, HistoryEntry, MAX_BODY, PullRequestText, text};
pub use cause::{Cause, Class};
pub use command::command_draft;
pub use comparison::{ForgeKind, KnownForge};
pub use creation::{creation_message, creation_text};
pub use ends::{EDITED_REMARK, ENDED_REMARK, End, Remark, TakenOver, close_and_remark};
pub use facts::{Facts, MoveFacts};
pub use foreign::Foreign;
pub use hold::{HoldInputs, hold_message, hold_text};
pub use markdown::{Document, Folded, Inline, Link, Mark};
pub use marker::{ImageKey, Marker, WantedHold};
pub use publication::{Found, Publication, Step};
pub use reading::{END, Ticks, history, ticks};
pub use telling::{FactsQuestion, Telling};
pub use view::{Declined, ForgeView, KEEP_UPDATED, PROPOSE_AGAIN, REBASE, STOP_UPDATING};
pub use way::Way;
pub use wishes::Wishes;
