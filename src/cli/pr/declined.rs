//! Branches whose pull request somebody closed.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::error::CliError;
use crate::cli::forges;
use crate::cli::pr::hosted::Page;
use crate::plan::creation::Created;
use crate::plan::pull_request::{ForgeView, ImageKey};
use crate::reconcile::{Hosting, Proposed};
use crate::revision::BranchName;

/// Branches without an open pull request whose ended ones are asked for.
pub(super) const MAX_ASKED: usize = 100;

/// What was found.
pub(super) struct Declined {
    /// By branch, the pull request that declines what the branch proposes.
    pub by_branch: BTreeMap<BranchName, Page>,
    /// All that come into question were asked for.
    pub is_complete: bool,
}

/// Looks at the ended pull requests of branches without an open one. `view` has those that are
/// open.
pub(super) fn declined(
    hosting: &Hosting<'_>,
    view: &mut ForgeView,
    branches: &[Proposed],
) -> Result<Declined, CliError> {
    let mut candidates: Vec<_> = branches
        .iter()
        .filter(|proposed| view.open_of(&proposed.branch, &proposed.base).is_none())
        .map(|proposed| (proposed.branch.clone(), image_keys(proposed)))
        .filter(|(_, images)| !images.is_empty())
        .collect();
    let is_complete = candidates.len() <= MAX_ASKED;
    candidates.truncate(MAX_ASKED);
    let (names, images): (Vec<_>, Vec<_>) = candidates.into_iter().unzip();
    let all = match names.is_empty() {
        true => Vec::new(),
        false => hosting
            .forge
            .pull_requests_of_each(&names)
            .map_err(|error| forges::error("the closed pull requests are not known", &error))?,
    };
    let mut by_branch = BTreeMap::new();
    for ((branch, images), ended) in names.into_iter().zip(&images).zip(&all) {
        view.learn(&branch, ended, images);
        let closed = images.iter().find_map(|image| view.declined(image));
        let closed = closed.and_then(|closed| ended.iter().find(|one| one.number == closed.number));
        by_branch.extend(closed.map(|closed| (branch, Page::of(closed))));
    }
    Ok(Declined {
        by_branch,
        is_complete,
    })
}

fn image_keys(proposed: &Proposed) -> BTreeSet<ImageKey> {
    let images = proposed.images().into_iter();
    let images = images.map(|image| ImageKey::new(&image.tag, &image.digest));
    let commits = proposed.commits.iter();
    let created = commits.flat_map(|commit| Created::all_of(&commit.message));
    let created = created.map(|created| ImageKey::of_creation(&created));
    images.chain(created).collect()
}
