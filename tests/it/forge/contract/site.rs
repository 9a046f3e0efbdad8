//! A forge with a repository on it, and the hands of a person.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater::forge::Forge;
use headwater::forge::gitea::Gitea;
use headwater::forge::github::GitHub;
use headwater::forge::gitlab::GitLab;
use headwater::forge::http::{Options, Timeouts, Token};
use headwater::pull_request::{Draft, MergeMethod, Protection, PullRequest};
use headwater::revision::{BranchName, CommitId};
use jiff::Timestamp;
use url::Url;

use crate::support::forge::{CheckState, Kind, Opinion, Rule, STRANGER, TestForge};
use crate::support::git::Repo;

/// What the contract is tried on. The repository's only branch is `main` in the beginning.
pub trait Site {
    fn forge(&self) -> &dyn Forge;
    /// The same forge, asked with another token for another repository of the same owner.
    fn asked_with(&self, token: &str, repository: &str) -> Box<dyn Forge>;
    fn token(&self) -> String;
    fn repository(&self) -> String;
    /// A clone; its `origin` is the repository at the forge.
    fn clone(&self) -> &Repo;
    /// Who the token is of.
    fn account(&self) -> String;
    /// Somebody else, who may review and be assigned.
    fn person(&self) -> String;

    /// The ways of merging that a new repository allows.
    fn merge_methods(&self) -> Vec<MergeMethod> {
        Kind::Gitea.merge_methods()
    }

    /// What the forge tells of a branch: one with this rule, or, where `is_other`, another one of
    /// the repository.
    fn told_of(&self, rule: &Rule, is_other: bool) -> Protection {
        if is_other {
            return Protection::default();
        }
        Protection {
            is_protected: true,
            requires_up_to_date: rule.requires_up_to_date,
            approvals: rule.approvals,
            checks: rule.checks.clone(),
        }
    }

    fn assignees(&self, number: u64) -> BTreeSet<String>;
    fn reviewers(&self, number: u64) -> BTreeSet<String>;
    fn close(&self, number: u64);
    fn reopen(&self, number: u64);
    fn merge(&self, number: u64, method: MergeMethod);
    fn comment(&self, number: u64, body: &str);
    /// By the person, who may.
    fn approve(&self, number: u64) {
        self.review(number, Opinion::Approves);
    }
    /// By the person.
    fn review(&self, number: u64, opinion: Opinion);
    /// Tried by somebody who may only read.
    fn approve_as_stranger(&self, number: u64);
    /// What the person has approved, by somebody who may.
    fn dismiss(&self, number: u64);
    fn merged_at(&self, number: u64) -> Timestamp;
    /// Of the newest status of this context.
    fn description_of(&self, commit: CommitId, context: &str) -> String;
    /// Ticks the box whose line holds `text`.
    fn tick(&self, number: u64, text: &str);
    /// From a branch of the repository to `main`, by the person; its number.
    fn open_as_person(&self, head: &str) -> u64;
    fn set_label(&self, number: u64, label: &str);
    fn set_status(&self, commit: CommitId, context: &str, state: CheckState);
    /// A check run or a job, where the forge tells them from statuses.
    fn set_run(&self, commit: CommitId, context: &str, state: CheckState) {
        self.set_status(commit, context, state);
    }
    fn protect(&self, branch: &str, rule: Rule);
    /// From a branch of this name in somebody's fork, at what the clone has there, to `main`.
    fn open_from_fork(&self, branch: &str);

    /// What was done that must not be.
    fn violations(&self) -> Vec<String>;
}

/// A test forge.
pub struct TestSite {
    pub test_forge: TestForge,
    kind: Kind,
    forge: Box<dyn Forge>,
    clone: Repo,
    _bare: Repo,
    pauses: Pauses,
}

/// What the client waited for, without waiting.
type Pauses = Arc<Mutex<Vec<Duration>>>;

impl TestSite {
    pub fn start(kind: Kind) -> Self {
        let seed = Repo::init();
        seed.commit_files(&[("shared.txt", "as it was\n")], "begin");
        let bare = seed.bare_clone();
        let clone = bare.clone();
        let test_forge = TestForge::start(kind, bare.path());
        let pauses = Pauses::default();
        let options = options(test_forge.api(), test_forge.token(), &pauses);
        Self {
            forge: client(kind, options, "shop"),
            kind,
            test_forge,
            clone,
            _bare: bare,
            pauses,
        }
    }

