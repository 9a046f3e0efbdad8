use crate::image::{Digest, Reference, Tag};
use crate::lookup::{Fault, Resolution};
use crate::problem::Place;
use crate::stream::{Observed, SourceTag, StreamTagName, TagEvent};

/// What a stream tag is now, as far as this pass knows.
#[derive(Clone, Debug)]
pub struct TagState {
    pub name: StreamTagName,
    pub place: Place,
    /// The image that is followed in the end, through links and rules, as written.
    pub source: Option<Reference>,
    /// What `recorded` was imported from, where that is known and an image.
    pub recorded_source: Option<Reference>,
    pub outcome: Outcome,
    /// Newest first, as recorded before this pass; a pin that stands in a field without a status
    /// is taken as the first item.
    pub recorded: Vec<TagEvent>,
    /// Whether `recorded` was found in a field and not in the stream's status.
    pub adopted: bool,
    /// What will stand in [`crate::stream::OBSERVED`] once this is imported.
    pub observed: Option<Observed>,
    /// Of a whole repository of which every tag is known now: what will stand for it there.
    pub whole: Option<Observed>,
    /// The stream tag of another environment that its image comes from.
    pub promoted_from: Option<SourceTag>,
    pub kept: Kept,
    /// As `kept`, of what is recorded.
    pub recorded_kept: Kept,
}

/// Where fields find the image of a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// Where it was imported from.
    #[default]
    AtSource,
    /// In the environment's registry, under this repository and tag.
    Copied(Reference),
    /// It is to be copied and is not, so that fields stay as they are; without a reason it must be
    /// asked for first.
    Nowhere(Option<Uncopied>),
}

/// Why an image that is to be copied is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uncopied {
    Failed(Resolution),
    /// It is being copied.
    UnderWay,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The registry names this digest now.
    Resolved(Digest),
    /// It is recorded in another stream, in an older status, or stands in a container.
    Linked(Digest),
    /// `reference: true`: the name as written.
    Verbatim,
    /// Not asked; the recorded digest stands.
    Kept(Digest, Standing),
    /// Asked in vain; the recorded digest, if any, stays.
    Failed(Resolution),
    /// The rule, with the reason why it chooses no tag; the recorded digest, if any, stays.
    Unchosen(String),
    /// The registry names this digest, and it is not old enough; what is recorded stays.
    Young(Young),
    /// The new image is not where fields are to find it; the recorded digest, if any, stays.
    Uncopied(Uncopied),
    /// Somebody declined what the registry names now; the recorded digest, if any, stays.
    Held,
    /// Not known before something else is asked.
    Pending,
    /// There is no image, and none will come by asking.
    Without(Standing),
}

/// An image before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Young {
    pub digest: Digest,
    /// RFC 3339; none: the image does not say, and is never old enough.
    pub created: Option<String>,
    /// RFC 3339, UTC: when it is taken.
    pub until: Option<String>,
}

/// Why a tag is not asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Imported once, and neither `scheduled` nor changed since.
    ImportedOnce,
    /// Would be followed, and `imports.scheduled: false` follows none.
    SwitchedOff,
    /// One of a whole repository's tags, which were listed once and have not changed since.
    ListedOnce,
    /// The source names a digest, which cannot move.
    Digest,
    /// No `from`: filled by pushes to an integrated registry.
    NoSource,
    /// The source is a stream tag that has no image yet.
    SourceEmpty(StreamTagName),
    /// The source is a stream of an environment that is not read here.
    Elsewhere(StreamTagName),
    /// Of a whole repository, whose list does not name it.
    Unlisted,
    /// It enters by promotion, and no image of the source has passed the gates yet.
    Promoted(SourceTag),
    /// Looked at again at this time, RFC 3339.
    NotDue(String),
    /// A problem names the reason.
    Faulty,
}

