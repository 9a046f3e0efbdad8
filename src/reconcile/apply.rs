use jiff::Timestamp;

use crate::git::{Author, Error, NewCommit, PushOutcome, Repository};
use crate::plan::{Action, Plan, Proposal};
use crate::reconcile::hosting::Hosting;
use crate::reconcile::publish::{Published, publish};
use crate::revision::{BranchName, CommitId};
use crate::snapshot::Snapshot;

/// What became of one proposal, or of one branch that had nothing left to do.
#[derive(Debug)]
pub struct Applied {
    pub branch: BranchName,
    pub what: &'static str,
    /// The commit that the branch is at now; none where it was deleted or nothing was written.
    pub commit: Option<CommitId>,
    pub outcome: Outcome,
}

impl Applied {
    /// The branch and its new tip, where an environment's own branch was committed to.
    pub fn own_commit(&self) -> Option<(BranchName, CommitId)> {
        let commit = self.commit?;
        (self.what == "commit" && matches!(self.outcome, Outcome::Done))
            .then(|| (self.branch.clone(), commit))
    }
}

#[derive(Debug)]
pub enum Outcome {
    /// Nothing had to be written.
    Kept,
    /// Written, and read back.
    Done,
    /// The branch moved in the meantime: plan again.
    Moved,
    /// The server said no.
    Rejected { message: String, hint: String },
    /// It could not be tried.
    Failed(Error),
}

/// Where branches are moved.
pub type Push<'a> =
    dyn Fn(&BranchName, Option<CommitId>, Option<CommitId>) -> Result<PushOutcome, Error> + 'a;

/// What came of a plan.
#[derive(Debug, Default)]
pub struct AppliedPlan {
    pub branches: Vec<Applied>,
    pub pull_requests: Vec<Published>,
}

/// Writes the plan: makes no choice of its own. One failure does not stop the rest. With a
/// `hosting`, pull requests follow their branches, and are closed before them.
pub fn apply(
    repository: &Repository,
    push: &Push<'_>,
    snapshot: &Snapshot,
    plan: &Plan,
    author: &Author,
    hosting: Option<&Hosting<'_>>,
    now: Timestamp,
) -> AppliedPlan {
    let writer = Writer {
        repository,
        push,
        snapshot,
        author,
        now,
    };
    let mut applied = Vec::new();
    let direct: Vec<&Proposal> = plan
        .proposals
        .iter()
        .filter(|proposal| proposal.action == Action::Commit)
        .collect();
    if !direct.is_empty() {
        applied.push(writer.commit_directly(&direct));
    }
    for proposal in &plan.proposals {
        if let Some(branch) = &proposal.branch {
            applied.push(writer.put_branch(branch, proposal));
        }
    }
    let mut published = hosting.map(|hosting| publish(hosting, plan, &applied, now));
    for obsolete in &plan.obsolete {
        let is_open = published
            .as_ref()
            .is_some_and(|published| published.keeps(&obsolete.name));
        if is_open {
            continue;
        }
        let outcome = writer.push(&obsolete.name, Some(obsolete.head), None);
        applied.push(Applied {
            branch: obsolete.name.clone(),
            what: "delete",
            commit: None,
            outcome,
        });
    }
    AppliedPlan {
        branches: applied,
        pull_requests: published
            .take()
            .map(|all| all.pull_requests)
            .unwrap_or_default(),
    }
}

struct Writer<'a> {
    repository: &'a Repository,
    push: &'a Push<'a>,
    snapshot: &'a Snapshot,
    author: &'a Author,
    now: Timestamp,
}

impl Writer<'_> {
    fn put_branch(&self, branch: &BranchName, proposal: &Proposal) -> Applied {
        let expected = match &proposal.action {
            Action::Keep { head } => {
                return Applied {
                    branch: branch.clone(),
                    what: "keep",
                    commit: Some(*head),
                    outcome: Outcome::Kept,
                };
            }
            Action::Create { replaces } => *replaces,
            Action::Rebuild { replaces, .. } => Some(*replaces),
            Action::Commit | Action::Edit => None,
        };
        let what = proposal.action.kind();
        match self.commit(proposal, self.snapshot.commit) {
            Ok(commit) => Applied {
                branch: branch.clone(),
                what,
                commit: Some(commit),
                outcome: self.push(branch, expected, Some(commit)),
            },
            Err(error) => Applied {
                branch: branch.clone(),
                what,
                commit: None,
                outcome: Outcome::Failed(error),
            },
        }
    }

    /// All proposals as commits on the environment's own branch, one push.
    fn commit_directly(&self, proposals: &[&Proposal]) -> Applied {
        let mut tip = self.snapshot.commit;
        let mut failed = None;
        for proposal in proposals {
            match self.commit(proposal, tip) {
                Ok(commit) => tip = commit,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let outcome = match failed {
            Some(error) => Outcome::Failed(error),
            None => self.push(&self.snapshot.branch, Some(self.snapshot.commit), Some(tip)),
        };
        Applied {
            branch: self.snapshot.branch.clone(),
            what: "commit",
            commit: Some(tip),
            outcome,
        }
    }

    fn commit(&self, proposal: &Proposal, parent: CommitId) -> Result<CommitId, Error> {
        let merge = proposal.merge.as_ref();
        let source = merge.and_then(|merge| merge.source);
        let parents: Vec<CommitId> = [parent].into_iter().chain(source).collect();
        let (base, changes) = match merge {
            Some(merge) => (merge.tree, &merge.edits),
            None => (self.repository.tree_of(parent)?, &proposal.changes),
        };
        self.repository.commit(&NewCommit {
            parents: &parents,
            base,
            changes,
            message: &proposal.message,
            author: self.author,
            time: self.now,
        })
    }

    fn push(
        &self,
        branch: &BranchName,
        expected: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Outcome {
        match (self.push)(branch, expected, new) {
            Ok(PushOutcome::Pushed) => Outcome::Done,
            Ok(PushOutcome::Moved { .. }) => Outcome::Moved,
            Ok(PushOutcome::Rejected { message, hint, .. }) => Outcome::Rejected { message, hint },
            Err(error) => Outcome::Failed(error),
        }
    }
}
