use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::image::{Digest, Reference, Tag};
use crate::lookup::{Lookup, Verified, Wanted};
use crate::policy::{Follow, ImportPolicy};
use crate::problem::{Place, Problem};
use crate::stream::{
    ImageStream, ImportMode, Observed, SpecTag, StreamTagName, TagEvent, TagSource,
};
use crate::trigger::{PinForm, Trigger, TriggerKind};

/// Every stream tag of an environment, and what is to be done to know its image.
#[derive(Debug, Default)]
pub struct Following {
    pub tags: Vec<FollowedTag>,
    pub problems: Vec<Problem>,
}

/// One stream tag.
#[derive(Clone, Debug)]
pub struct FollowedTag {
    pub name: StreamTagName,
    pub place: Place,
    /// The image that is followed in the end, through aliases, as written.
    pub source: Option<Reference>,
    pub course: Course,
    /// What is recorded for the tag, newest first; a pin that stands in a field without a status
    /// is taken as its first item.
    pub recorded: Vec<TagEvent>,
    /// Whether `recorded` comes from a field, and is to be written.
    pub adopted: bool,
    /// What will stand in [`crate::stream::OBSERVED`] once this is imported.
    pub observed: Option<Observed>,
}

/// How the tag's image comes to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Course {
    /// By the lookup with this number in [`Questions::finish`].
    Ask(usize),
    /// It is what the named tag of the same stream is.
    Alias(StreamTagName),
    /// It stays what is recorded.
    Keep(Standing),
}

/// Why a tag is not asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Imported once, and neither `scheduled` nor changed since.
    ImportedOnce,
    /// The source names a digest, which cannot move.
    Digest,
    /// `reference: true`
    Reference,
    /// No `from`: filled by pushes to an integrated registry.
    NoSource,
    /// The source is in another stream.
    OtherStream(StreamTagName),
    /// `from.kind: ImageStreamImage`
    StreamImage,
    /// A problem names the reason.
    Faulty,
}

/// How the tags of one environment's streams come to be known; what must be asked goes to
/// `questions`, which all environments of a pass share.
pub fn follow(
    streams: &[ImageStream],
    triggers: &[Trigger],
    policy: &ImportPolicy,
    questions: &mut Questions,
) -> Following {
    let adopted = adoptable_pins(triggers);
    let mut following = Following::default();
    for stream in streams {
        for tag in &stream.tags {
            let followed = follow_tag(
                stream,
                tag,
                policy,
                &adopted,
                questions,
                &mut following.problems,
            );
            following.tags.push(followed);
        }
    }
    following
}

fn follow_tag(
    stream: &ImageStream,
    tag: &SpecTag,
    policy: &ImportPolicy,
    adopted: &HashMap<&StreamTagName, Digest>,
    questions: &mut Questions,
    problems: &mut Vec<Problem>,
) -> FollowedTag {
    let name = StreamTagName {
        stream: stream.name.clone(),
        tag: tag.name.clone(),
    };
    let mut followed = FollowedTag {
        place: tag.place.clone(),
        source: None,
        course: Course::Keep(Standing::Faulty),
        recorded: stream.history(&tag.name).to_vec(),
        adopted: false,
        observed: None,
        name,
    };
    match &tag.source {
        TagSource::Image(reference) if tag.settings.reference => {
            followed.source = Some(reference.clone());
            followed.course = Course::Keep(Standing::Reference);
        }
        TagSource::Image(reference) => {
            follow_image(
                stream,
                tag,
                reference,
                policy,
                adopted,
                questions,
                &mut followed,
            );
        }
        TagSource::StreamTag(source) if source.stream == stream.name => {
            follow_alias(stream, tag, source, &mut followed, problems);
        }
        TagSource::StreamTag(source) => {
            followed.course = Course::Keep(Standing::OtherStream(source.clone()));
        }
        TagSource::StreamImage { .. } => followed.course = Course::Keep(Standing::StreamImage),
        TagSource::None => followed.course = Course::Keep(Standing::NoSource),
        TagSource::Invalid => {}
    }
    followed
}

fn follow_image(
    stream: &ImageStream,
    tag: &SpecTag,
    reference: &Reference,
    policy: &ImportPolicy,
    adopted: &HashMap<&StreamTagName, Digest>,
    questions: &mut Questions,
    followed: &mut FollowedTag,
) {
    let import_mode = tag.settings.import_mode.unwrap_or(policy.import_mode);
    let observed = Observed {
        from: reference.to_string(),
        import_mode,
        generation: tag.settings.generation,
        selected: None,
    };
    followed.source = Some(reference.clone());
    if followed.recorded.is_empty()
        && let Some(digest) = adopted.get(&followed.name)
    {
        followed.recorded = vec![TagEvent {
            created: String::new(),
            reference: Reference::pinned(reference.repository.clone(), None, digest.clone())
                .to_string(),
            image: digest.to_string(),
            generation: 1,
        }];
        followed.adopted = true;
    }
    let before = stream.observed.get(&tag.name);
    let known = followed
        .recorded
        .first()
        .and_then(|item| item.image.parse().ok());
    let is_changed = match before {
        Some(before) => before.is_changed(&observed),
        // A status that another tool wrote, or an adopted pin: imported as far as we know.
        None => known.is_none(),
    };
    followed.observed = Some(observed);
    let follows = policy.scheduled && (tag.settings.scheduled || policy.follow == Follow::All);
    followed.course = if !is_changed && !follows {
        Course::Keep(Standing::ImportedOnce)
    } else if !is_changed && reference.digest.is_some() && known == reference.digest {
        Course::Keep(Standing::Digest)
    } else {
        let wanted = match (&reference.digest, &reference.tag) {
            (Some(digest), _) => Wanted::Digest(digest.clone()),
            (None, Some(tag)) => Wanted::Tag(tag.clone()),
            (None, None) => Wanted::Tag(Tag::latest()),
        };
        Course::Ask(questions.ask(reference, wanted, import_mode, tag.settings.insecure, known))
    };
}

