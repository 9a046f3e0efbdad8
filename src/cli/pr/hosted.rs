//! The pull requests of bot branches, where the repository is on a forge.

use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::forges;
use crate::pull_request::{PullRequest, State};
use crate::reconcile::Hosting;
use crate::revision::BranchName;

/// A pull request beside its branch.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    number: u64,
    url: String,
    state: State,
    is_draft: bool,
    labels: Vec<String>,
}

impl Page {
    pub(super) fn of(pull_request: &PullRequest) -> Self {
        Self {
            number: pull_request.number,
            url: pull_request.url.clone(),
            state: pull_request.state,
            is_draft: pull_request.is_draft,
            labels: pull_request.labels.iter().cloned().collect(),
        }
    }

    /// `#2 https://…`
    pub(super) fn name(&self) -> String {
        format!("#{} {}", self.number, self.url)
    }

    pub(super) fn state(&self) -> &'static str {
        match self.state {
            State::Open if self.is_draft => "open, a draft",
            State::Open => "open",
            State::Closed => "closed",
            State::Merged => "merged",
        }
    }

    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }
}

/// The pull request of a branch: the open one, into `base` where there are several; else the
/// newest that has ended.
pub(super) fn of_branch(
    hosting: &Hosting<'_>,
    branch: &BranchName,
    base: &BranchName,
) -> Result<Option<PullRequest>, CliError> {
    let all = hosting.forge.pull_requests_of(branch);
    let all = all.map_err(|error| {
        forges::error(format!("the pull request of {branch} is not known"), &error)
    })?;
    let (open, ended): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.state == State::Open);
    let view = hosting.seeing(open);
    let newest = || ended.first();
    Ok(view.open_of(branch, base).or_else(newest).cloned())
}

/// The open one.
pub(super) fn open_of(
    hosting: &Hosting<'_>,
    branch: &BranchName,
    base: &BranchName,
) -> Result<PullRequest, CliError> {
    let none = CliError::usage(format!("no pull request is open for {branch}"));
    match of_branch(hosting, branch, base)? {
        Some(found) if found.state == State::Open => Ok(found),
        Some(ended) => {
            let (page, number) = (Page::of(&ended), ended.number);
            let state = page.state();
            Err(none.hint(format!("#{number} is {state}: {}", ended.url)))
        }
        None => Err(none.hint(
            "`headwater reconcile` opens those of the bot; `headwater pr list` shows which there are",
        )),
    }
}
