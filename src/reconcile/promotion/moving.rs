//! The images that a promotion would move.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::environment::Carry;
use crate::gate::{Gate, GateFinding, Verdict};
use crate::image::Digest;
use crate::plan::promotion::source_tags;
use crate::reconcile::promotion::asking::Image;
use crate::reconcile::promotion::choose::Side;
use crate::stream::{ImageStream, StreamTagName, counterpart};

/// An image that would move.
pub struct Moving {
    pub source: StreamTagName,
    pub digest: Digest,
    pub image: Image,
}

/// The images that would move to the target, none of those that it rejects.
pub fn moving(
    target: &Side<'_>,
    source: &Side<'_>,
    streams: &[ImageStream],
    now: Timestamp,
) -> Vec<Moving> {
    let environment = &target.subject.environment;
    let holds = crate::plan::holds(target.streams(), target.name(), now);
    let mut tags = source_tags(environment, target.streams(), source.name(), streams);
    let promotion = environment.promotion.as_ref();
    let is_merged =
        promotion.is_some_and(|it| it.from == *source.name() && it.carry == Carry::Merge);
    if is_merged {
        // Streams that come new with the merge.
        let new = streams
            .iter()
            .filter(|stream| counterpart(target.streams(), &stream.name).is_none());
        tags.extend(new.flat_map(|stream| {
            let own = stream.status.iter().map(|status| StreamTagName {
                stream: stream.name.clone(),
                tag: status.tag.clone(),
            });
            own.map(|tag| (tag.clone(), tag)).collect::<Vec<_>>()
        }));
    }
    let found = tags.into_iter().filter_map(|(own, from)| {
        let stream = counterpart(streams, &from.stream)?;
        let item = stream.history(&from.tag).first()?;
        let digest: Digest = item.image.parse().ok()?;
        let target_stream = target.streams().iter().find(|it| it.name == own.stream);
        let recorded = target_stream.and_then(|it| it.history(&own.tag).first());
        if recorded.is_some_and(|recorded| recorded.image == item.image) {
            return None;
        }
        let mut held = holds.get(&own).into_iter().flatten();
        if held.any(|held| held.hold.rejected().is_none_or(|it| *it == digest)) {
            return None;
        }
        let insecure = stream
            .tag(&from.tag)
            .is_some_and(|tag| tag.settings.insecure);
        Some(Moving {
            image: Image {
                name: own.to_string(),
                reference: item.reference.parse().ok()?,
                digest: digest.clone(),
                insecure: insecure || stream.metadata.is_insecure(),
                namespace: own.stream.namespace.clone(),
                copy: stream.copies_of(&from.tag),
            },
            source: from,
            digest,
        })
    });
    found.collect()
}

pub fn images(moving: &[Moving]) -> Vec<Image> {
    moving.iter().map(|moved| moved.image.clone()).collect()
}

/// The newest image of each tag.
pub fn pins_of(streams: &[ImageStream]) -> BTreeSet<(String, String, String)> {
    let pins = streams.iter().flat_map(|stream| {
        stream.status.iter().filter_map(|status| {
            let item = status.items.first()?;
            Some((
                stream.name.to_string(),
                status.tag.clone(),
                item.image.clone(),
            ))
        })
    });
    pins.collect()
}

/// Whether a gate holds it for good.
pub fn has_failed(findings: &[GateFinding]) -> bool {
    let mut found = findings.iter();
    found.any(|finding| finding.verdict == Verdict::Failed)
}

/// Whether it can never be taken.
pub fn is_void(findings: &[GateFinding]) -> bool {
    let mut found = findings.iter();
    found.any(|finding| finding.gate == Gate::Source && !finding.is_passed())
}

pub fn is_asked(gate: Gate) -> bool {
    matches!(gate, Gate::Checks | Gate::MinimumAge | Gate::Signature)
}
