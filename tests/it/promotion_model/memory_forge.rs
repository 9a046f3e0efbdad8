//! A forge in memory, on the same bare repository.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use git2::Oid;
use headwater::forge::{Error, Forge, Merging, Opened};
use headwater::pull_request::{
    Change, Checks, Comment, CommitStatus, Draft, MergeMethod, NamedCheck, Protection, PullRequest,
    Standing, State,
};
use headwater::revision::{BranchName, CommitId};
use jiff::Timestamp;

use crate::promotion_model::site::{Site, Way};

/// The account that headwater asks with.
const BOT: &str = "headwater-bot";

pub struct MemoryForge {
    pub site: Site,
    pub now: Cell<Timestamp>,
    pub all: RefCell<Vec<PullRequest>>,
    comments: RefCell<BTreeMap<u64, Vec<Comment>>>,
    /// By number: who has approved, and which head.
    pub approved: RefCell<BTreeMap<u64, BTreeMap<String, CommitId>>>,
    pub checks: RefCell<BTreeMap<CommitId, Checks>>,
    entered: RefCell<BTreeMap<(CommitId, BranchName), Timestamp>>,
    /// What was posted by headwater.
    statuses: RefCell<BTreeMap<(CommitId, String), CommitStatus>>,
}

pub const CHECK: &str = "ci/e2e";

impl MemoryForge {
    pub fn new(site: Site, now: Timestamp) -> Self {
        Self {
            site,
            now: Cell::new(now),
            all: RefCell::default(),
            comments: RefCell::default(),
            approved: RefCell::default(),
            checks: RefCell::default(),
            entered: RefCell::default(),
            statuses: RefCell::default(),
        }
    }

    fn head(&self, branch: &BranchName) -> Option<CommitId> {
        self.site.tip(branch.as_str()).map(id)
    }

    fn seen(&self, found: &PullRequest) -> PullRequest {
        let mut found = found.clone();
        if found.state == State::Open {
            found.head_commit = self.head(&found.head);
        }
        found
    }

    fn of(&self, number: u64) -> Result<PullRequest, Error> {
        let all = self.all.borrow();
        let found = all.iter().find(|one| one.number == number);
        found.map(|found| self.seen(found)).ok_or(Error::Missing {
            host: "forge.example".to_owned(),
            what: format!("pull request {number}"),
        })
    }

    fn with<T>(&self, number: u64, change: impl FnOnce(&mut PullRequest) -> T) -> T {
        let mut all = self.all.borrow_mut();
        change(all.iter_mut().find(|one| one.number == number).unwrap())
    }

    pub fn open_of(&self, branch: &str) -> Option<PullRequest> {
        let all = self.all.borrow();
        let found = all
            .iter()
            .find(|one| one.head.as_str() == branch && one.state == State::Open);
        found.map(|found| self.seen(found))
    }

    /// As a person does, or the bot.
    pub fn merge_as(&self, number: u64, way: Way) -> bool {
        let found = self.of(number).unwrap();
        let head = oid(found.head_commit.unwrap());
        let now = self.now.get();
        let merged = self
            .site
            .merge(found.base.as_str(), head, way, now.as_second());
        let Some(merged) = merged else { return false };
        self.entered
            .borrow_mut()
            .insert((id(merged), found.base.clone()), now);
        self.with(number, |it| {
            it.state = State::Merged;
            it.head_commit = Some(id(head));
        });
        true
    }

    pub fn close_as_person(&self, number: u64) {
        self.with(number, |it| it.state = State::Closed);
    }

    pub fn valid_approvals(&self, number: u64, head: CommitId) -> BTreeSet<String> {
        let approved = self.approved.borrow();
        let own = approved.get(&number).into_iter().flatten();
        own.filter(|(_, at)| **at == head)
            .map(|(name, _)| name.clone())
            .collect()
    }
}

pub fn id(oid: Oid) -> CommitId {
    oid.to_string().parse().unwrap()
}

pub fn oid(id: CommitId) -> Oid {
    id.to_string().parse().unwrap()
}

impl Forge for MemoryForge {
    fn open_pull_requests(&self, prefix: &str) -> Result<Vec<PullRequest>, Error> {
        let all = self.all.borrow();
        let open = all
            .iter()
            .filter(|one| one.state == State::Open && one.head.as_str().starts_with(prefix));
        Ok(open.map(|one| self.seen(one)).collect())
    }

    fn pull_requests_of(&self, head: &BranchName) -> Result<Vec<PullRequest>, Error> {
        let all = self.all.borrow();
        let own = all.iter().rev().filter(|one| one.head == *head);
        Ok(own.take(100).map(|one| self.seen(one)).collect())
    }

