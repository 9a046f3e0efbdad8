//! Images that an environment has had since the one that its target has: a promotion may choose any
//! of them, also one that its status has lost meanwhile.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::environment::Carry;
use crate::image::Digest;
use crate::manifest::Manifests;
use crate::stream::{ImageStream, StreamTagName, TagEvent, counterpart, is_ambiguous};

/// By environment and stream tag.
#[derive(Clone, Debug, Default)]
pub struct Trails {
    trails: BTreeMap<(String, StreamTagName), Trail>,
}

/// What a stream tag has had, with the first and the last time at which it came; none where that
/// cannot be read.
type Trail = BTreeMap<Digest, Option<(Timestamp, Timestamp)>>;

impl Trails {
    pub fn record(&mut self, environment: &str, tag: StreamTagName, item: &TagEvent) {
        let Ok(digest) = item.image.parse::<Digest>() else {
            return;
        };
        let time = item.created.parse::<Timestamp>().ok();
        let key = (environment.to_owned(), tag);
        let trail = self.trails.entry(key).or_default();
        let known = trail.entry(digest).or_insert(time.map(|time| (time, time)));
        *known = known
            .zip(time)
            .map(|((first, last), time)| (first.min(time), last.max(time)));
    }

    /// What `target` may still take of a source's stream, with the tag that has had it.
    pub fn ahead(
        &self,
        source: &str,
        stream: &ImageStream,
        target: &Manifests,
        carry: Carry,
    ) -> Vec<(Digest, StreamTagName)> {
        let own = self
            .trails
            .iter()
            .filter(|((environment, tag), _)| environment == source && tag.stream == stream.name);
        let counterpart = counterpart(&target.streams, &stream.name);
        let is_unclear = is_ambiguous(&target.streams, &stream.name);
        let mut ahead = Vec::new();
        for ((_, tag), trail) in own {
            let has_tag = counterpart
                .is_some_and(|it| it.tag(&tag.tag).is_some() || !it.history(&tag.tag).is_empty());
            // Pins alone come to what is there.
            if carry == Carry::Pins && !has_tag && !is_unclear {
                continue;
            }
            let newest = counterpart.and_then(|it| it.history(&tag.tag).first());
            let digest = newest.and_then(|item| item.image.parse::<Digest>().ok());
            let since = digest.and_then(|it| trail.get(&it).copied().flatten());
            let since = since.map(|(first, _)| first);
            let is_ahead = |times: &Option<(Timestamp, Timestamp)>| match (times, since) {
                (Some((_, last)), Some(since)) => *last >= since,
                _ => true,
            };
            let found = trail.iter().filter(|(_, times)| is_ahead(times));
            ahead.extend(found.map(|(digest, _)| (digest.clone(), tag.clone())));
        }
        ahead
    }
}
