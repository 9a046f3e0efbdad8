//! The pull requests of a plan: opened, changed, merged and closed, after their branches.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::forge::{Error, Forge, MAX_LOOKED_AT, Merging, Opened};
use crate::plan::Plan;
use crate::plan::pull_request::{
    EDITED_REMARK, ENDED_REMARK, End, Marker, Publication, Remark, Step,
};
use crate::pull_request::{Change, Checks, Draft, GATES_CONTEXT, MergeMethod, PullRequest};
use crate::reconcile::apply::{Applied, Outcome};
use crate::reconcile::hosting::Hosting;
use crate::revision::{BranchName, CommitId};

/// Where nothing has checked a pull request within this time, nothing is going to.
const CHECKS_BEGIN: SignedDuration = SignedDuration::from_mins(5);

/// What became of one pull request.
#[derive(Debug)]
pub struct Published {
    pub branch: BranchName,
    /// Number and page, where there is one.
    pub number: Option<u64>,
    pub url: Option<String>,
    pub what: Publishing,
    /// What the forge did not take, a sentence each.
    pub warnings: Vec<String>,
}

#[derive(Debug)]
pub enum Publishing {
    Opened,
    Changed,
    Remarked,
    /// What the gates say was posted as a commit status.
    Posted(Checks),
    /// The forge was asked to merge it once its demands are met.
    Scheduled,
    Merged,
    /// It is to be merged, and cannot be yet: the forge's words.
    NotReady(String),
    /// With the reason.
    Closed(&'static str),
    /// The forge did not do it; a later pass does.
    Failed {
        what: &'static str,
        error: Error,
    },
}

/// What came of all of them.
pub struct AllPublished {
    pub pull_requests: Vec<Published>,
    /// Branches whose pull requests are open still: they must not be deleted.
    open: BTreeSet<BranchName>,
}

impl AllPublished {
    pub fn keeps(&self, branch: &BranchName) -> bool {
        self.open.contains(branch)
    }
}

/// Carries out the steps of a plan whose branches were `applied`. What the forge refuses of one
/// pull request stops no other; where it cannot be asked any more, the rest is left to the next
/// pass.
pub fn publish(
    hosting: &Hosting<'_>,
    plan: &Plan,
    applied: &[Applied],
    now: Timestamp,
) -> AllPublished {
    let mut publisher = Publisher {
        hosting,
        forge: hosting.forge,
        now,
        waits_by_itself: None,
        done: Vec::new(),
    };
    let has_failed = publisher.all(plan, applied).is_err();
    let is_closed = |branch: &BranchName| {
        let mut done = publisher.done.iter();
        done.any(|done| done.branch == *branch && matches!(done.what, Publishing::Closed(_)))
    };
    let ends = plan.ends.iter().map(|end| &end.branch);
    let mut open: BTreeSet<BranchName> = ends.filter(|end| !is_closed(end)).cloned().collect();
    if has_failed {
        // Its pull request would be closed without a word.
        open.extend(plan.obsolete.iter().map(|obsolete| obsolete.name.clone()));
    }
    AllPublished {
        pull_requests: publisher.done,
        open,
    }
}

struct Publisher<'a> {
    hosting: &'a Hosting<'a>,
    forge: &'a dyn Forge,
    now: Timestamp,
    /// Whether the forge merges by itself once its demands are met; none: not asked yet.
    waits_by_itself: Option<bool>,
    done: Vec<Published>,
}

/// A failure that is in `done`; whether it is one of the whole forge.
struct Stopped {
    is_general: bool,
}

/// What failed for one pull request only goes no further.
fn isolated(result: Result<(), Stopped>) -> Result<(), Stopped> {
    match result {
        Err(stopped) if stopped.is_general => Err(stopped),
        _ => Ok(()),
    }
}