    /// In seconds, those that are longer than what lies between two writes.
    pub fn long_pauses(&self) -> Vec<u64> {
        let pauses = self.pauses.lock().unwrap();
        let seconds = pauses.iter().map(Duration::as_secs);
        seconds.filter(|seconds| *seconds > 1).collect()
    }
}

fn client(kind: Kind, options: Options, repository: &str) -> Box<dyn Forge> {
    match kind {
        Kind::Gitea | Kind::Forgejo => Box::new(Gitea::new(options, "acme", repository).unwrap()),
        Kind::GitHub => Box::new(GitHub::new(options, "acme", repository).unwrap()),
        Kind::GitLab => Box::new(GitLab::new(options, &format!("acme/{repository}")).unwrap()),
    }
}

fn options(api: Url, token: &str, pauses: &Pauses) -> Options {
    let pauses = Arc::clone(pauses);
    Options {
        pause: Arc::new(move |pause| pauses.lock().unwrap().push(pause)),
        tally: Arc::default(),
        ..plain_options(api, token)
    }
}

pub fn plain_options(api: Url, token: &str) -> Options {
    Options {
        base: api,
        allows_plain: true,
        token: Token::Value(token.into()),
        ca_files: Vec::new(),
        user_agent: "headwater".to_owned(),
        timeouts: Timeouts::default(),
        now: Arc::new(Timestamp::now),
        pause: Arc::new(std::thread::sleep),
        tally: Arc::default(),
    }
}

impl Site for TestSite {
    fn forge(&self) -> &dyn Forge {
        &*self.forge
    }

    fn asked_with(&self, token: &str, repository: &str) -> Box<dyn Forge> {
        let options = options(self.test_forge.api(), token, &self.pauses);
        client(self.kind, options, repository)
    }

    fn token(&self) -> String {
        self.test_forge.token().to_owned()
    }

    fn repository(&self) -> String {
        "shop".to_owned()
    }

    fn clone(&self) -> &Repo {
        &self.clone
    }

    fn account(&self) -> String {
        "headwater-bot".to_owned()
    }

    fn person(&self) -> String {
        "ada".to_owned()
    }

    fn merge_methods(&self) -> Vec<MergeMethod> {
        self.kind.merge_methods()
    }

    fn told_of(&self, rule: &Rule, is_other: bool) -> Protection {
        let told = Protection {
            is_protected: !is_other,
            requires_up_to_date: rule.requires_up_to_date,
            approvals: if is_other { 0 } else { rule.approvals },
            checks: rule.checks.clone(),
        };
        match self.kind {
            // The project demands both for all its branches, and of no check by name.
            Kind::GitLab => Protection {
                checks: texts(&["pipeline"]),
                ..told
            },
            _ if is_other => Protection::default(),
            _ => told,
        }
    }

    fn assignees(&self, number: u64) -> BTreeSet<String> {
        self.test_forge
            .model()
            .pull_request(number)
            .assignees
            .clone()
    }

    fn reviewers(&self, number: u64) -> BTreeSet<String> {
        self.test_forge
            .model()
            .pull_request(number)
            .reviewers
            .clone()
    }

    fn close(&self, number: u64) {
        self.test_forge.model().close(number);
    }

    fn reopen(&self, number: u64) {
        self.test_forge.model().reopen(number);
    }

    fn merge(&self, number: u64, method: MergeMethod) {
        self.test_forge.model().merge(number, method).unwrap();
    }

    fn comment(&self, number: u64, body: &str) {
        self.test_forge.model().comment(number, "ada", body);
    }

    fn review(&self, number: u64, opinion: Opinion) {
        self.test_forge.model().review(number, "ada", opinion);
    }

    fn approve_as_stranger(&self, number: u64) {
        self.test_forge.model().approve(number, STRANGER);
    }

    fn dismiss(&self, number: u64) {
        self.test_forge.model().dismiss(number, "ada");
    }

    fn merged_at(&self, number: u64) -> Timestamp {
        self.test_forge.model().pull_request(number).ended.unwrap()
    }

