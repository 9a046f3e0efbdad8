//! What the forge remembers, and what people do at it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use git2::{BranchType, Oid, Repository};
use headwater::pull_request::MergeMethod;
use jiff::{SignedDuration, Timestamp};

use crate::support::forge::Kind;
use crate::support::forge::github::apps::App;
use crate::support::forge::reviews::Review;

/// Everything that one forge knows. All of it may be looked at and set by a test.
#[derive(Clone, Debug)]
pub struct Model {
    pub kind: Kind,
    /// Where people find it, without a slash at the end.
    pub web: String,
    pub owner: String,
    pub name: String,
    pub default_branch: String,
    pub token: String,
    /// The account that the token is of.
    pub me: String,
    /// All accounts there are; their numbers are their places, from 1.
    pub accounts: Vec<String>,
    pub may_write: bool,
    /// What the token may do, where the forge says it.
    pub scopes: Vec<String>,
    pub is_archived: bool,
    pub merge_methods: Vec<MergeMethod>,
    pub has_automerge: bool,
    /// Labels of the repository with their colours; their numbers are their places, from 1.
    pub labels: Vec<(String, String)>,
    pub pulls: Vec<Pull>,
    pub statuses: Vec<Status>,
    /// By branch, or by a pattern with `*` where the forge knows them.
    pub rules: BTreeMap<String, Rule>,
    /// GitHub's: in place of the account's token.
    pub app: Option<App>,
    /// Goes on by a second with each thing that is done.
    pub now: Timestamp,
    repository: PathBuf,
    last_id: u64,
}

#[derive(Clone, Debug)]
pub struct Pull {
    /// Also its place in [`Model::pulls`], from 1.
    pub number: u64,
    /// Without the mark of a draft.
    pub title: String,
    pub body: String,
    pub head: String,
    /// `owner/name` of the fork that it comes from.
    pub fork: Option<String>,
    /// As of now, or as of when it ended or its branch was deleted.
    pub head_commit: String,
    pub base: String,
    pub state: State,
    pub is_draft: bool,
    pub labels: BTreeSet<String>,
    pub assignees: BTreeSet<String>,
    pub reviewers: BTreeSet<String>,
    /// Oldest first.
    pub reviews: Vec<Review>,
    /// The commits that its branch was at, and since when; the last is that of now.
    pub heads: Vec<(String, Timestamp)>,
    pub author: String,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub ended: Option<Timestamp>,
    pub merge_commit: Option<String>,
    pub comments: Vec<Remark>,
    /// Merged once the demands are met.
    pub scheduled: Option<MergeMethod>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Closed,
    Merged,
}

#[derive(Clone, Debug)]
pub struct Remark {
    pub id: u64,
    pub author: String,
    pub body: String,
    pub created: Timestamp,
}

#[derive(Clone, Debug)]
pub struct Status {
    pub id: u64,
    pub commit: String,
    pub context: String,
    pub state: CheckState,
    pub description: String,
    /// A check run, where the forge tells them from statuses.
    pub is_run: bool,
    pub created: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckState {
    Pending,
    Passing,
    Failing,
}

/// What a branch's protection demands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    pub requires_up_to_date: bool,
    pub approvals: u32,
    pub checks: BTreeSet<String>,
}