    fn open(&self, draft: &Draft) -> Result<Opened, Error> {
        let number = u64::try_from(self.all.borrow().len()).unwrap() + 1;
        let open = self.open_of(draft.head.as_str());
        let pull_request = open.unwrap_or_else(|| {
            let new = PullRequest {
                number,
                url: format!("https://forge.example/pulls/{number}"),
                state: State::Open,
                head: draft.head.clone(),
                head_commit: self.head(&draft.head),
                base: draft.base.clone(),
                title: draft.title.clone(),
                body: draft.body.clone(),
                labels: draft.labels.clone(),
                is_draft: draft.is_draft,
                author: BOT.to_owned(),
                created: self.now.get(),
            };
            self.all.borrow_mut().push(new.clone());
            new
        });
        Ok(Opened {
            pull_request,
            warnings: Vec::new(),
            is_whole: true,
        })
    }

    fn opens_at_once(&self, _: &Draft) -> bool {
        true
    }

    fn change(&self, number: u64, change: &Change) -> Result<PullRequest, Error> {
        self.of(number)?;
        self.with(number, |it| {
            let set = |to: &mut String, from: &Option<String>| {
                if let Some(from) = from {
                    to.clone_from(from);
                }
            };
            set(&mut it.title, &change.title);
            set(&mut it.body, &change.body);
            it.base = change.base.clone().unwrap_or(it.base.clone());
            it.is_draft = change.is_draft.unwrap_or(it.is_draft);
            it.labels.extend(change.added_labels.iter().cloned());
            it.labels
                .retain(|label| !change.removed_labels.contains(label));
        });
        self.of(number)
    }

    fn close(&self, number: u64) -> Result<(), Error> {
        self.with(number, |it| it.state = State::Closed);
        Ok(())
    }

    fn comments(&self, number: u64) -> Result<Vec<Comment>, Error> {
        let comments = self.comments.borrow();
        Ok(comments.get(&number).cloned().unwrap_or_default())
    }

    fn add_comment(&self, number: u64, body: &str) -> Result<Comment, Error> {
        let mut comments = self.comments.borrow_mut();
        let own = comments.entry(number).or_default();
        let comment = Comment {
            id: u64::try_from(own.len()).unwrap() + 1,
            author: BOT.to_owned(),
            body: body.to_owned(),
        };
        own.push(comment.clone());
        Ok(comment)
    }

    fn edit_comment(&self, number: u64, id: u64, body: &str) -> Result<(), Error> {
        let mut comments = self.comments.borrow_mut();
        let own = comments.entry(number).or_default();
        for comment in own.iter_mut().filter(|comment| comment.id == id) {
            body.clone_into(&mut comment.body);
        }
        Ok(())
    }

    fn delete_comment(&self, number: u64, id: u64) -> Result<(), Error> {
        let mut comments = self.comments.borrow_mut();
        comments
            .entry(number)
            .or_default()
            .retain(|one| one.id != id);
        Ok(())
    }

    fn merge(&self, number: u64, head: CommitId, method: MergeMethod) -> Result<Merging, Error> {
        if self.of(number)?.head_commit != Some(head) {
            return Ok(Merging::HeadMoved);
        }
        let way = match method {
            MergeMethod::Merge => Way::Merge,
            MergeMethod::Squash => Way::SquashWithTrailers,
            MergeMethod::Rebase => Way::Rebase,
        };
        Ok(match self.merge_as(number, way) {
            true => Merging::Merged,
            false => Merging::NotReady("it conflicts".to_owned()),
        })
    }

    fn merge_when_ready(&self, _: u64, _: CommitId, _: MergeMethod) -> Result<Merging, Error> {
        Ok(Merging::NotOffered)
    }

    fn checks(&self, commit: CommitId) -> Result<Checks, Error> {
        Ok(Checks::of(&self.statuses(commit)?, None))
    }

    fn statuses(&self, commit: CommitId) -> Result<Vec<NamedCheck>, Error> {
        let found = self.checks.borrow().get(&commit).copied();
        let named = found.map(|state| NamedCheck {
            name: CHECK.to_owned(),
            state,
        });
        let posted = self.statuses.borrow();
        let own = posted.iter().filter(|((on, _), _)| *on == commit);
        let own = own.map(|((_, name), status)| NamedCheck {
            name: name.clone(),
            state: status.state,
        });
        Ok(named.into_iter().chain(own).collect())
    }

    fn set_status(&self, commit: CommitId, status: &CommitStatus) -> Result<(), Error> {
        let key = (commit, status.context.clone());
        self.statuses.borrow_mut().insert(key, status.clone());
        Ok(())
    }

    fn approvals(&self, number: u64, head: CommitId) -> Result<BTreeSet<String>, Error> {
        Ok(self.valid_approvals(number, head))
    }

    fn entered(&self, commit: CommitId, base: &BranchName) -> Result<Option<Timestamp>, Error> {
        let key = (commit, base.clone());
        Ok(self.entered.borrow().get(&key).copied())
    }

    fn protection(&self, _: &BranchName) -> Result<Protection, Error> {
        Ok(Protection::default())
    }

    fn standing(&self) -> Result<Standing, Error> {
        Ok(Standing {
            account: BOT.to_owned(),
            scopes: BTreeSet::new(),
            default_branch: "main".to_owned(),
            may_write: true,
            is_archived: false,
            merge_methods: vec![MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase],
            has_automerge: false,
            time: None,
            version: None,
        })
    }
}
