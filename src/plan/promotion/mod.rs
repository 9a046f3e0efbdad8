//! Promotions: which commit of the source environment is taken, and what comes along.

mod report;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::environment::{Carry, EnvironmentName};
use crate::gate::GateFinding;
use crate::revision::CommitId;
use crate::snapshot::FilePath;
use crate::stream::StreamTagName;

pub use report::{GateReport, PromotionReport, write};

/// What a proposal brings from another environment, as it is told to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    pub from: EnvironmentName,
    /// The source environment's commit whose images are taken.
    pub commit: CommitId,
    /// When that commit entered the source environment.
    pub entered: Timestamp,
    pub carry: Carry,
    /// When the source environment came to the image of each stream tag that moves, by the
    /// target's stream tag.
    pub in_source_since: BTreeMap<StreamTagName, Timestamp>,
    /// How many stream tags that come from the source have its image already.
    pub unchanged: usize,
    /// What comes along beside images; with [`Carry::Pins`], what differs and does not.
    pub configuration: CarriedConfiguration,
    /// What was brought before, was taken out of the target since, and does not come back with
    /// this.
    pub lost: Vec<LostFile>,
    /// The newest commit of the source environment, where that is another.
    pub newer: Option<Newer>,
}

/// Changes beside images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CarriedConfiguration {
    /// Newest first, some of them.
    pub commits: Vec<CarriedCommit>,
    pub commit_count: usize,
    /// Files with changes beside the bot's own bytes, by path.
    pub paths: Vec<FilePath>,
}

/// A commit of the source environment that comes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedCommit {
    pub commit: CommitId,
    pub author: String,
    pub subject: String,
}

/// A file that a promotion brought and somebody took back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostFile {
    pub path: FilePath,
    /// The commit that took it back, its author and time.
    pub commit: CommitId,
    pub author: String,
    pub time: Timestamp,
}

/// A newer commit of the source environment, and why it is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newer {
    pub commit: CommitId,
    /// Gates that it does not pass; empty where an older one is kept because its pull request has
    /// an approval or waits for a window.
    pub findings: Vec<GateFinding>,
}
