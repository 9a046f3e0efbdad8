//! Which commit of a source environment is taken.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::environment::{Carry, Environment, EnvironmentName};
use crate::gate::GateFinding;
use crate::plan::promotion::{CarriedConfiguration, LostFile, Newer, Wish};
use crate::plan::waiting::{Gated, Reason, Waiting};
use crate::problem::Problem;
use crate::resolve::{Outcome, TagState};
use crate::revision::CommitId;
use crate::stream::{ImageStream, StreamTagName, TagSource, counterpart};

/// What was chosen of one source environment.
#[derive(Clone, Debug)]
pub struct Choice {
    pub from: EnvironmentName,
    pub carry: Carry,
    /// Where somebody asked for just this.
    pub wish: Option<Wish>,
    pub chosen: Option<Chosen>,
    /// The newest commit, where another one or none was chosen.
    pub newer: Option<Newer>,
    /// When time alone changes what the gates say of any commit that was looked at.
    pub next_change: Option<Timestamp>,
    /// The source's streams at its tip.
    pub now: Vec<ImageStream>,
    /// They at [`base`](Self::base), where a merge is to bring what was removed since.
    pub before: Vec<ImageStream>,
    /// What was brought before, and was taken out since.
    pub lost: Vec<LostFile>,
    /// Beside images.
    pub configuration: CarriedConfiguration,
    /// The newest commit of the source that the target has already.
    pub base: Option<CommitId>,
    /// What was chosen cannot be merged: an open promotion stays as it is.
    pub is_undecided: bool,
}

/// The commit that is taken.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub commit: CommitId,
    /// When it entered the source environment.
    pub entered: Timestamp,
    /// The source's streams there.
    pub streams: Vec<ImageStream>,
    /// What the gates say that choose; some are not passed where an open promotion is kept.
    pub findings: Vec<GateFinding>,
}

impl Chosen {
    pub fn passes(&self) -> bool {
        self.findings.iter().all(GateFinding::is_passed)
    }
}

/// The stream tags of another environment that `streams` take their images from.
///
/// By `promotedFrom` the tags of streams of the same name, unless they name a stream of another
/// environment themselves; by links those that they name.
pub fn source_tags(
    environment: &Environment,
    streams: &[ImageStream],
    source: &EnvironmentName,
    source_streams: &[ImageStream],
) -> Vec<(StreamTagName, StreamTagName)> {
    let is_promoted = environment
        .promotion
        .as_ref()
        .is_some_and(|promotion| promotion.from == *source);
    let mut found = Vec::new();
    for stream in streams {
        let same = counterpart(source_streams, &stream.name).filter(|_| is_promoted);
        let mut linked = BTreeSet::new();
        for tag in &stream.tags {
            let TagSource::StreamTag(from) = &tag.source else {
                continue;
            };
            if from.stream == stream.name {
                continue;
            }
            linked.insert(tag.name.as_str());
            let is_own = streams.iter().any(|own| own.name == from.stream);
            if !is_own && source_streams.iter().any(|other| other.name == from.stream) {
                found.push((name(stream, &tag.name), from.clone()));
            }
        }
        let Some(same) = same else { continue };
        let recorded = same.status.iter().map(|status| status.tag.as_str());
        let tags: BTreeSet<&str> = recorded
            .chain(same.tags.iter().map(|tag| tag.name.as_str()))
            .filter(|tag| !linked.contains(tag))
            .filter(|tag| {
                let has = stream.tag(tag).is_some() || !stream.history(tag).is_empty();
                has || same.tag(tag).is_none()
            })
            .collect();
        found.extend(
            tags.into_iter()
                .map(|tag| (name(stream, tag), name(same, tag))),
        );
    }
    found
}

fn name(stream: &ImageStream, tag: &str) -> StreamTagName {
    StreamTagName {
        stream: stream.name.clone(),
        tag: tag.to_owned(),
    }
}

impl Choice {
    /// The stream tags whose newest image in the source is not the one that they have or are about
    /// to get, each with the gates that it waits for.
    pub fn waiting(&self, tags: &[TagState]) -> Vec<Waiting> {
        let Some(newer) = &self.newer else {
            return Vec::new();
        };
        let reason = Reason::Gated(Gated {
            from: Some((self.from.clone(), newer.commit)),
            findings: newer.findings.clone(),
        });
        let waits = |state: &&TagState| {
            let from = state.promoted_from.as_ref();
            let Some(from) = from.filter(|from| from.environment == self.from) else {
                return false;
            };
            let stream = self.now.iter().find(|other| other.name == from.tag.stream);
            let newest = stream.and_then(|stream| stream.history(&from.tag.tag).first());
            let planned = state.image().and_then(|image| image.digest);
            newest.is_some_and(|item| planned.is_none_or(|digest| item.image != digest.as_str()))
        };
        let waiting = tags.iter().filter(waits);
        waiting
            .map(|state| Waiting::stream_tag(&state.name, &state.place, reason.clone()))
            .collect()
    }

    /// What waits where no stream tag does, since nothing but configuration would come along.
    pub(crate) fn told_alone(&self, target: &EnvironmentName) -> Option<Problem> {
        let newer = self.newer.as_ref()?;
        let is_news = self.carry == Carry::Merge && self.base != Some(newer.commit);
        // Beside what is chosen it is told of there; what is here already brings nothing.
        let brings = |chosen: &Chosen| self.base != Some(chosen.commit);
        if !is_news || self.chosen.as_ref().is_some_and(brings) || self.is_undecided {
            return None;
        }
        let reason = Gated {
            from: None,
            findings: newer.findings.clone(),
        };
        let (commit, from) = (newer.commit.short(), &self.from);
        let message = format!("{commit} of {from} to {target}: {reason}");
        Some(Problem::note(None, message))
    }

    /// How many of the stream tags that come from here have its image already.
    pub(crate) fn unchanged(&self, tags: &[TagState]) -> usize {
        let own = tags.iter().filter(|state| {
            let from = state.promoted_from.as_ref();
            from.is_some_and(|from| from.environment == self.from)
        });
        own.filter(|state| match (&state.outcome, state.recorded_digest()) {
            (Outcome::Linked(digest), Some(recorded)) => *digest == recorded,
            _ => false,
        })
        .count()
    }
}
