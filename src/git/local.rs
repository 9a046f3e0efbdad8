//! Moving a branch of a repository on this machine, by compare and swap.

use std::time::{Duration, Instant};

use git2::{ErrorCode, Oid, Repository as Raw};

use crate::git::ids::ObjectId;
use crate::git::{Error, PushOutcome, RejectedReason, Repository};
use crate::revision::{BranchName, CommitId};

/// A ref's lock is held for some milliseconds; one that stays is a dead process's.
const MAX_WAIT: Duration = Duration::from_secs(3);
const WAIT_STEP: Duration = Duration::from_millis(10);
/// Stands in the reflog.
const LOG: &str = "headwater";

impl Repository {
    /// Moves a branch from `expected` (`None`: it must not exist) to `new` (`None`: delete it).
    pub(crate) fn move_branch(
        &self,
        branch: &BranchName,
        expected: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<PushOutcome, Error> {
        let begin = Instant::now();
        loop {
            match self.try_move(branch, expected, new) {
                Err(Error::Git(error)) if error.code() == ErrorCode::Locked => {
                    if begin.elapsed() > MAX_WAIT {
                        let lock = format!("{}.lock", branch.ref_name());
                        return Err(Error::Busy {
                            path: self.folder().join(lock),
                        });
                    }
                    std::thread::sleep(WAIT_STEP);
                }
                result => return result,
            }
        }
    }

    fn try_move(
        &self,
        branch: &BranchName,
        expected: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<PushOutcome, Error> {
        let actual = self.branch(branch)?;
        if actual == new {
            return Ok(PushOutcome::Pushed);
        }
        if actual != expected {
            return Ok(PushOutcome::Moved { actual });
        }
        if let Some(refusal) = self.refusal(branch)? {
            return Ok(refusal);
        }
        let expected = expected.map(|id| id.to_oid()).transpose()?;
        let new_id = new.map(|id| id.to_oid()).transpose()?;
        let swapped = swap(&self.raw, &branch.ref_name(), expected, new_id);
        let actual = self.branch(branch)?;
        match swapped {
            Ok(()) if actual == new => Ok(PushOutcome::Pushed),
            Ok(()) => Ok(PushOutcome::Moved { actual }),
            Err(_) if actual.map(|id| id.to_oid()).transpose()? != expected => {
                Ok(PushOutcome::Moved { actual })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn refusal(&self, branch: &BranchName) -> Result<Option<PushOutcome>, Error> {
        let name = branch.ref_name();
        if let Ok(reference) = self.raw.find_reference(&name)
            && reference.kind() == Some(git2::ReferenceType::Symbolic)
        {
            return Ok(Some(PushOutcome::Rejected {
                message: format!("{branch} is a symbolic ref"),
                reason: RejectedReason::Other,
                hint: "name the branch that it stands for".to_owned(),
            }));
        }
        Ok(self.holder(&name)?.map(|folder| PushOutcome::Rejected {
            message: format!("{branch} is checked out in {folder}"),
            reason: RejectedReason::CheckedOut,
            hint: format!(
                "check out another branch there (`git -C {folder} switch --detach`), or let changes come as pull requests"
            ),
        }))
    }

    /// The work tree that has the branch checked out.
    fn holder(&self, ref_name: &str) -> Result<Option<String>, Error> {
        let main = Raw::open(self.raw.commondir())?;
        let linked = self.raw.worktrees()?;
        let linked = linked
            .iter()
            .filter_map(|name| self.raw.find_worktree(name.ok().flatten()?).ok())
            .filter_map(|tree| Raw::open_from_worktree(&tree).ok());
        Ok(std::iter::once(main)
            .filter(|main| !main.is_bare())
            .chain(linked)
            .find(|tree| stands_on(tree, ref_name))
            .and_then(|tree| tree.workdir().map(|folder| folder.display().to_string())))
    }
}

fn stands_on(tree: &Raw, ref_name: &str) -> bool {
    tree.find_reference("HEAD")
        .is_ok_and(|head| head.symbolic_target().ok().flatten() == Some(ref_name))
}

/// The old value is compared under the ref's lock.
fn swap(raw: &Raw, name: &str, expected: Option<Oid>, new: Option<Oid>) -> Result<(), git2::Error> {
    match (expected, new) {
        (Some(expected), Some(new)) => {
            raw.reference_matching(name, new, true, expected, LOG)?;
        }
        (None, Some(new)) => {
            // libgit2 looks whether a new reference is there before it takes the lock: of two who
            // make one at once, both would be told that they did.
            let mut transaction = raw.transaction()?;
            transaction.lock_ref(name)?;
            if raw.find_reference(name).is_ok() {
                return Err(git2::Error::new(
                    ErrorCode::Exists,
                    git2::ErrorClass::Reference,
                    "the branch is there already",
                ));
            }
            transaction.set_target(name, new, None, LOG)?;
            transaction.commit()?;
        }
        (Some(expected), None) => {
            let mut reference = raw.find_reference(name)?;
            if reference.target() != Some(expected) {
                return Err(git2::Error::new(
                    ErrorCode::Modified,
                    git2::ErrorClass::Reference,
                    "the branch has moved",
                ));
            }
            // libgit2 deletes only what the reference was when it was read.
            reference.delete()?;
        }
        (None, None) => {}
    }
    Ok(())
}
