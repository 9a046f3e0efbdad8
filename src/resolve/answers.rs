use std::collections::HashMap;

use crate::image::{Digest, Reference, Tag};
use crate::lookup::{Fault, Resolution};
use crate::problem::Place;
use crate::resolve::{Course, FollowedTag, Following, Standing};
use crate::stream::{Observed, StreamTagName, TagEvent};

/// What a stream tag is now, as far as this pass knows.
#[derive(Clone, Debug)]
pub struct TagState {
    pub name: StreamTagName,
    pub place: Place,
    /// The image that is followed, as written.
    pub source: Option<Reference>,
    pub outcome: Outcome,
    /// Newest first, as recorded before this pass.
    pub recorded: Vec<TagEvent>,
    /// Whether `recorded` was found in a field and not in the stream's status.
    pub adopted: bool,
    pub observed: Option<Observed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The registry names this digest now.
    Resolved(Digest),
    /// Not asked; the recorded digest stands.
    Kept(Digest, Standing),
    /// Asked in vain; the recorded digest, if any, stays.
    Failed(Resolution),
    /// Somebody declined what the registry names now; the recorded digest, if any, stays.
    Held,
    /// There is no image, and none will come by asking.
    Without(Standing),
}

impl TagState {
    /// The image that fields of this tag are to hold: repository as written in the source, the
    /// followed tag, the digest. None where nothing is known.
    pub fn image(&self) -> Option<Reference> {
        let digest = match &self.outcome {
            Outcome::Resolved(digest) | Outcome::Kept(digest, _) => digest.clone(),
            Outcome::Failed(_) | Outcome::Held => self.recorded_digest()?,
            Outcome::Without(_) => return None,
        };
        let source = self.source.as_ref()?;
        let tag = match (&source.tag, &source.digest) {
            (Some(tag), _) => Some(tag.clone()),
            (None, None) => Some(Tag::latest()),
            (None, Some(_)) => None,
        };
        Some(Reference::pinned(source.repository.clone(), tag, digest))
    }

    /// The newest recorded digest.
    pub fn recorded_digest(&self) -> Option<Digest> {
        self.recorded
            .first()
            .and_then(|item| item.image.parse().ok())
    }

    /// Why the registry's answer could not be used.
    pub fn fault(&self) -> Option<&Fault> {
        match &self.outcome {
            Outcome::Failed(resolution) => resolution.fault(),
            _ => None,
        }
    }
}

/// Puts the answers, by the numbers of the lookups, beside the tags.
pub fn answer(following: &Following, answers: &[Resolution]) -> Vec<TagState> {
    let outcomes: HashMap<&StreamTagName, Outcome> = following
        .tags
        .iter()
        .filter(|tag| !matches!(tag.course, Course::Alias(_)))
        .map(|tag| (&tag.name, outcome(tag, answers)))
        .collect();
    following
        .tags
        .iter()
        .map(|tag| TagState {
            name: tag.name.clone(),
            place: tag.place.clone(),
            source: tag.source.clone(),
            outcome: match &tag.course {
                Course::Alias(target) => outcomes.get(target),
                _ => outcomes.get(&tag.name),
            }
            .cloned()
            .unwrap_or(Outcome::Without(Standing::Faulty)),
            recorded: tag.recorded.clone(),
            adopted: tag.adopted,
            observed: tag.observed.clone(),
        })
        .collect()
}

fn outcome(tag: &FollowedTag, answers: &[Resolution]) -> Outcome {
    match &tag.course {
        Course::Ask(number) => match answers.get(*number) {
            Some(Resolution::Found(found)) => Outcome::Resolved(found.digest.clone()),
            Some(failed) => Outcome::Failed(failed.clone()),
            None => Outcome::Without(Standing::Faulty),
        },
        Course::Keep(standing) => match tag
            .recorded
            .first()
            .and_then(|item| item.image.parse().ok())
        {
            Some(digest) => Outcome::Kept(digest, standing.clone()),
            None => Outcome::Without(standing.clone()),
        },
        Course::Alias(_) => Outcome::Without(Standing::Faulty),
    }
}
