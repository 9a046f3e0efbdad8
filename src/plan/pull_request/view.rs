//! The forge's pull requests of a Git repository, as far as they were asked for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::image::Digest;
use crate::plan::pull_request::marker::{ImageKey, Marker};
use crate::plan::pull_request::ticks;
use crate::pull_request::{Checks, PullRequest, State};
use crate::revision::{BranchName, CommitId};
use crate::stream::StreamTagName;

/// On a closed pull request: what it proposed may be proposed again.
pub const PROPOSE_AGAIN: &str = "propose-again";
/// On an open one, as Renovate names them: make its branch anew.
pub const REBASE: &str = "rebase";
/// Leave its branch and its text as they are.
pub const STOP_UPDATING: &str = "stop-updating";
/// Make its branch anew whenever it is behind.
pub const KEEP_UPDATED: &str = "keep-updated";

/// What is known of the pull requests of the bot's branches.
#[derive(Clone, Debug, Default)]
pub struct ForgeView {
    /// Why the forge cannot be asked now: then what is open is not known.
    pub outage: Option<String>,
    /// From the bot's branches, oldest first.
    pub open: Vec<PullRequest>,
    /// Branches whose ended pull requests are known, with a hash of those.
    asked: BTreeMap<BranchName, String>,
    declined: BTreeMap<ImageKey, Declined>,
    /// Base branches that demand of a pull request to have their newest commit; known where the
    /// base is in it.
    pub demands: BTreeMap<BranchName, bool>,
    /// Who approves an open pull request, or why that cannot be told; by its number.
    pub approvals: BTreeMap<u64, Result<BTreeSet<String>, String>>,
    /// What the forge's checks say of a commit, by name, or why that cannot be told.
    pub checks: BTreeMap<CommitId, Result<BTreeMap<String, Checks>, String>>,
    /// When a merged pull request brought a commit into the branch that it is on, or why that
    /// cannot be told; none: none did.
    pub entered: BTreeMap<CommitId, Result<Option<Timestamp>, String>>,
    /// What the bot's marks are authenticated with.
    pub marker_key: Option<Vec<u8>>,
}

/// The pull request that somebody closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    pub number: u64,
    pub url: String,
}

impl ForgeView {
    /// The open pull request of a branch; into `base`, where there are several.
    pub fn open_of(&self, branch: &BranchName, base: &BranchName) -> Option<&PullRequest> {
        let mut of_branch = self.open.iter().filter(|open| open.head == *branch);
        let first = of_branch.clone().next();
        of_branch.find(|open| open.base == *base).or(first)
    }

    /// None where nobody was asked.
    pub fn approvals_of(&self, number: u64) -> Result<Option<&BTreeSet<String>>, &str> {
        match self.approvals.get(&number) {
            Some(Ok(approvals)) => Ok(Some(approvals)),
            Some(Err(why)) => Err(why),
            None => Ok(None),
        }
    }

    pub fn is_asked(&self, branch: &BranchName) -> bool {
        self.asked.contains_key(branch)
    }

    pub fn asked_branches(&self) -> impl Iterator<Item = &BranchName> {
        self.asked.keys()
    }

    /// Remembers that the pull requests of a branch are these.
    pub fn note(&mut self, branch: &BranchName, pull_requests: &[PullRequest]) {
        self.asked.insert(branch.clone(), hash_of(pull_requests));
    }

    /// A hash of everything that is known of the forge.
    pub fn fingerprint(&self) -> String {
        let text = format!(
            "{:?} {} {:?} {:?} {:?} {:?}",
            self.outage,
            hash_of(&self.open),
            self.asked,
            self.demands,
            self.approvals,
            self.checks,
        );
        Digest::of(text.as_bytes()).to_string()
    }

    /// Takes in the pull requests of a branch in any state. `images` are those that the branch
    /// would propose now.
    pub fn learn(
        &mut self,
        branch: &BranchName,
        pull_requests: &[PullRequest],
        images: &BTreeSet<ImageKey>,
    ) {
        self.note(branch, pull_requests);
        let all = Marker::of_images(images.iter().cloned());
        for closed in pull_requests {
            if closed.state != State::Closed {
                continue;
            }
            let Some(marker) = self.refusal(closed) else {
                continue;
            };
            let keys = match marker.images == all {
                true => images,
                false => &marker.images,
            };
            for key in keys {
                self.declined
                    .entry(key.clone())
                    .or_insert_with(|| Declined {
                        number: closed.number,
                        url: closed.url.clone(),
                    });
            }
        }
    }

    /// Who declined an image, as far as was asked.
    pub fn declined(&self, image: &ImageKey) -> Option<&Declined> {
        self.declined.get(image)
    }

    /// The mark of a pull request that declines what it proposes once somebody has closed it; none
    /// where it declines nothing.
    pub fn refusal(&self, pull_request: &PullRequest) -> Option<Marker> {
        let is_revived = pull_request.labels.contains(PROPOSE_AGAIN);
        let marker = self.marker(pull_request)?;
        (!is_revived && !marker.ended).then_some(marker)
    }

    pub fn marker(&self, pull_request: &PullRequest) -> Option<Marker> {
        let key = self.marker_key.as_deref();
        Marker::read(&pull_request.body, &pull_request.head, key).marker
    }

    /// The stream tags of an environment that somebody wants to be held, and who: ticked on a pull
    /// request, or written by one that is open. `prefix` is that of the environment's branches.
    pub fn holds(&self, prefix: &str) -> BTreeMap<StreamTagName, String> {
        let mut holds = BTreeMap::new();
        let open = self.open.iter();
        for open in open.filter(|open| open.head.as_str().starts_with(prefix)) {
            let ticked = ticks(&open.body).hold.into_iter();
            for tag in ticked {
                let by = || format!("pull request #{}", open.number);
                holds.entry(tag).or_insert_with(by);
            }
        }
        for written in self.open.iter().filter_map(|open| self.marker(open)?.hold) {
            holds.extend(StreamTagName::parse(&written.tag, "").map(|tag| (tag, written.by)));
        }
        holds
    }

    /// The base that each open pull request's branch was built on.
    pub fn bases(&self) -> BTreeMap<BranchName, CommitId> {
        let open = self.open.iter();
        open.filter_map(|open| Some((open.head.clone(), self.marker(open)?.base?)))
            .collect()
    }
}

fn hash_of(pull_requests: &[PullRequest]) -> String {
    Digest::of(format!("{pull_requests:?}").as_bytes()).to_string()
}
