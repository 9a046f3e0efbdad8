//! What is kept of a repository between its passes.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::config::serve::RepositorySettings;
use crate::serve::answers::{Answers, Source};
use crate::serve::counts::StreamLook;
use crate::serve::gathered::{FollowedTag, Gathered};
use crate::serve::pass::Looked;
use crate::serve::schedule::hash;

/// A repository's own memory between passes.
#[derive(Debug)]
pub struct Worker {
    pub settings: RepositorySettings,
    pub answers: Answers,
    /// A hash of what is known.
    pub known: Option<String>,
    pub shortest: Option<Duration>,
    pub followed: Vec<FollowedTag>,
}

impl Worker {
    pub fn new(settings: &RepositorySettings) -> Self {
        Self {
            settings: settings.clone(),
            answers: Answers::at_phase(hash(&settings.name)),
            known: None,
            shortest: None,
            followed: Vec::new(),
        }
    }

    /// From what a pass has read.
    pub fn learn(&mut self, gathered: &Gathered) {
        self.answers.interval = gathered.interval;
        self.answers.own.clone_from(&gathered.own);
        self.shortest = gathered.shortest;
        self.followed.clone_from(&gathered.followed_tags);
        let kept: BTreeSet<&Source> = self.followed.iter().map(|tag| &tag.source).collect();
        self.answers
            .succeeded
            .retain(|source, _| kept.contains(source));
    }

    /// How it stands with what is followed.
    pub fn looks(&self, now: Timestamp, millis: u64) -> Vec<StreamLook> {
        let looks = self.followed.iter().map(|tag| {
            let seen = self.answers.succeeded.get(&tag.source).and_then(|at| {
                let ago = i64::try_from(millis.saturating_sub(*at)).ok()?;
                now.checked_sub(SignedDuration::from_millis(ago)).ok()
            });
            StreamLook {
                environment: tag.environment.clone(),
                stream: tag.stream.clone(),
                last_success: seen.max(tag.looked),
            }
        });
        looks.collect()
    }

    /// When a pass has to be made whatever the interval says: a gate that changes by itself, a tag with
    /// a shorter interval, a budget that is free again.
    pub fn wake(&self, looked: Option<&Looked>, now: Timestamp, millis: u64) -> Option<u64> {
        let change = looked.and_then(|looked| looked.next_change).map(|change| {
            let wait = now.until(change).map_or(0, |span| {
                let seconds = span.total(jiff::Unit::Second).unwrap_or_default();
                seconds.max(0.0) as u64
            });
            // Once it has come, and not just before.
            millis.saturating_add(wait.saturating_add(1).saturating_mul(1_000))
        });
        let images = (!self.answers.interval.is_zero()).then(|| self.answers.next_turn(millis));
        let own = self.shortest.map(|interval| {
            millis.saturating_add(u64::try_from(interval.as_millis()).unwrap_or(u64::MAX))
        });
        [change, images, own, self.answers.waits_until]
            .into_iter()
            .flatten()
            .min()
    }
}
