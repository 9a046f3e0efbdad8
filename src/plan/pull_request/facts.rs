//! What is known of the images of a move, and whether it is of those images.

use std::collections::{BTreeMap, BTreeSet};

use crate::image::{Configuration, Description, ImageFacts, Platform};
use crate::plan::due::Move;
use crate::stream::StreamTagName;

/// What a registry told of the image that stood, and of the one that is proposed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MoveFacts {
    pub before: Option<ImageFacts>,
    pub after: Option<ImageFacts>,
}

/// By stream tag; a move without an entry was not asked about, and nothing is said of it.
pub type Facts = BTreeMap<StreamTagName, MoveFacts>;

/// The facts of one move that are of its own two digests.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    pub before: Option<&'a ImageFacts>,
    pub after: Option<&'a ImageFacts>,
}

impl<'a> Told<'a> {
    /// None where nothing was asked. What is of another digest is left out: a tag that moves while
    /// it is read must not lend its labels to the image that is pinned.
    pub fn of(moved: &Move, facts: &'a Facts) -> Option<Self> {
        let facts = facts.get(&moved.tag)?;
        let before = facts.before.as_ref();
        let after = facts.after.as_ref();
        Some(Self {
            before: before
                .filter(|facts| Some(&facts.description.digest) == moved.previous.as_ref()),
            after: after.filter(|facts| Some(&facts.description.digest) == moved.digest()),
        })
    }

    pub fn both(&self) -> Option<(&'a Description, &'a Description)> {
        Some((&self.before?.description, &self.after?.description))
    }

    /// The two configurations, where both are of one platform: those of two platforms differ
    /// without anything having changed.
    pub fn configurations(&self) -> Option<(&'a Configuration, &'a Configuration)> {
        let (before, after) = self.both()?;
        let (before, after) = (
            before.configuration.as_ref()?,
            after.configuration.as_ref()?,
        );
        (before.platform == after.platform).then_some((before, after))
    }

    pub fn layers(&self) -> Option<LayerChange> {
        self.configurations()?;
        let (before, after) = self.both()?;
        if before.layers.is_empty() || after.layers.is_empty() {
            return None;
        }
        let digests = |description: &'a Description| -> BTreeSet<_> {
            description
                .layers
                .iter()
                .map(|layer| &layer.digest)
                .collect()
        };
        let (old, new) = (digests(before), digests(after));
        let order = |description: &'a Description| -> Vec<_> {
            description
                .layers
                .iter()
                .map(|layer| &layer.digest)
                .collect()
        };
        Some(LayerChange {
            count: after.layers.len(),
            new: new.difference(&old).count(),
            gone: old.difference(&new).count(),
            is_same: order(before) == order(after),
            // An image of one layer is built on nothing.
            is_lowest_same: (before.layers.len() > 1 && after.layers.len() > 1)
                .then(|| order(before).first() == order(after).first()),
        })
    }

    /// None where one of the images is not known.
    pub fn platforms(&self) -> Option<PlatformChange> {
        let (before, after) = self.both()?;
        let (before, after) = (platforms(before), platforms(after));
        if before.is_empty() || after.is_empty() {
            return None;
        }
        Some(PlatformChange {
            added: after.difference(&before).cloned().collect(),
            lost: before.difference(&after).cloned().collect(),
        })
    }
}

/// How the layers of two images of one platform differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerChange {
    /// Of the image that is proposed.
    pub count: usize,
    pub new: usize,
    pub gone: usize,
    /// The same ones in the same order.
    pub is_same: bool,
    /// Whether both stand on the same lowest layer; none where there is no layer below others.
    pub is_lowest_same: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformChange {
    pub added: BTreeSet<Platform>,
    pub lost: BTreeSet<Platform>,
}

impl PlatformChange {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.lost.is_empty()
    }
}

/// Those of an index, or the one of a single image.
pub fn platforms(description: &Description) -> BTreeSet<Platform> {
    let own = description.configuration.as_ref();
    let own = own.and_then(|configuration| configuration.platform.clone());
    // Docker's attestations name `unknown/unknown`.
    let all = description
        .images
        .iter()
        .filter_map(|image| image.platform.clone());
    let all: BTreeSet<Platform> = all.filter(|platform| platform.os != "unknown").collect();
    if description.images.is_empty() {
        own.into_iter().collect()
    } else {
        all
    }
}
