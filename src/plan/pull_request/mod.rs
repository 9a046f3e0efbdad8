//! What a reviewer reads: title, body and commit message of a group of moves.
//!
//! [`finding::Finding`] works out what can be said of one move; [`markdown`] is the only place
//! where Markdown is written, and [`foreign`] the only one where text of others is made safe.

mod body;
mod cause;
mod comparison;
mod contract;
mod details;
pub(crate) mod facts;
pub(crate) mod finding;
pub(crate) mod foreign;
mod hold;
mod markdown;
pub(crate) mod origin;
mod reading;
mod secret;
pub(crate) mod title;

pub use body::{BodyInputs, HistoryEntry, MAX_BODY, PullRequestText, text};
pub use cause::{Cause, Class};
pub use comparison::{ForgeKind, KnownForge};
pub use facts::{Facts, MoveFacts};
pub(crate) use finding::Finding;
pub use foreign::Foreign;
pub use hold::{HoldInputs, hold_text};
pub use markdown::{Document, Folded, Inline, Link, Mark};
pub use reading::{END, Ticks, history, ticks};

use crate::plan::due::Move;

/// The class of a move's cause, in words.
pub(crate) fn cause_of(moved: &Move, findings: &[Finding<'_>]) -> Option<&'static str> {
    let found = findings
        .iter()
        .find(|finding| finding.moved.tag == moved.tag);
    found.map(|finding| finding.cause.class.words())
}