/// Walks an alias to the tag that it stands for in the end.
fn follow_alias(
    stream: &ImageStream,
    tag: &SpecTag,
    first: &StreamTagName,
    followed: &mut FollowedTag,
    problems: &mut Vec<Problem>,
) {
    let mut seen = vec![tag.name.as_str()];
    let mut next = first;
    loop {
        if seen.contains(&next.tag.as_str()) {
            let circle = seen.join(" -> ");
            problems.push(
                Problem::error(
                    tag.place.clone(),
                    format!("reference tag is circular: {circle} -> {}", next.tag),
                )
                .advice("let one of these tags name an image"),
            );
            return;
        }
        let Some(target) = stream.tag(&next.tag) else {
            problems.push(
                Problem::error(
                    tag.place.clone(),
                    format!(
                        "reference tag is not found: {} has no tag `{}`",
                        stream.name, next.tag
                    ),
                )
                .advice("correct `from.name`, or add the tag"),
            );
            return;
        };
        match &target.source {
            TagSource::StreamTag(further) if further.stream == stream.name => {
                seen.push(&target.name);
                next = further;
            }
            source => {
                if let TagSource::Image(reference) = source {
                    followed.source = Some(reference.clone());
                    followed.observed = Some(Observed {
                        from: first.tag.clone(),
                        import_mode: ImportMode::default(),
                        generation: tag.settings.generation,
                        selected: None,
                    });
                }
                followed.course = Course::Alias(StreamTagName {
                    stream: stream.name.clone(),
                    tag: target.name.clone(),
                });
                return;
            }
        }
    }
}

/// Digests that already stand in fields, where all fields of a stream tag agree.
fn adoptable_pins(triggers: &[Trigger]) -> HashMap<&StreamTagName, Digest> {
    let mut pins: HashMap<&StreamTagName, Option<Digest>> = HashMap::new();
    for trigger in triggers {
        let is_whole_image = matches!(
            trigger.target.form,
            PinForm::Image | PinForm::DigestReference
        );
        if trigger.kind == TriggerKind::LocalName || !is_whole_image {
            continue;
        }
        let Some(digest) = trigger
            .target
            .current
            .as_deref()
            .and_then(|value| value.parse::<Reference>().ok())
            .and_then(|reference| reference.digest)
        else {
            continue;
        };
        pins.entry(&trigger.from)
            .and_modify(|pin| {
                if pin.as_ref() != Some(&digest) {
                    *pin = None;
                }
            })
            .or_insert(Some(digest.clone()));
    }
    pins.into_iter()
        .filter_map(|(name, pin)| Some((name, pin?)))
        .collect()
}

/// Lookups, each once, and the digests that their askers have recorded.
#[derive(Debug, Default)]
pub struct Questions {
    numbers: BTreeMap<(String, Wanted, ImportMode, bool), usize>,
    lookups: Vec<(Lookup, BTreeSet<Digest>)>,
}

impl Questions {
    fn ask(
        &mut self,
        reference: &Reference,
        wanted: Wanted,
        import_mode: ImportMode,
        insecure: bool,
        known: Option<Digest>,
    ) -> usize {
        let known: BTreeSet<Digest> = known.into_iter().collect();
        let key = (
            reference.repository.endpoint().to_string(),
            wanted.clone(),
            import_mode,
            insecure,
        );
        if let Some(number) = self.numbers.get(&key).copied() {
            // What only one asker has recorded is not known to the other: it is read and hashed
            // before it is written there.
            if let Some((_, all_known)) = self.lookups.get_mut(number) {
                *all_known = all_known.intersection(&known).cloned().collect();
            }
            return number;
        }
        let number = self.lookups.len();
        self.numbers.insert(key, number);
        let lookup = Lookup {
            repository: reference.repository.clone(),
            wanted,
            import_mode,
            platforms: Vec::new(),
            insecure,
            secrets_of: None,
            known: BTreeSet::new(),
            chosen: BTreeMap::new(),
        };
        self.lookups.push((lookup, known));
        number
    }

    /// The lookups in the order of their numbers. `verified` are digests that earlier passes have
    /// read and hashed, by endpoint: they need no second reading.
    pub fn finish(self, verified: &BTreeMap<String, Verified>) -> Vec<Lookup> {
        self.lookups
            .into_iter()
            .map(|(mut lookup, known)| {
                let endpoint = lookup.repository.endpoint().to_string();
                lookup.known = known;
                if let Some(verified) = verified.get(&endpoint) {
                    lookup.known.extend(verified.digests.iter().cloned());
                    lookup.chosen = verified.chosen.clone();
                }
                lookup
            })
            .collect()
    }
}
