//! What became of a push.

use crate::revision::CommitId;

/// What became of moving a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// The branch stands where it was to stand; it has been read back.
    Pushed,
    /// Somebody else moved the branch first; nothing was changed. Plan again.
    Moved {
        /// Where it stands; `None`: there is no such branch.
        actual: Option<CommitId>,
    },
    /// The branch may not be moved like this. Trying again changes nothing.
    Rejected {
        /// The server's own words, cleaned.
        message: String,
        reason: RejectedReason,
        /// What to do.
        hint: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectedReason {
    ProtectedBranch,
    Hook,
    Size,
    NonFastForward,
    Permission,
    /// A person has the branch checked out in a work tree.
    CheckedOut,
    Other,
}

impl crate::git::Repository {
    /// Moves a branch from `expected` (`None`: it must not exist) to `new` (`None`: delete it).
    pub fn push(
        &self,
        branch: &crate::revision::BranchName,
        expected: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<PushOutcome, crate::git::Error> {
        self.move_branch(branch, expected, new)
    }
}
