//! What happens in Git: heads that move, branches that go, and merges.

use git2::{Commit, Oid, Repository, Signature, Tree};
use headwater::pull_request::MergeMethod;

use crate::support::forge::model::{CheckState, Model, Pull, Rule, State};

/// Why it is not merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotMerged {
    NotOpen(State),
    IsDraft,
    /// The repository does not allow this way.
    NotAllowed,
    Conflict,
    /// The protection's demands that are not met.
    NotReady(Vec<&'static str>),
    /// Its branch has been deleted, or its base.
    NoBranch,
}

impl Model {
    /// Takes over what was pushed, deleted and merged by Git since it was last looked at.
    pub fn follow_git(&mut self) {
        let open: Vec<u64> = self.open_ones().map(|pull| pull.number).collect();
        for number in open {
            let pull = self.pull_request(number).clone();
            let Some(head) = self.head_of(&pull) else {
                // All of them close it then.
                self.close(number);
                continue;
            };
            if head.to_string() != pull.head_commit {
                let name = format!("refs/pull/{number}/head");
                self.git().reference(&name, head, true, "pushed").unwrap();
                self.edit(number, |pull| pull.head_commit = head.to_string());
                let since = (head.to_string(), self.now);
                self.get_mut(number).heads.push(since);
            }
            if self.sees_merge_of(&pull, head) {
                self.end_as_merged(number, head);
            }
            if pull.scheduled.is_some() && self.demands_of(&pull).is_empty() {
                let method = pull.scheduled.unwrap_or_default();
                // A conflict stays until somebody mends it.
                let _ = self.merge(number, method);
            }
        }
    }

    /// Whether somebody has merged it past the forge, and the forge notices.
    fn sees_merge_of(&self, pull: &Pull, head: Oid) -> bool {
        let base = self.tip(&pull.base);
        let is_in = |base| base == head || self.git().graph_descendant_of(base, head).unwrap();
        self.kind.sees_merges() && base.is_some_and(is_in)
    }

    fn end_as_merged(&mut self, number: u64, commit: Oid) {
        let now = self.tick_of_clock();
        self.edit(number, |pull| {
            pull.state = State::Merged;
            pull.ended = Some(now);
            pull.merge_commit = Some(commit.to_string());
            pull.scheduled = None;
        });
    }

    /// What keeps it from being merged, in the forge's order; empty where nothing does.
    pub fn demands_of(&self, pull: &Pull) -> Vec<&'static str> {
        let none = Rule::default();
        let rule = self.rule_of(&pull.base).unwrap_or(&none);
        let mut demands = Vec::new();
        if pull.approvals() < u64::from(rule.approvals) {
            demands.push("approvals are missing");
        }
        let statuses = self.statuses_of(&pull.head_commit);
        let passes = |context: &String| {
            statuses
                .iter()
                .any(|status| status.context == *context && status.state == CheckState::Passing)
        };
        if !rule.checks.iter().all(passes) {
            demands.push("required checks have not passed");
        }
        if rule.requires_up_to_date && !self.is_up_to_date(pull) {
            demands.push("the branch is behind its base");
        }
        demands
    }

    fn is_up_to_date(&self, pull: &Pull) -> bool {
        let head = Oid::from_str(&pull.head_commit).unwrap();
        let is_in = |base| base == head || self.git().graph_descendant_of(head, base).unwrap();
        self.tip(&pull.base).is_some_and(is_in)
    }

    pub fn has_conflict(&self, pull: &Pull) -> bool {
        let git = self.git();
        let (Some(base), Some(head)) = (self.tip(&pull.base), self.head_of(pull)) else {
            return false;
        };
        let [base, head] = [base, head].map(|id| git.find_commit(id).unwrap());
        let merged = git.merge_commits(&base, &head, None);
        merged.is_ok_and(|index| index.has_conflicts())
    }

    /// Merges it in the repository; the commit that the base is at then.
    pub fn merge(&mut self, number: u64, method: MergeMethod) -> Result<String, NotMerged> {
        let pull = self.pull_request(number).clone();
        if pull.state != State::Open {
            return Err(NotMerged::NotOpen(pull.state));
        }
        if pull.is_draft {
            return Err(NotMerged::IsDraft);
        }
        if !self.merge_methods.contains(&method) {
            return Err(NotMerged::NotAllowed);
        }
        let tips = (self.tip(&pull.base), self.head_of(&pull));
        let (Some(base), Some(head)) = tips else {
            return Err(NotMerged::NoBranch);
        };
        let demands = self.demands_of(&pull);
        if !demands.is_empty() {
            return Err(NotMerged::NotReady(demands));
        }
        let git = self.git();
        let merged = merged(&git, &pull, base, head, method).ok_or(NotMerged::Conflict)?;
        let base = format!("refs/heads/{}", pull.base);
        git.reference(&base, merged, true, "merged").unwrap();
        self.end_as_merged(number, merged);
        Ok(merged.to_string())
    }
}

/// None where it conflicts.
fn merged(git: &Repository, pull: &Pull, base: Oid, head: Oid, method: MergeMethod) -> Option<Oid> {
    let [base, head] = [base, head].map(|id| git.find_commit(id).unwrap());
    let tree = || {
        let mut index = git.merge_commits(&base, &head, None).unwrap();
        let is_clean = !index.has_conflicts();
        is_clean.then(|| git.find_tree(index.write_tree_to(git).unwrap()).unwrap())
    };
    let (number, title) = (pull.number, &pull.title);
    match method {
        MergeMethod::Merge => {
            let message = format!("Merge pull request #{number}: {title}\n");
            Some(committed(git, &message, &tree()?, &[&base, &head]))
        }
        MergeMethod::Squash => {
            let message = format!("{title} (#{number})\n");
            Some(committed(git, &message, &tree()?, &[&base]))
        }
        MergeMethod::Rebase => rebased(git, &base, &head),
    }
}

fn rebased(git: &Repository, base: &Commit<'_>, head: &Commit<'_>) -> Option<Oid> {
    let mut walk = git.revwalk().unwrap();
    walk.push(head.id()).unwrap();
    walk.hide(base.id()).unwrap();
    walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::REVERSE)
        .unwrap();
    let mut onto = base.clone();
    for id in walk {
        let commit = git.find_commit(id.unwrap()).unwrap();
        let mut index = git.cherrypick_commit(&commit, &onto, 0, None).unwrap();
        if index.has_conflicts() {
            return None;
        }
        let tree = git.find_tree(index.write_tree_to(git).unwrap()).unwrap();
        let message = commit.message().unwrap_or_default().to_owned();
        let rebased = committed(git, &message, &tree, &[&onto]);
        onto = git.find_commit(rebased).unwrap();
    }
    Some(onto.id())
}

fn committed(git: &Repository, message: &str, tree: &Tree<'_>, parents: &[&Commit<'_>]) -> Oid {
    let time = git2::Time::new(1_787_470_800, 0);
    let forge = Signature::new("Forge", "forge@example.com", &time).unwrap();
    git.commit(None, &forge, &forge, message, tree, parents)
        .unwrap()
}
