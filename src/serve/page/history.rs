//! What is asked of the history while a page is made, and what it answers.

use std::sync::Arc;

use crate::serve::state::TimelineRow;

/// The images that a stream tag had, newest first; or why that cannot be told.
pub type History = Result<Vec<TimelineRow>, String>;
/// Repository, environment and stream tag → their history.
pub type Histories<'a> = &'a dyn Fn(&str, &str, &str) -> History;
/// The same for a server. May take its time: it has a thread of its own.
pub type Timelines = Arc<dyn Fn(&str, &str, &str) -> History + Send + Sync>;
