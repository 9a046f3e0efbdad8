//! The line of a branch: its commits along first parents.

use git2::Sort;

use crate::git::ids::ObjectId;
use crate::git::{Error, Repository};
use crate::revision::CommitId;

impl Repository {
    /// `head` and its first parents, newest first, at most `limit` of them. Ends where a shallow
    /// clone does.
    pub fn first_parents(&self, head: CommitId, limit: usize) -> Result<Vec<CommitId>, Error> {
        let mut walk = self.raw.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL)?;
        walk.simplify_first_parent()?;
        walk.push(head.to_oid()?)
            .map_err(|error| self.damaged(error))?;
        walk.take(limit)
            .map(|id| CommitId::from_oid(id.map_err(|error| self.damaged(error))?))
            .collect()
    }

    /// Whose commits are made here: `user.name` of the repository's own configuration.
    pub fn user_name(&self) -> Option<String> {
        let configuration = self.raw.config().and_then(|mut all| all.snapshot()).ok()?;
        let name = configuration.get_str("user.name").ok()?;
        (!name.trim().is_empty()).then(|| name.trim().to_owned())
    }
}
