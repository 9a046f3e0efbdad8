//! Moving a branch, here or on a server, by compare and swap.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use git2::{Oid, Repository as Raw};

use crate::git::connection::{Conversation, cleaned};
use crate::git::error::DONE;
use crate::git::ids::ObjectId;
use crate::git::rejection::rejected;
use crate::git::{Error, Location, Repository};
use crate::revision::{BranchName, CommitId};

/// What became of moving a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// The branch stands where it was to stand, perhaps already before; it has been read back.
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

impl Repository {
    /// Moves a branch from `expected` (`None`: it must not exist) to `new` (`None`: delete it),
    /// on the server that this mirrors, or in this local repository. What a server says is
    /// believed only after its refs have been read back over a new connection.
    pub fn push(
        &self,
        branch: &BranchName,
        expected: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<PushOutcome, Error> {
        let begun = Instant::now();
        let pushed = self.move_to(branch, expected, new);
        let host = self.mirror.as_ref().map_or("", |mirror| mirror.url.host());
        self.tally
            .request(host, "push", result(&pushed), begun.elapsed());
        if let (Some(mirror), Err(error)) = (&self.mirror, &pushed) {
            mirror.note_failure(error);
        }
        pushed
    }

    fn move_to(
        &self,
        branch: &BranchName,
        expected: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<PushOutcome, Error> {
        if expected.is_none()
            && let Some(other) = self.blocking(branch)?
        {
            return Ok(PushOutcome::Rejected {
                message: format!("there is a branch {other}, so there can be no branch {branch}"),
                reason: RejectedReason::Other,
                hint: format!("rename the branch {other}"),
            });
        }
        let Some(mirror) = &self.mirror else {
            return self.move_branch(branch, expected, new);
        };
        let change = Change::new(branch, expected, new)?;
        let conversation = || mirror.conversation();
        let outcome = change.push(&self.raw, &conversation)?;
        match &outcome {
            PushOutcome::Pushed => mirror.note(&self.raw, branch, change.new)?,
            PushOutcome::Moved { .. } | PushOutcome::Rejected { .. } => {}
        }
        Ok(outcome)
    }

    /// A branch whose name is a folder of this one's, or the other way round.
    fn blocking(&self, branch: &BranchName) -> Result<Option<BranchName>, Error> {
        let name = branch.as_str();
        for (end, _) in name.match_indices('/') {
            let above = name.get(..end).and_then(|name| name.parse().ok());
            if let Some(above) = above
                && self.branch(&above)?.is_some()
            {
                return Ok(Some(above));
            }
        }
        let below = self.branches(&format!("{name}/"))?;
        Ok(below.into_iter().next().map(|(below, _)| below))
    }

    /// Where pushes to a named remote go.
    pub fn remote_location(&self, remote: &str) -> Result<Location, Error> {
        let missing = |_| Error::NoRemote {
            repository: self.name.clone(),
            remote: remote.chars().take(200).collect(),
        };
        let found = self.raw.find_remote(remote).map_err(missing)?;
        let url = match found.pushurl() {
            Ok(Some(url)) => url,
            _ => found.url()?,
        };
        match url.parse().map_err(Error::Location)? {
            Location::Local(path) if path.is_relative() => {
                let base = self.raw.workdir().unwrap_or(self.raw.path());
                Ok(Location::Local(base.join(path)))
            }
            location => Ok(location),
        }
    }
}

/// What a push is counted as.
fn result(pushed: &Result<PushOutcome, Error>) -> &'static str {
    match pushed {
        Ok(PushOutcome::Pushed) => DONE,
        Ok(PushOutcome::Moved { .. }) => "moved",
        Ok(PushOutcome::Rejected { .. }) => "denied",
        Err(error) => error.result(),
    }
}

fn target(
    conversation: &Conversation<'_>,
    raw: &Raw,
    branch: &BranchName,
) -> Result<Option<Oid>, Error> {
    let name = branch.ref_name();
    let listed = conversation.list(raw)?;
    Ok(listed
        .iter()
        .find(|listed| listed.name == name)
        .map(|listed| listed.target))
}

/// A branch's move on a server.
struct Change<'a> {
    branch: &'a BranchName,
    expected: Option<Oid>,
    new: Option<Oid>,
}

impl<'a> Change<'a> {
    fn new(
        branch: &'a BranchName,
        expected: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<Self, Error> {
        Ok(Self {
            branch,
            expected: expected.map(|id| id.to_oid()).transpose()?,
            new: new.map(|id| id.to_oid()).transpose()?,
        })
    }

    fn push<'c>(
        &self,
        raw: &Raw,
        conversation: &impl Fn() -> Conversation<'c>,
    ) -> Result<PushOutcome, Error> {
        let talk = conversation();
        let sent = self.send(raw, &talk);
        let actual = match (&sent, target(&conversation(), raw, self.branch)) {
            (_, Ok(actual)) => actual,
            // The push's own error says more.
            (Err(_), Err(_)) => return sent.map(|_| PushOutcome::Pushed),
            (Ok(_), Err(error)) => return Err(error),
        };
        let refused = match sent {
            Ok(Sent::Refused(words)) => Some(words),
            // The answer may have been lost on the way: what the server has counts.
            Err(error) if actual != self.new => match error {
                Error::Denied { reason, .. } => Some(reason),
                _ if actual != self.expected => None,
                error => return Err(error),
            },
            _ => None,
        };
        if actual == self.new && refused.is_none() {
            return Ok(PushOutcome::Pushed);
        }
        if actual != self.expected {
            let actual = actual.map(CommitId::from_oid).transpose()?;
            return Ok(PushOutcome::Moved { actual });
        }
        let words = refused.unwrap_or_else(|| {
            "the server reported success, but the branch has not moved".to_owned()
        });
        let said = talk.said();
        let separator = if said.is_empty() { "" } else { "\n" };
        Ok(rejected(talk.redacted(format!("{said}{separator}{words}"))))
    }

    fn send(&self, raw: &Raw, conversation: &Conversation<'_>) -> Result<Sent, Error> {
        let name = self.branch.ref_name();
        // The `+` only keeps libgit2 from judging: what the server has is compared below, and by
        // the server itself once more.
        let refspec = match self.new {
            Some(new) => format!("+{new}:{name}"),
            None => format!(":{name}"),
        };
        let expected = self.expected.unwrap_or(Oid::ZERO_SHA1);
        let has_moved = Cell::new(false);
        let refusal = RefCell::new(None);
        let pushed = conversation.push(raw, &refspec, |callbacks| {
            callbacks.push_negotiation(|updates| {
                if updates.iter().all(|update| update.src() == expected) {
                    return Ok(());
                }
                has_moved.set(true);
                Err(git2::Error::from_str("the branch has moved"))
            });
            callbacks.push_update_reference(|_, status| {
                *refusal.borrow_mut() = status.map(cleaned);
                Ok(())
            });
        });
        match (has_moved.get(), pushed, refusal.into_inner()) {
            (true, _, _) => Ok(Sent::NotAtAll),
            (_, Err(error), _) => Err(error),
            (_, Ok(()), Some(words)) => Ok(Sent::Refused(words)),
            (_, Ok(()), None) => Ok(Sent::Accepted),
        }
    }
}

enum Sent {
    Accepted,
    /// The server's words.
    Refused(String),
    /// The branch was not where it was expected.
    NotAtAll,
}
