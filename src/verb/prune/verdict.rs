//! What stays in one repository, and what goes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::image::{Digest, Tag};
use crate::verb::prune::{Books, Place, Reason, Wishes};

/// The tags of a repository, by the image that they name.
pub type Tagging = BTreeMap<Digest, BTreeSet<Tag>>;

/// What the registry has in one repository.
#[derive(Clone, Debug, Default)]
pub struct Stock {
    pub tags: Tagging,
    /// Those that were looked at and are there; of an index, the images that it names.
    pub images: BTreeMap<Digest, Vec<Digest>>,
    /// When images were made, of those that nothing else knows the age of.
    pub created: BTreeMap<Digest, Option<Timestamp>>,
}

/// One image of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub digest: Digest,
    /// Those that name it now.
    pub tags: Vec<Tag>,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Stays(Reason),
    /// With the images of an index that nothing else names.
    Goes {
        parts: Vec<Digest>,
    },
}

impl Books {
    /// What becomes of each image of the repository that is known, by digest. `stock` has looked at
    /// the tags' images, [`Books::suspects`] and [`Books::needed_at`].
    pub fn verdicts(&self, place: &Place, stock: &Stock, wishes: &Wishes) -> Vec<Verdict> {
        let mut stays: BTreeMap<&Digest, Reason> = BTreeMap::new();
        let mut goes: BTreeSet<&Digest> = BTreeSet::new();
        let candidates = self.candidates(place);
        for digest in stock.images.keys() {
            if self.is_attached(digest, stock) {
                continue;
            }
            let reason = match candidates.contains(digest) {
                true => self.keeps_at(place, stock, digest, wishes),
                // Needed by Git, or by nobody that is known.
                false => self
                    .speaks_for(place, &stock.tags, digest)
                    .or(Some(Reason::Unrecorded)),
            };
            match reason {
                Some(reason) => drop(stays.insert(digest, reason)),
                None => drop(goes.insert(digest)),
            }
        }
        self.keep_related(place, stock, &mut stays, &mut goes);
        let indices = indices(stock);
        stock
            .images
            .keys()
            .filter_map(|digest| {
                let outcome = match stays.get(digest) {
                    Some(reason) => Outcome::Stays(reason.clone()),
                    None if goes.contains(digest) => Outcome::Goes {
                        parts: self.free_parts(place, stock, digest, &stays, &indices),
                    },
                    None => return None,
                };
                Some(Verdict {
                    digest: digest.clone(),
                    tags: tags_of(stock, digest).cloned().collect(),
                    outcome,
                })
            })
            .collect()
    }

    fn keeps_at(
        &self,
        place: &Place,
        stock: &Stock,
        digest: &Digest,
        wishes: &Wishes,
    ) -> Option<Reason> {
        if let Some(reason) = self.keeps(place, &stock.tags, digest, wishes) {
            return Some(reason);
        }
        if !self.is_timeless(place, digest) {
            return None;
        }
        match stock.created.get(digest).copied().flatten() {
            None => Some(Reason::UnknownAge),
            Some(created) => wishes.is_young(created).then_some(Reason::Young),
        }
    }

    /// An index keeps its images, and an image the index that names it, until nothing changes.
    fn keep_related<'s>(
        &self,
        place: &Place,
        stock: &'s Stock,
        stays: &mut BTreeMap<&'s Digest, Reason>,
        goes: &mut BTreeSet<&'s Digest>,
    ) {
        let indices = indices(stock);
        loop {
            let related = |digest: &&'s Digest| {
                let mut own = indices.get(*digest).into_iter().flatten();
                let index = own.find(|index| stays.contains_key(*index));
                let reason = index.map(|index| Reason::PartOf((*index).clone()));
                let reason = reason.or_else(|| {
                    let mut parts = stock.images.get(*digest)?.iter();
                    let needed = |part: &&Digest| {
                        stays.contains_key(*part)
                            || self.speaks_for(place, &stock.tags, part).is_some()
                    };
                    parts.find(needed).cloned().map(Reason::Has)
                });
                Some((*digest, reason?))
            };
            let kept: Vec<(&Digest, Reason)> = goes.iter().filter_map(related).collect();
            if kept.is_empty() {
                return;
            }
            for (digest, reason) in kept {
                goes.remove(digest);
                stays.insert(digest, reason);
            }
        }
    }

    /// Images of an index that are named by nothing that stays.
    fn free_parts(
        &self,
        place: &Place,
        stock: &Stock,
        index: &Digest,
        stays: &BTreeMap<&Digest, Reason>,
        indices: &BTreeMap<&Digest, Vec<&Digest>>,
    ) -> Vec<Digest> {
        let parts = stock.images.get(index).into_iter().flatten();
        let is_named = |part: &Digest| {
            let mut own = indices.get(part).into_iter().flatten();
            own.any(|index| stays.contains_key(*index))
        };
        let free = parts.filter(|part| {
            !stays.contains_key(part)
                && !is_named(part)
                && self.speaks_for(place, &stock.tags, part).is_none()
        });
        let free: BTreeSet<&Digest> = free.collect();
        free.into_iter().cloned().collect()
    }

    /// Whether all its tags only say whose signature, SBOM or list of these it is.
    fn is_attached(&self, digest: &Digest, stock: &Stock) -> bool {
        let mut tags = tags_of(stock, digest).peekable();
        tags.peek().is_some() && tags.all(|tag| subject_of(tag).is_some())
    }
}

