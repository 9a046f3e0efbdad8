//! Stream tag to source: what must be asked, each question once, and what the answers mean.

mod answers;
mod follow;

pub use answers::{Outcome, TagState, answer};
pub use follow::{Course, FollowedTag, Following, Questions, Standing, follow};