    fn description_of(&self, commit: CommitId, context: &str) -> String {
        let model = self.test_forge.model();
        let statuses = model.statuses_of(&commit.to_string());
        let mut statuses = statuses.into_iter();
        let status = statuses.find(|it| it.context == context).unwrap();
        status.description.clone()
    }

    fn tick(&self, number: u64, text: &str) {
        self.test_forge.model().tick(number, text);
    }

    fn open_as_person(&self, head: &str) -> u64 {
        self.test_forge.model().open("ada", head, "main", "by hand")
    }

    fn set_run(&self, commit: CommitId, context: &str, state: CheckState) {
        let commit = commit.to_string();
        self.test_forge.model().set_run(&commit, context, state);
    }

    fn set_label(&self, number: u64, label: &str) {
        self.test_forge.model().set_label(number, label);
    }

    fn set_status(&self, commit: CommitId, context: &str, state: CheckState) {
        let commit = commit.to_string();
        self.test_forge.model().set_status(&commit, context, state);
    }

    fn protect(&self, branch: &str, rule: Rule) {
        self.test_forge.model().protect(branch, rule);
    }

    fn open_from_fork(&self, branch: &str) {
        let commit = self.clone.rev(branch);
        let place = format!("{branch}:refs/forks/ada/{branch}");
        self.clone.git(&["push", "-q", "origin", &place]);
        let mut model = self.test_forge.model();
        model.open_from_fork("ada/shop", branch, &commit, "main");
    }

    fn violations(&self) -> Vec<String> {
        self.test_forge.violations()
    }
}

/// Makes a branch from `main` with one commit that writes `name` into `file`, and pushes it.
pub fn branch_with(site: &dyn Site, name: &str, file: &str) -> CommitId {
    let commit = local_branch(site, name, file);
    site.clone().git(&["push", "-q", "origin", name]);
    commit
}

/// The same, with a file of its own.
pub fn branch(site: &dyn Site, name: &str) -> CommitId {
    branch_with(site, name, &format!("{}.txt", name.replace('/', "-")))
}

/// The same without the push.
pub fn local_branch(site: &dyn Site, name: &str, file: &str) -> CommitId {
    let clone = site.clone();
    clone.git(&["checkout", "-q", "-B", name, "origin/main"]);
    commit(site, file, &format!("{name}\n"))
}

/// One more commit on the branch that is checked out.
pub fn commit(site: &dyn Site, file: &str, content: &str) -> CommitId {
    let message = format!("change {file}\n\nSigned-Story: yes");
    let commit = site.clone().commit_files(&[(file, content)], &message);
    commit.parse().unwrap()
}

/// One more commit on it, pushed.
pub fn push_more(site: &dyn Site, branch: &str) -> CommitId {
    site.clone().git(&["checkout", "-q", branch]);
    let more = commit(site, "more.txt", &format!("{branch}\n"));
    site.clone().git(&["push", "-q", "origin", branch]);
    more
}

/// What the forge has at a branch now.
pub fn fetched(site: &dyn Site, branch: &str) -> String {
    site.clone().git(&["fetch", "-q", "origin"]);
    format!("origin/{branch}")
}

pub fn name(branch: &str) -> BranchName {
    branch.parse().unwrap()
}

/// A pull request to `main` as it is wanted.
pub fn draft(head: &str) -> Draft {
    Draft {
        head: name(head),
        base: name("main"),
        title: format!("pin {head}"),
        body: format!("What `{head}` is for.\n\n- [ ] a box"),
        labels: BTreeSet::new(),
        reviewers: BTreeSet::new(),
        assignees: BTreeSet::new(),
        is_draft: false,
    }
}

/// Opens one from a branch that is there, without any warning.
pub fn opened(site: &dyn Site, head: &str) -> PullRequest {
    let opened = site.forge().open(&draft(head)).unwrap();
    assert!(opened.warnings.is_empty(), "{:?}", opened.warnings);
    opened.pull_request
}

/// As it is among those of its branch.
pub fn now(site: &dyn Site, pull: &PullRequest) -> PullRequest {
    let all = site.forge().pull_requests_of(&pull.head).unwrap();
    let found = all.into_iter().find(|other| other.number == pull.number);
    found.expect("it is among those of its branch")
}

pub fn texts(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(ToString::to_string).collect()
}
