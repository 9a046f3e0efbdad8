//! A promotion and what gates say, in YAML that is pleasant to read.

use headwater::environment::Carry;
use headwater::gate::{Gate, GateFinding, Verdict};
use headwater::plan::Move;
use headwater::plan::promotion::{CarriedCommit, CarriedConfiguration, LostFile, Newer, Promotion};
use headwater::revision::CommitId;
use jiff::Timestamp;
use serde::Deserialize;

use crate::bodies::case::digest;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PromotionCase {
    pub from: String,
    /// Whatever gives a commit when it is hashed, here and below.
    pub commit: String,
    pub entered: Timestamp,
    pub carry: Carry,
    /// Since when the source runs the images, one after another; the rest is not known.
    #[serde(default)]
    pub since: Vec<Timestamp>,
    #[serde(default)]
    pub unchanged: usize,
    /// Commit, author, subject.
    #[serde(default)]
    pub commits: Vec<(String, String, String)>,
    /// Where there are more than are named.
    #[serde(default)]
    pub commit_count: usize,
    #[serde(default)]
    pub paths: Vec<String>,
    /// Path, commit, author.
    #[serde(default)]
    pub lost: Vec<(String, String, String)>,
    #[serde(default)]
    pub newer: Option<NewerCase>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewerCase {
    pub commit: String,
    #[serde(default)]
    pub gates: Vec<GateCase>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateCase {
    pub gate: Gate,
    #[serde(default)]
    pub waits: bool,
    #[serde(default)]
    pub failed: bool,
    #[serde(default)]
    pub until: Option<Timestamp>,
    #[serde(default)]
    pub told: String,
}

impl PromotionCase {
    pub fn promotion(&self, moves: &[Move]) -> Promotion {
        let tags = moves.iter().map(|moved| moved.tag.clone());
        let commits = self
            .commits
            .iter()
            .map(|(seed, author, subject)| CarriedCommit {
                commit: commit(seed),
                author: author.clone(),
                subject: subject.clone(),
            });
        let lost = self.lost.iter().map(|(path, seed, author)| LostFile {
            path: path.parse().unwrap(),
            commit: commit(seed),
            author: author.clone(),
            time: self.entered,
        });
        Promotion {
            wish: None,
            from: self.from.parse().unwrap(),
            commit: commit(&self.commit),
            entered: self.entered,
            carry: self.carry,
            in_source_since: tags.zip(self.since.iter().copied()).collect(),
            unchanged: self.unchanged,
            configuration: CarriedConfiguration {
                commits: commits.collect(),
                commit_count: self.commit_count.max(self.commits.len()),
                paths: self
                    .paths
                    .iter()
                    .map(|path| path.parse().unwrap())
                    .collect(),
            },
            lost: lost.collect(),
            newer: self.newer.as_ref().map(|newer| Newer {
                commit: commit(&newer.commit),
                findings: newer.gates.iter().map(GateCase::finding).collect(),
            }),
        }
    }
}

impl GateCase {
    pub fn finding(&self) -> GateFinding {
        GateFinding {
            gate: self.gate,
            verdict: match (self.waits, self.failed) {
                (true, _) => Verdict::Waits { until: self.until },
                (false, true) => Verdict::Failed,
                (false, false) => Verdict::Passed,
            },
            told: self.told.clone(),
        }
    }
}

pub fn commit(seed: &str) -> CommitId {
    digest(seed).encoded()[..40].parse().unwrap()
}
