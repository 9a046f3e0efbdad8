//! When a merge brought a commit into a branch.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::Value;

use crate::forge::github::GitHub;
use crate::forge::github::wire::Pull;
use crate::forge::{Error, MAX_LOOKED_AT};
use crate::revision::{BranchName, CommitId};

impl GitHub {
    pub(crate) fn entered_at(
        &self,
        commit: CommitId,
        base: &BranchName,
    ) -> Result<Option<Timestamp>, Error> {
        let commit = commit.to_string();
        let subject = format!("commit {commit} of {}", self.full_name());
        let asks = "list the pull requests of a commit";
        let request = self
            .request(Method::GET, &["commits", &commit, "pulls"], asks, &subject)
            .query("per_page", "100");
        let listing = self.client.list(&request, None, MAX_LOOKED_AT);
        let listing = self.about_commit(listing, &request, "`pull_requests: read`")?;
        let mut pulls: Vec<Pull> = self.read(Value::Array(listing.items))?;
        pulls.retain(|pull| pull.base.name == base.as_str());
        // `false` comes before `true`: the merge that made the commit is the one.
        let merged = pulls.iter().filter_map(|pull| {
            let made_it = pull.merge_commit_sha.as_ref() == Some(&commit);
            Some((made_it, pull.merged_at?))
        });
        Ok(merged.max().map(|(_, merged_at)| merged_at))
    }
}