impl Books {
    /// What is to be deleted, in the order of `verdicts`. `referrers` says what refers to an image
    /// that goes.
    pub fn orders(
        &self,
        place: &Place,
        stock: &Stock,
        verdicts: &[Verdict],
        referrers: &BTreeMap<Digest, Vec<Digest>>,
    ) -> Vec<Order> {
        let gone = going(verdicts);
        let by_tag = attached_by_tag(stock, &gone);
        let stays = |digest: &Digest| {
            let mut all = verdicts.iter();
            let is_kept = all.any(|it| it.digest == *digest && it.outcome.stays());
            let mut tags = tags_of(stock, digest);
            let is_attached =
                tags.all(|tag| subject_of(tag).is_some_and(|subject| gone.contains(&subject)));
            is_kept || !is_attached || self.speaks_for(place, &stock.tags, digest).is_some()
        };
        let mut taken: BTreeSet<Digest> = verdicts.iter().map(|it| it.digest.clone()).collect();
        let mut orders = Vec::new();
        for verdict in verdicts {
            let Outcome::Goes { parts } = &verdict.outcome else {
                continue;
            };
            let mut attached = Vec::new();
            let mut subjects: Vec<&Digest> = vec![&verdict.digest];
            subjects.extend(parts);
            while let Some(subject) = subjects.pop() {
                let found = [by_tag.get(subject), referrers.get(subject)];
                for digest in found.into_iter().flatten().flatten() {
                    if !stays(digest) && taken.insert(digest.clone()) {
                        subjects.push(digest);
                        attached.push(digest.clone());
                    }
                }
            }
            let mut parts = parts.clone();
            parts.retain(|part| taken.insert(part.clone()));
            orders.push(Order {
                digest: verdict.digest.clone(),
                tags: verdict.tags.clone(),
                attached,
                parts,
            });
        }
        orders
    }
}

/// An image that is to be deleted, with all that is nothing without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Order {
    pub digest: Digest,
    /// They go with it.
    pub tags: Vec<Tag>,
    /// Signatures, SBOMs and the like: first, since nothing leads to them without it.
    pub attached: Vec<Digest>,
    /// The images of an index: last, since some registries delete none that is named.
    pub parts: Vec<Digest>,
}

impl Order {
    /// All of it, in the order in which it is deleted.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        let own = std::iter::once(&self.digest);
        self.attached.iter().chain(own).chain(&self.parts)
    }

    /// Whether the tags of everything that would go are still the same.
    pub fn stands(&self, before: &Tagging, now: &Tagging) -> bool {
        self.digests().all(|it| before.get(it) == now.get(it))
    }
}

impl Outcome {
    fn stays(&self) -> bool {
        matches!(self, Self::Stays(_))
    }
}

/// The images that go, with those of indices.
pub fn going(verdicts: &[Verdict]) -> BTreeSet<Digest> {
    let mut gone = BTreeSet::new();
    for verdict in verdicts {
        if let Outcome::Goes { parts } = &verdict.outcome {
            gone.insert(verdict.digest.clone());
            gone.extend(parts.iter().cloned());
        }
    }
    gone
}

/// What is attached by tags to images that go, by these.
fn attached_by_tag(stock: &Stock, gone: &BTreeSet<Digest>) -> BTreeMap<Digest, Vec<Digest>> {
    let mut attached: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
    for (digest, tags) in &stock.tags {
        let subjects = tags.iter().filter_map(subject_of);
        for subject in subjects.filter(|subject| gone.contains(subject)) {
            attached.entry(subject).or_default().push(digest.clone());
        }
    }
    attached
}

/// The image that a tag of cosign's, or of the referrers' tag schema, belongs to.
fn subject_of(tag: &Tag) -> Option<Digest> {
    let hex = tag.as_str().strip_prefix("sha256-")?;
    let hex = hex.split_once('.').map_or(hex, |(hex, _)| hex);
    format!("sha256:{hex}").parse().ok()
}

fn tags_of<'s>(stock: &'s Stock, digest: &Digest) -> impl Iterator<Item = &'s Tag> {
    stock.tags.get(digest).into_iter().flatten()
}

/// The indices that name an image.
fn indices(stock: &Stock) -> BTreeMap<&Digest, Vec<&Digest>> {
    let mut indices: BTreeMap<&Digest, Vec<&Digest>> = BTreeMap::new();
    for (index, parts) in &stock.images {
        for part in parts {
            indices.entry(part).or_default().push(index);
        }
    }
    indices
}
