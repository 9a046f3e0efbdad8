//! How something came into a branch: by which commit of its first-parent history, by whom, and
//! from which environment.

use serde::Serialize;

use crate::clock;
use crate::environment::EnvironmentName;
use crate::git::{Commit, Error, Repository};
use crate::plain::plain;
use crate::plan::trailer;
use crate::revision::CommitId;

/// GitHub signs what its buttons merge with this name, and keeps the person as the author.
const WEB_FLOW: &str = "noreply@github.com";

/// A commit of a first-parent history: the merge, where there was one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// RFC 3339, UTC: when it was committed.
    pub time: String,
    pub commit: CommitId,
    pub author: String,
    /// Who let it in: who committed it, unless a forge did.
    pub who: String,
    pub subject: String,
    pub promoted: Option<PromotedFrom>,
}

/// Where a promotion took its images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PromotedFrom {
    pub environment: EnvironmentName,
    /// On that environment's branch.
    pub commit: String,
}

impl Entry {
    /// How `commit` came to the branch of `environment`.
    pub fn of(
        repository: &Repository,
        commit: &Commit,
        environment: &EnvironmentName,
    ) -> Result<Self, Error> {
        let person = match commit.committer.email.as_str() {
            WEB_FLOW => &commit.author,
            _ => &commit.committer,
        };
        let subject = commit.message.lines().next().unwrap_or_default();
        Ok(Self {
            time: clock::rfc3339(commit.time),
            commit: commit.id,
            author: cut(&commit.author.name, 60),
            who: cut(&person.name, 60),
            subject: cut(subject, 72),
            promoted: promoted(repository, commit, environment)?,
        })
    }
}

/// What brought a commit's changes: its own message, and, where it is a merge, that of what it
/// merged.
pub fn messages(repository: &Repository, commit: &Commit) -> Result<Vec<String>, Error> {
    let mut messages = vec![commit.message.clone()];
    if let [_, merged] = commit.parents.as_slice() {
        // A history that was fetched in part may not have it.
        messages.extend(repository.message(*merged).ok());
    }
    Ok(messages)
}

fn promoted(
    repository: &Repository,
    commit: &Commit,
    environment: &EnvironmentName,
) -> Result<Option<PromotedFrom>, Error> {
    let messages = messages(repository, commit)?;
    Ok(messages
        .iter()
        .find_map(|message| promotion_into(message, environment)))
}

/// What a message says of a promotion into `environment`. A source's commit that was merged by
/// hand may tell of a promotion too: of the one that made it.
fn promotion_into(message: &str, environment: &EnvironmentName) -> Option<PromotedFrom> {
    let mut targets = trailer::kept_all(message, trailer::ENVIRONMENT);
    targets.find(|target| *target == environment.as_str())?;
    let commit: CommitId = trailer::kept(message, trailer::PROMOTED_COMMIT)?
        .parse()
        .ok()?;
    Some(PromotedFrom {
        environment: trailer::kept(message, trailer::PROMOTED_FROM)?
            .parse()
            .ok()?,
        commit: commit.to_string(),
    })
}

fn cut(text: &str, most: usize) -> String {
    plain(text).chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promotion_is_told_by_its_target() {
        let commit = "3cab71fd0f3b5f0f4d1c0d9f1d7e0a4c5b6a7988";
        let message = format!(
            "Promote (#3)\n\n* images\n\nEnvironment: prod\nPromoted-From: staging\nPromoted-Commit: {commit}\n\nSigned-off-by: Ada\n"
        );
        let of = |environment: &str| promotion_into(&message, &environment.parse().unwrap());
        let found = of("prod").unwrap();
        assert_eq!(found.environment.as_str(), "staging");
        assert_eq!(found.commit, commit);
        assert_eq!(of("qa"), None);
        let cut = message.replace(commit, "3cab71f");
        assert_eq!(promotion_into(&cut, &"prod".parse().unwrap()), None);
    }
}