/// What is asked for when one is opened.
#[derive(Clone, Debug, Default)]
pub struct New {
    pub head: String,
    /// `owner/name` of a fork, and the commit that its branch is at, which lies here too.
    pub fork: Option<(String, String)>,
    pub base: String,
    pub title: String,
    pub body: String,
    pub is_draft: bool,
    pub author: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CannotOpen {
    NoHead,
    NoBase,
    /// The one that is open for the same head and base.
    Duplicate(u64),
    /// The head has nothing that the base has not.
    NothingNew,
}

impl Model {
    pub fn new(kind: Kind, repository: &Path) -> Self {
        let git = Repository::open(repository).unwrap();
        let head = git.find_reference("HEAD").unwrap();
        let default = head.symbolic_target().ok().flatten().unwrap();
        Self {
            kind,
            web: String::new(),
            owner: "acme".to_owned(),
            name: "shop".to_owned(),
            default_branch: default.trim_start_matches("refs/heads/").to_owned(),
            token: "t0ken-of-headwater-bot".to_owned(),
            me: "headwater-bot".to_owned(),
            accounts: ["headwater-bot", "acme", "ada", "ben"]
                .map(str::to_owned)
                .to_vec(),
            may_write: true,
            scopes: vec!["api".to_owned()],
            is_archived: false,
            merge_methods: kind.merge_methods(),
            has_automerge: true,
            labels: Vec::new(),
            pulls: Vec::new(),
            statuses: Vec::new(),
            rules: BTreeMap::new(),
            app: None,
            now: "2026-08-23T07:40:00Z".parse().unwrap(),
            repository: repository.to_owned(),
            last_id: 100,
        }
    }

    pub fn git(&self) -> Repository {
        Repository::open(&self.repository).unwrap()
    }

    /// The commit that a branch is at.
    pub fn tip(&self, branch: &str) -> Option<Oid> {
        let git = self.git();
        let branch = git.find_branch(branch, BranchType::Local).ok()?;
        branch.get().target()
    }

    pub fn has_commit(&self, commit: &str) -> bool {
        let id = Oid::from_str(commit);
        id.is_ok_and(|id| self.git().find_commit(id).is_ok())
    }

    /// Those that are of this commit: it is the head, or what the merge made.
    pub fn pulls_with(&self, commit: &str) -> impl Iterator<Item = &Pull> {
        self.pulls.iter().filter(move |pull| {
            pull.head_commit == commit || pull.merge_commit.as_deref() == Some(commit)
        })
    }

    /// As somebody pushes it.
    pub fn git_branch(&self, branch: &str, commit: &str) {
        let name = format!("refs/heads/{branch}");
        let commit = Oid::from_str(commit).unwrap();
        self.git().reference(&name, commit, true, "pushed").unwrap();
    }

    /// The commit that a pull request's branch is at, in a fork too.
    pub fn head_of(&self, pull: &Pull) -> Option<Oid> {
        match pull.fork {
            Some(_) => Oid::from_str(&pull.head_commit).ok(),
            None => self.tip(&pull.head),
        }
    }

