//! When a merge brought a commit into a branch.

use jiff::Timestamp;
use reqwest::Method;

use crate::forge::Error;
use crate::forge::gitea::Gitea;
use crate::forge::gitea::values::Pull;
use crate::revision::{BranchName, CommitId};

impl Gitea {
    pub(crate) fn entered_at(
        &self,
        commit: CommitId,
        base: &BranchName,
    ) -> Result<Option<Timestamp>, Error> {
        let below = ["commits", &commit.to_string(), "pull"];
        let request = self.request(Method::GET, &below, "show the pull request of a commit");
        let answer = self.client.get(&request)?;
        if answer.status == 404 {
            // Without a pull request, without the commit, or a version before 1.22.
            if !answer.reason.contains("pull request does not exist") {
                self.commit_is_there(commit)?;
            }
            return Ok(None);
        }
        let pull: Pull = answer.json(self.client.host(), &request)?;
        Ok(pull.merged_at.filter(|_| pull.is_onto(base.as_str())))
    }
}
