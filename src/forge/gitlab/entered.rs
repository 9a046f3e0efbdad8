//! When a merge brought a commit into a branch.

use jiff::Timestamp;
use serde::Deserialize;

use crate::forge::gitlab::GitLab;
use crate::forge::{Error, MAX_LOOKED_AT};
use crate::revision::{BranchName, CommitId};

#[derive(Deserialize)]
struct Merged {
    target_branch: String,
    #[serde(default)]
    merged_at: Option<Timestamp>,
    #[serde(default)]
    merge_commit_sha: Option<String>,
    #[serde(default)]
    squash_commit_sha: Option<String>,
}

pub fn at(
    gitlab: &GitLab,
    commit: CommitId,
    base: &BranchName,
) -> Result<Option<Timestamp>, Error> {
    let asks = "list the merge requests of a commit";
    let request = gitlab.request_of_commit(commit, &["merge_requests"], asks);
    let (found, _) = gitlab.pages::<Merged>(&request, MAX_LOOKED_AT)?;
    let commit = commit.to_string();
    let into_base = found.iter().filter(|it| it.target_branch == base.as_str());
    // `false` comes before `true`: the merge that made the commit is the one.
    let merged = into_base.filter_map(|it| {
        let made = [&it.merge_commit_sha, &it.squash_commit_sha];
        let made_it = made.into_iter().flatten().any(|made| *made == commit);
        Some((made_it, it.merged_at?))
    });
    Ok(merged.max().map(|(_, merged_at)| merged_at))
}
