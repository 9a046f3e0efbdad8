use crate::plan::pull_request::view::{KEEP_UPDATED, REBASE, STOP_UPDATING};
use crate::plan::pull_request::{Ticks, ticks};
use crate::pull_request::PullRequest;

/// What people ask of an open pull request, by its checkboxes and labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    pub ticks: Ticks,
    /// The label [`REBASE`].
    pub has_rebase: bool,
    /// The label [`STOP_UPDATING`].
    pub stops: bool,
    /// The label [`KEEP_UPDATED`].
    pub keeps_up: bool,
}

impl Wishes {
    pub fn of(open: &PullRequest) -> Self {
        Self {
            ticks: ticks(&open.body),
            has_rebase: open.labels.contains(REBASE),
            stops: open.labels.contains(STOP_UPDATING),
            keeps_up: open.labels.contains(KEEP_UPDATED),
        }
    }

    /// Whether its branch is to be made anew, whatever is on it.
    pub fn asks_for_rebuild(&self) -> bool {
        self.ticks.rebuild || self.has_rebase
    }
}