    pub fn find(&self, number: u64) -> Option<&Pull> {
        self.pulls
            .get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    pub fn find_mut(&mut self, number: u64) -> Option<&mut Pull> {
        self.pulls
            .get_mut(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    pub fn pull_request(&self, number: u64) -> &Pull {
        self.find(number).expect("there is such a pull request")
    }

    pub fn get_mut(&mut self, number: u64) -> &mut Pull {
        self.find_mut(number).expect("there is such a pull request")
    }

    pub fn open_ones(&self) -> impl Iterator<Item = &Pull> {
        self.pulls.iter().filter(|pull| pull.state == State::Open)
    }

    /// The number of an account or of nobody.
    pub fn account_id(&self, login: &str) -> u64 {
        let place = self.accounts.iter().position(|known| known == login);
        place.map_or(0, |place| place as u64 + 1)
    }

    pub fn label_id(&self, name: &str) -> u64 {
        let place = self.labels.iter().position(|(known, _)| known == name);
        place.map_or(0, |place| place as u64 + 1)
    }

    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The time of something that is done now.
    pub fn tick_of_clock(&mut self) -> Timestamp {
        self.now += SignedDuration::from_secs(1);
        self.now
    }

    pub fn create(&mut self, new: New) -> Result<u64, CannotOpen> {
        let base = self.tip(&new.base).ok_or(CannotOpen::NoBase)?;
        let (fork, head) = match new.fork {
            Some((fork, commit)) => (Some(fork), Oid::from_str(&commit).ok()),
            None => (None, self.tip(&new.head)),
        };
        let head = head.ok_or(CannotOpen::NoHead)?;
        let is_same =
            |pull: &&Pull| (&pull.head, &pull.base, &pull.fork) == (&new.head, &new.base, &fork);
        if let Some(open) = self.open_ones().find(is_same) {
            return Err(CannotOpen::Duplicate(open.number));
        }
        let git = self.git();
        let is_in_base = base == head || git.graph_descendant_of(base, head).unwrap();
        if is_in_base && self.kind.refuses_empty() {
            return Err(CannotOpen::NothingNew);
        }
        let number = self.pulls.len() as u64 + 1;
        let name = format!("refs/pull/{number}/head");
        git.reference(&name, head, true, "opened").unwrap();
        let created = self.tick_of_clock();
        self.pulls.push(Pull {
            number,
            title: new.title,
            body: new.body,
            head: new.head,
            fork,
            head_commit: head.to_string(),
            base: new.base,
            state: State::Open,
            is_draft: new.is_draft,
            labels: BTreeSet::new(),
            assignees: BTreeSet::new(),
            reviewers: BTreeSet::new(),
            reviews: Vec::new(),
            heads: vec![(head.to_string(), created)],
            author: new.author,
            created,
            updated: created,
            ended: None,
            merge_commit: None,
            comments: Vec::new(),
            scheduled: None,
        });
        Ok(number)
    }

    /// As a person opens one from a branch of the repository.
    pub fn open(&mut self, author: &str, head: &str, base: &str, title: &str) -> u64 {
        let [author, head, base, title] = [author, head, base, title].map(str::to_owned);
        let new = New {
            head,
            base,
            title,
            author,
            ..New::default()
        };
        self.create(new).unwrap()
    }

    /// From a branch of a fork that is at a commit which lies in this repository too, as it does
    /// at a forge.
    pub fn open_from_fork(&mut self, fork: &str, head: &str, commit: &str, base: &str) -> u64 {
        let new = New {
            head: head.to_owned(),
            fork: Some((fork.to_owned(), commit.to_owned())),
            base: base.to_owned(),
            title: "from a fork".to_owned(),
            author: "ada".to_owned(),
            ..New::default()
        };
        self.create(new).unwrap()
    }

    /// Closes it without a merge; nothing where it has ended.
    pub fn close(&mut self, number: u64) {
        let now = self.tick_of_clock();
        let pull = self.get_mut(number);
        if pull.state == State::Open {
            pull.state = State::Closed;
            pull.scheduled = None;
            (pull.ended, pull.updated) = (Some(now), now);
        }
    }

    /// Nothing where it is open or merged.
    pub fn reopen(&mut self, number: u64) {
        let now = self.tick_of_clock();
        let pull = self.get_mut(number);
        if pull.state == State::Closed {
            pull.state = State::Open;
            (pull.ended, pull.updated) = (None, now);
        }
    }

    /// Changes something of it.
    pub fn edit(&mut self, number: u64, change: impl FnOnce(&mut Pull)) {
        let now = self.tick_of_clock();
        let pull = self.get_mut(number);
        change(pull);
        pull.updated = now;
    }

    /// Ticks the box whose line holds `text`.
    pub fn tick(&mut self, number: u64, text: &str) {
        self.edit(number, |pull| {
            let ticked = |line: &str| {
                if line.contains(text) {
                    line.replacen("- [ ]", "- [x]", 1)
                } else {
                    line.to_owned()
                }
            };
            let lines: Vec<String> = pull.body.split('\n').map(ticked).collect();
            let body = lines.join("\n");
            assert_ne!(body, pull.body, "there is no box {text:?} to tick");
            pull.body = body;
        });
    }

    /// The repository gets the label where it has none of this name.
    pub fn set_label(&mut self, number: u64, label: &str) {
        self.define_label(label, "ededed");
        self.edit(number, |pull| {
            pull.labels.insert(label.to_owned());
        });
    }

    pub fn define_label(&mut self, label: &str, color: &str) -> u64 {
        if self.label_id(label) == 0 {
            self.labels.push((label.to_owned(), color.to_owned()));
        }
        self.label_id(label)
    }

    pub fn remove_label(&mut self, number: u64, label: &str) {
        self.edit(number, |pull| {
            pull.labels.remove(label);
        });
    }

    /// The remark's number.
    pub fn comment(&mut self, number: u64, author: &str, body: &str) -> u64 {
        let remark = Remark {
            id: self.next_id(),
            author: author.to_owned(),
            body: body.to_owned(),
            created: self.now,
        };
        let id = remark.id;
        self.edit(number, |pull| pull.comments.push(remark));
        id
    }

    pub fn remark_mut(&mut self, id: u64) -> Option<&mut Remark> {
        let mut remarks = self.pulls.iter_mut().flat_map(|pull| &mut pull.comments);
        remarks.find(|remark| remark.id == id)
    }

    /// Whether there was such a remark.
    pub fn remove_remark(&mut self, id: u64) -> bool {
        let is_there = self.remark_mut(id).is_some();
        for pull in &mut self.pulls {
            pull.comments.retain(|remark| remark.id != id);
        }
        is_there
    }

    /// A commit status; the newest of a context counts.
    pub fn set_status(&mut self, commit: &str, context: &str, state: CheckState) {
        self.report(commit, context, state, "", false);
    }

    /// A check run on GitHub, a job on GitLab, a status elsewhere.
    pub fn set_run(&mut self, commit: &str, context: &str, state: CheckState) {
        self.report(commit, context, state, "", true);
    }

    /// A commit status as it is posted.
    pub fn post_status(
        &mut self,
        commit: &str,
        context: &str,
        state: CheckState,
        description: &str,
    ) -> Status {
        self.report(commit, context, state, description, false)
    }

    fn report(
        &mut self,
        commit: &str,
        context: &str,
        state: CheckState,
        description: &str,
        is_run: bool,
    ) -> Status {
        let status = Status {
            id: self.next_id(),
            commit: commit.to_owned(),
            context: context.to_owned(),
            state,
            description: description.to_owned(),
            is_run,
            created: self.tick_of_clock(),
        };
        self.statuses.push(status.clone());
        self.follow_git();
        status
    }

    /// The newest of each context, in the order in which the contexts came.
    pub fn statuses_of(&self, commit: &str) -> Vec<&Status> {
        let mut newest: Vec<&Status> = Vec::new();
        for status in self
            .statuses
            .iter()
            .filter(|status| status.commit == commit)
        {
            match newest
                .iter_mut()
                .find(|known| known.context == status.context)
            {
                Some(known) => *known = status,
                None => newest.push(status),
            }
        }
        newest
    }

    /// All together, as forges sum them up; None without any.
    pub fn checks_of(&self, commit: &str) -> Option<CheckState> {
        let statuses = self.statuses_of(commit);
        let any = |state| statuses.iter().any(|status| status.state == state);
        if statuses.is_empty() {
            None
        } else if any(CheckState::Failing) {
            Some(CheckState::Failing)
        } else if any(CheckState::Pending) {
            Some(CheckState::Pending)
        } else {
            Some(CheckState::Passing)
        }
    }

    pub fn protect(&mut self, branch: &str, rule: Rule) {
        self.rules.insert(branch.to_owned(), rule);
    }

    /// The rule for a branch: its own, else the first pattern that fits.
    pub fn rule_of(&self, branch: &str) -> Option<&Rule> {
        let fits = |pattern: &str| {
            let glob = globset::GlobBuilder::new(pattern)
                .literal_separator(true)
                .build();
            glob.is_ok_and(|glob| glob.compile_matcher().is_match(branch))
        };
        let by_pattern = || self.rules.iter().find(|(pattern, _)| fits(pattern));
        let own = self.rules.get_key_value(branch);
        own.or_else(by_pattern).map(|(_, rule)| rule)
    }
}
