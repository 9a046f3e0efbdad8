//! Promotions: which commit of the source environment is taken, and what comes along.

mod carried;
mod check;
#[cfg(test)]
mod check_tests;
mod choice;
mod own_bytes;
#[cfg(test)]
mod own_bytes_tests;
mod report;
#[cfg(test)]
mod trailer_tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::environment::{Carry, EnvironmentName};
use crate::gate::GateFinding;
use crate::plain::plain;
use crate::plan::due::Move;
use crate::plan::trailer::{
    PROMOTED_BY, PROMOTED_CARRY, PROMOTED_COMMIT, PROMOTED_FROM, PROMOTED_ONLY,
};
use crate::resolve::TagState;
use crate::revision::CommitId;
use crate::snapshot::FilePath;
use crate::stream::StreamTagName;

pub(crate) use carried::composed;
pub use carried::{CarriedPart, CarriedTree};
pub(crate) use check::fault;
pub use choice::{Choice, Chosen, source_tags};
pub use own_bytes::{Version, needed_files, rewritten};
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
    /// Where somebody asked for just this.
    pub wish: Option<Wish>,
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

impl Promotion {
    pub fn promoted(&self) -> Promoted {
        Promoted {
            from: self.from.clone(),
            commit: self.commit,
            carry: self.carry,
            wish: self.wish.clone(),
        }
    }

    /// Of what was chosen for these moves; none where nothing was.
    pub(crate) fn new(choice: &Choice, moves: &[Move], tags: &[TagState]) -> Option<Self> {
        let chosen = choice.chosen.as_ref()?;
        let since = moves.iter().filter_map(|moved| {
            let from = &moved.promotion()?.tag;
            let stream = chosen.streams.iter().find(|one| one.name == from.stream)?;
            let item = stream.history(&from.tag).first()?;
            Some((moved.tag.clone(), item.created.parse().ok()?))
        });
        Some(Self {
            from: choice.from.clone(),
            commit: chosen.commit,
            entered: chosen.entered,
            carry: choice.carry,
            wish: choice.wish.clone(),
            in_source_since: since.collect(),
            unchanged: choice.unchanged(tags),
            configuration: choice.configuration.clone(),
            lost: choice.lost.clone(),
            newer: choice.newer.clone(),
        })
    }
}

/// What a commit says that it promotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promoted {
    pub from: EnvironmentName,
    pub commit: CommitId,
    pub carry: Carry,
    /// None: by the environment's rules.
    pub wish: Option<Wish>,
}

/// That somebody asked for just this promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub by: String,
    /// Streams or stream tags, as typed; empty: all.
    pub only: Vec<String>,
}

impl Wish {
    /// Whether a stream tag is asked for.
    pub fn names(&self, tag: &StreamTagName) -> bool {
        let is_named = |wanted: &String| {
            let (namespace, rest) = match wanted.split_once('/') {
                Some((namespace, rest)) => (Some(namespace), rest),
                None => (None, wanted.as_str()),
            };
            let (name, wanted_tag) = match rest.split_once(':') {
                Some((name, tag)) => (name, Some(tag)),
                None => (rest, None),
            };
            name == tag.stream.name
                && namespace.is_none_or(|namespace| namespace == tag.stream.namespace)
                && wanted_tag.is_none_or(|wanted| wanted == tag.tag)
        };
        self.only.is_empty() || self.only.iter().any(is_named)
    }
}

impl Promoted {
    /// The trailers by which it is found again.
    pub fn trailers(&self) -> String {
        let mut text = format!(
            "{PROMOTED_FROM}: {}\n{PROMOTED_COMMIT}: {}\n{PROMOTED_CARRY}: {}\n",
            self.from,
            self.commit,
            self.carry.name()
        );
        if let Some(wish) = &self.wish {
            text.push_str(&format!("{PROMOTED_BY}: {}\n", plain(&wish.by)));
            for only in &wish.only {
                text.push_str(&format!("{PROMOTED_ONLY}: {}\n", plain(only)));
            }
        }
        text
    }
}

/// Reads [`Promoted::trailers`] of the last promotion in a message.
pub fn promoted(message: &str) -> Option<Promoted> {
    all_promoted(message).pop()
}

/// Reads [`Promoted::trailers`] wherever they stand in a message: a squash puts several messages
/// into one, those of the source's own promotions too. Only lines that stand together are of one
/// promotion.
pub fn all_promoted(message: &str) -> Vec<Promoted> {
    if !message.contains(PROMOTED_FROM) {
        return Vec::new();
    }
    let lines: Vec<&str> = message.lines().collect();
    let starts = (0..lines.len()).filter_map(|start| lines.get(start..));
    starts.filter_map(read_trailers).collect()
}

/// The trailers that these lines begin with.
fn read_trailers(lines: &[&str]) -> Option<Promoted> {
    let [from, commit, carry, rest @ ..] = lines else {
        return None;
    };
    let by = rest.first().and_then(|line| value_of(line, PROMOTED_BY));
    let only = rest.iter().skip(1);
    let only = only.map_while(|line| value_of(line, PROMOTED_ONLY));
    Some(Promoted {
        from: value_of(from, PROMOTED_FROM)?.parse().ok()?,
        commit: value_of(commit, PROMOTED_COMMIT)?.parse().ok()?,
        carry: match value_of(carry, PROMOTED_CARRY)? {
            "merge" => Carry::Merge,
            "pins" => Carry::Pins,
            _ => return None,
        },
        wish: by.map(|by| Wish {
            by: by.to_owned(),
            only: only.map(str::to_owned).collect(),
        }),
    })
}

fn value_of<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    Some(line.strip_prefix(key)?.strip_prefix(": ")?.trim())
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