impl TagState {
    /// The image, as it was imported: repository as written in the source, the followed tag, the
    /// digest. None where nothing is known.
    pub fn image(&self) -> Option<Reference> {
        match &self.outcome {
            Outcome::Resolved(digest) | Outcome::Linked(digest) => self.source_image(digest),
            Outcome::Verbatim => self.source.clone(),
            // Of an alias: its own record may be of what it stood for before.
            Outcome::Kept(digest, _) if self.recorded_digest().as_ref() != Some(digest) => {
                self.source_image(digest)
            }
            Outcome::Kept(..)
            | Outcome::Failed(_)
            | Outcome::Unchosen(_)
            | Outcome::Young(_)
            | Outcome::Uncopied(_)
            | Outcome::Held => self.recorded_image(),
            Outcome::Pending | Outcome::Without(_) => None,
        }
    }

    /// The image that fields of this tag are to hold; none where they stay as they are.
    pub fn pin(&self) -> Option<Reference> {
        let image = self.image()?;
        match &self.kept {
            Kept::AtSource => Some(image),
            Kept::Copied(at) => {
                let (repository, tag) = (at.repository.clone(), at.tag.clone());
                Some(Reference::pinned(repository, tag, image.digest?))
            }
            Kept::Nowhere(_) => None,
        }
    }

    /// Repository and tag under which fields find the image, where that is not its source.
    pub fn copy(&self) -> Option<&Reference> {
        match &self.kept {
            Kept::Copied(at) => Some(at),
            Kept::AtSource | Kept::Nowhere(_) => None,
        }
    }

    /// Whether it has an image that is to be copied first, and that is not done.
    pub fn is_uncopied(&self) -> bool {
        let is_nowhere = matches!(self.kept, Kept::Nowhere(_));
        is_nowhere || matches!(self.outcome, Outcome::Uncopied(_))
    }

    /// Leaves the tag where it was: somebody declined what it would go to.
    pub fn hold(&mut self) {
        self.outcome = Outcome::Held;
        self.kept = self.recorded_kept.clone();
    }

    /// The digest under the name that is followed.
    fn source_image(&self, digest: &Digest) -> Option<Reference> {
        let source = self.source.as_ref()?;
        let repository = source.repository.clone();
        let tag = followed_tag(source);
        Some(Reference::pinned(repository, tag, digest.clone()))
    }

    /// The recorded image, with the followed tag where it came from the same repository: a source
    /// that has changed since and was not imported must not lend its name to an older digest.
    pub(crate) fn recorded_image(&self) -> Option<Reference> {
        let newest = self.recorded.first()?;
        let recorded = newest.reference.parse::<Reference>().ok();
        let digest: Digest = newest.image.parse().ok()?;
        let source = self.recorded_source.as_ref().or(self.source.as_ref());
        let same = source.filter(|source| {
            recorded
                .as_ref()
                .is_none_or(|recorded| recorded.repository.is_same(&source.repository))
        });
        match same {
            Some(source) => {
                let repository = source.repository.clone();
                Some(Reference::pinned(repository, followed_tag(source), digest))
            }
            None => Some(Reference::pinned(recorded?.repository, None, digest)),
        }
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
            Outcome::Failed(resolution) | Outcome::Uncopied(Uncopied::Failed(resolution)) => {
                resolution.fault()
            }
            _ => None,
        }
    }

    /// Whether the tag is to be asked for again without waiting for its time.
    pub fn is_unanswered(&self) -> bool {
        matches!(
            self.outcome,
            Outcome::Failed(_) | Outcome::Uncopied(_) | Outcome::Unchosen(_) | Outcome::Pending
        )
    }

    /// Whether the passing of time alone changes the outcome.
    pub fn depends_on_time(&self) -> bool {
        matches!(
            self.outcome,
            Outcome::Young(_) | Outcome::Kept(_, Standing::NotDue(_))
        )
    }
}

fn followed_tag(source: &Reference) -> Option<Tag> {
    match (&source.tag, &source.digest) {
        (Some(tag), _) => Some(tag.clone()),
        (None, None) => Some(Tag::latest()),
        (None, Some(_)) => None,
    }
}