impl Publisher<'_> {
    fn all(&mut self, plan: &Plan, applied: &[Applied]) -> Result<(), Stopped> {
        for proposal in &plan.proposals {
            let (Some(publication), Some(branch)) = (&proposal.pull_request, &proposal.branch)
            else {
                continue;
            };
            let written = applied.iter().find(|applied| applied.branch == *branch);
            let head =
                written.filter(|written| matches!(written.outcome, Outcome::Kept | Outcome::Done));
            // A branch that could not be moved is planned again, and its pull request with it.
            let done = match head.and_then(|written| written.commit) {
                Some(head) => self.one(publication, branch, head),
                None if proposal.hold.is_none() => continue,
                None => Err(Stopped { is_general: true }),
            };
            // What asked for a hold must not go before the hold is there.
            match proposal.hold {
                Some(_) => done?,
                None => isolated(done)?,
            }
        }
        for remark in &plan.remarks {
            isolated(self.remark(remark))?;
        }
        for end in &plan.ends {
            isolated(self.end(end))?;
        }
        Ok(())
    }

    fn one(
        &mut self,
        publication: &Publication,
        branch: &BranchName,
        head: CommitId,
    ) -> Result<(), Stopped> {
        let pull_request = match &publication.step {
            Step::Open(draft) => {
                let opened = self.open(draft, branch);
                let opened = self.kept(opened, branch, "open the pull request")?;
                let number = opened.pull_request.number;
                self.say(
                    branch,
                    &opened.pull_request,
                    Publishing::Opened,
                    opened.warnings,
                );
                // Where its branch has moved on, another copy has written it.
                let is_ours = opened.pull_request.head_commit.is_none_or(|at| at == head);
                if !is_ours || !opened.is_whole {
                    return Ok(());
                }
                // What was open already, from a pass that ended too early, has another text, and
                // what was not opened at once has another mark.
                let change = Change {
                    title: Some(draft.title.clone())
                        .filter(|title| *title != opened.pull_request.title),
                    body: Some(draft.body.clone()).filter(|body| *body != opened.pull_request.body),
                    ..Change::default()
                };
                match change.is_empty() {
                    true => opened.pull_request,
                    false => {
                        let changed = self.forge.change(number, &change);
                        self.kept(changed, branch, "change the pull request")?
                    }
                }
            }
            Step::Change { found, change } => {
                let changed = self.forge.change(found.number, change);
                let changed = self.kept(changed, branch, "change the pull request")?;
                self.say(branch, &changed, Publishing::Changed, Vec::new());
                changed
            }
            Step::Keep(open) => (**open).clone(),
        };
        if let Some(status) = &publication.status {
            let posted = self.forge.set_status(head, status);
            let posted = self.kept(posted, branch, "post the gates' commit status");
            match posted {
                Ok(()) => {
                    let said = Publishing::Posted(status.state);
                    self.say(branch, &pull_request, said, Vec::new());
                }
                // A token that may not post it stops no merge.
                Err(stopped) => isolated(Err(stopped))?,
            }
        }
        match publication.merge {
            Some(method) => {
                let may_wait = publication.may_merge_later;
                self.merge(&pull_request, branch, head, method, may_wait)
            }
            None => Ok(()),
        }
    }

    /// Until all is set that is to be beside it, its mark says so: a pass that ends in between is
    /// made up for by the next.
    fn open(&self, draft: &Draft, branch: &BranchName) -> Result<Opened, Error> {
        let key = self.hosting.marker_key.as_deref();
        let marked = match self.forge.opens_at_once(draft) {
            true => None,
            false => Marker::with_opening(&draft.body, branch, key),
        };
        match marked {
            Some(body) => self.forge.open(&Draft {
                body,
                ..draft.clone()
            }),
            None => self.forge.open(draft),
        }
    }

    /// By the forge itself where it offers that and has demands to wait for: one without demands
    /// merges at once, before any check has begun. Else as soon as the checks pass.
    fn merge(
        &mut self,
        found: &PullRequest,
        branch: &BranchName,
        head: CommitId,
        method: MergeMethod,
        may_wait: bool,
    ) -> Result<(), Stopped> {
        let number = found.number;
        let merging = if may_wait && self.waits_by_itself(&found.base, branch)? {
            let merging = self.forge.merge_when_ready(number, head, method);
            self.kept(merging, branch, "have the pull request merged")?
        } else {
            Merging::NotOffered
        };
        let what = match merging {
            Merging::Merged => Publishing::Merged,
            Merging::Scheduled => {
                self.mark_scheduled(found, branch, head)?;
                Publishing::Scheduled
            }
            Merging::HeadMoved => Publishing::NotReady("its branch has moved".to_owned()),
            Merging::NotReady(_) | Merging::NotOffered => {
                self.merge_once_checked(found, branch, head, method)?
            }
        };
        self.say(branch, found, what, Vec::new());
        Ok(())
    }

    fn merge_once_checked(
        &mut self,
        found: &PullRequest,
        branch: &BranchName,
        head: CommitId,
        method: MergeMethod,
    ) -> Result<Publishing, Stopped> {
        let checks = self.forge.statuses(head);
        let checks = self.kept(checks, branch, "read the checks")?;
        let is_old = self.now.duration_since(found.created) >= CHECKS_BEGIN;
        // Our own status tells of gates: it is no check of what they let through.
        let waits_for = match Checks::of(&checks, Some(GATES_CONTEXT)) {
            Checks::Passing => None,
            Checks::None if is_old => None,
            Checks::None => Some("no check has begun yet"),
            Checks::Pending => Some("its checks run"),
            Checks::Failing => Some("its checks fail"),
        };
        if let Some(why) = waits_for {
            return Ok(Publishing::NotReady(why.to_owned()));
        }
        let merging = self.forge.merge(found.number, head, method);
        Ok(
            match self.kept(merging, branch, "merge the pull request")? {
                Merging::Merged | Merging::Scheduled => Publishing::Merged,
                Merging::HeadMoved => Publishing::NotReady("its branch has moved".to_owned()),
                Merging::NotReady(why) => Publishing::NotReady(why),
                Merging::NotOffered => Publishing::NotReady(format!(
                    "the repository does not allow to {} pull requests",
                    method.name()
                )),
            },
        )
    }

    fn waits_by_itself(&mut self, base: &BranchName, branch: &BranchName) -> Result<bool, Stopped> {
        if let Some(waits) = self.waits_by_itself {
            return Ok(waits);
        }
        let standing = self.forge.standing();
        let standing = self.kept(standing, branch, "read the repository's settings")?;
        // Demands that the account may not see are none to rely on.
        let has_demands = self
            .forge
            .protection(base)
            .is_ok_and(|protection| !protection.checks.is_empty() || protection.approvals > 0);
        let waits = standing.has_automerge && has_demands;
        self.waits_by_itself = Some(waits);
        Ok(waits)
    }

    /// So that the next pass asks for nothing.
    fn mark_scheduled(
        &mut self,
        found: &PullRequest,
        branch: &BranchName,
        head: CommitId,
    ) -> Result<(), Stopped> {
        let key = self.hosting.marker_key.as_deref();
        let Some(body) = Marker::with_merging(&found.body, branch, key, head) else {
            return Ok(());
        };
        let change = Change {
            body: Some(body),
            ..Change::default()
        };
        match self.forge.change(found.number, &change) {
            Ok(_) => Ok(()),
            // It may be merged by now.
            Err(Error::Refused { .. } | Error::Missing { .. }) => Ok(()),
            Err(error) => self.kept(Err(error), branch, "change the pull request"),
        }
    }

    /// One remark a pull request, made once and edited from then on.
    fn remark(&mut self, remark: &Remark) -> Result<(), Stopped> {
        let number = remark.found.number;
        let branch = &remark.branch;
        self.put_remark(branch, number, EDITED_REMARK, &remark.text)?;
        let change = Change {
            body: Some(remark.body.clone()),
            ..Change::default()
        };
        let changed = self.forge.change(number, &change);
        let changed = self.kept(changed, branch, "change the pull request")?;
        self.say(branch, &changed, Publishing::Remarked, Vec::new());
        Ok(())
    }

    /// Marked before it is closed: whoever closes an unmarked one declines what it proposes.
    fn end(&mut self, end: &End) -> Result<(), Stopped> {
        let (number, branch) = (end.found.number, &end.branch);
        if let Some(body) = &end.body {
            let change = Change {
                body: Some(body.clone()),
                ..Change::default()
            };
            let changed = self.forge.change(number, &change);
            self.kept(changed, branch, "change the pull request")?;
        }
        self.put_remark(branch, number, ENDED_REMARK, &end.remark)?;
        let closed = self.forge.close(number);
        self.kept(closed, branch, "close the pull request")?;
        self.done.push(Published {
            branch: branch.clone(),
            number: Some(number),
            url: Some(end.found.url.clone()),
            what: Publishing::Closed(end.why),
            warnings: Vec::new(),
        });
        Ok(())
    }

    fn put_remark(
        &mut self,
        branch: &BranchName,
        number: u64,
        mark: &str,
        text: &str,
    ) -> Result<(), Stopped> {
        let comments = self.forge.comments(number);
        let comments = self.kept(comments, branch, "read the comments")?;
        let own = comments
            .iter()
            .take(MAX_LOOKED_AT)
            .find(|comment| comment.body.starts_with(mark));
        let put = match own {
            Some(own) if own.body.trim_end() == text.trim_end() => Ok(()),
            Some(own) => self.forge.edit_comment(number, own.id, text),
            None => self.add_once(number, mark, text),
        };
        self.kept(put, branch, "comment on the pull request")
    }

    /// Another copy may have found none as well, and added its own: the older one stays.
    fn add_once(&self, number: u64, mark: &str, text: &str) -> Result<(), Error> {
        let added = self.forge.add_comment(number, text)?;
        let comments = self.forge.comments(number)?;
        let own = comments
            .iter()
            .filter(|comment| comment.body.starts_with(mark) && comment.author == added.author);
        for surplus in own.skip(1) {
            self.forge.delete_comment(number, surplus.id)?;
        }
        Ok(())
    }

    fn kept<T>(
        &mut self,
        result: Result<T, Error>,
        branch: &BranchName,
        what: &'static str,
    ) -> Result<T, Stopped> {
        match result {
            Ok(value) => Ok(value),
            Err(error) => {
                let is_general = !matches!(error, Error::Refused { .. } | Error::Missing { .. });
                self.done.push(Published {
                    branch: branch.clone(),
                    number: None,
                    url: None,
                    what: Publishing::Failed { what, error },
                    warnings: Vec::new(),
                });
                Err(Stopped { is_general })
            }
        }
    }

    fn say(
        &mut self,
        branch: &BranchName,
        found: &PullRequest,
        what: Publishing,
        warnings: Vec<String>,
    ) {
        self.done.push(Published {
            branch: branch.clone(),
            number: Some(found.number),
            url: Some(found.url.clone()),
            what,
            warnings,
        });
    }
}
