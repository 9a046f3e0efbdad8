use std::collections::{BTreeMap, HashMap, HashSet};

use std::time::Duration;

use jiff::Timestamp;

use crate::access::{Access, Right};
use crate::environment::EnvironmentName;
use crate::image::{Digest, Reference};
use crate::lookup::Resolution;
use crate::manifest::TagHook;
use crate::policy::ImportPolicy;
use crate::problem::{Place, Problem};
use crate::resolve::access::unpushable;
use crate::resolve::inquiry::Inquiry;
use crate::resolve::promoted::{self, Taking};
use crate::resolve::state::{Kept, Outcome, Standing, TagState};
use crate::resolve::{image, keep, link, whole};
use crate::stream::{
    ImageStream, Observed, SourceTag, SpecTag, StreamName, StreamTagName, TagEvent, TagSource,
};
use crate::trigger::{PinForm, Trigger, TriggerKind};

/// Streams by name; environments on several branches may have streams of one name.
#[derive(Debug, Default)]
pub struct StreamIndex<'a>(HashMap<&'a StreamName, Vec<(&'a EnvironmentName, &'a ImageStream)>>);

impl<'a> StreamIndex<'a> {
    pub fn add(&mut self, environment: &'a EnvironmentName, streams: &'a [ImageStream]) {
        for stream in streams {
            let found = self.0.entry(&stream.name).or_default();
            found.push((environment, stream));
        }
    }
}

/// What the tags of one environment are followed in.
#[derive(Debug)]
pub struct World<'a> {
    pub environment: &'a EnvironmentName,
    pub streams: &'a [ImageStream],
    /// The streams of all environments.
    pub index: &'a StreamIndex<'a>,
    /// There are environments whose streams are not known here.
    pub is_partial: bool,
    pub triggers: &'a [Trigger],
    pub hooks: &'a [TagHook],
    pub policy: &'a ImportPolicy,
    pub access: &'a Access,
    /// Followed tags that are not looked at yet, with the time when they are, RFC 3339.
    pub not_due: &'a BTreeMap<StreamTagName, String>,
    /// What comes from other environments.
    pub taking: &'a Taking<'a>,
    /// Whether registries are followed; else what is recorded stays, and only what comes from other
    /// environments moves.
    pub imports: bool,
    /// How old an image is at least, whatever the tag says.
    pub minimum_age: Duration,
    pub now: Timestamp,
}

impl<'a> World<'a> {
    pub(crate) fn stream(&self, name: &StreamName) -> Option<&'a ImageStream> {
        self.found(name).map(|(_, stream)| stream)
    }

    /// The environment's own stream of that name, else another's, as it is at the tip.
    pub(crate) fn found(
        &self,
        name: &StreamName,
    ) -> Option<(&'a EnvironmentName, &'a ImageStream)> {
        let own = self.streams.iter().find(|stream| stream.name == *name);
        if let Some(own) = own {
            return Some((self.environment, own));
        }
        self.index.0.get(name)?.first().copied()
    }

    /// The stream of that name in an environment, as it is at the tip.
    pub(crate) fn of(
        &self,
        environment: &EnvironmentName,
        name: &StreamName,
    ) -> Option<&'a ImageStream> {
        let mut found = self.index.0.get(name)?.iter();
        let (_, stream) = found.find(|(other, _)| *other == environment)?;
        Some(stream)
    }
}

/// Every stream tag of an environment, as far as it is known.
#[derive(Debug, Default)]
pub struct Following {
    pub tags: Vec<TagState>,
    pub problems: Vec<Problem>,
}

/// A stream tag on its way to a [`TagState`].
#[derive(Debug)]
pub(crate) struct Draft {
    pub name: StreamTagName,
    pub place: Place,
    pub source: Option<Reference>,
    pub recorded_source: Option<Reference>,
    pub course: Course,
    pub recorded: Vec<TagEvent>,
    pub adopted: bool,
    pub observed: Option<Observed>,
    pub whole: Option<Observed>,
    pub promoted_from: Option<SourceTag>,
}

/// How the tag's image comes to be known.
#[derive(Debug)]
pub(crate) enum Course {
    Known(Outcome),
    /// It is what this tag of the same stream is.
    Same(StreamTagName),
    /// It stays what is recorded.
    Keep(Standing),
}

impl Draft {
    pub fn new(stream: &ImageStream, tag: &str, place: &Place) -> Self {
        Self {
            name: StreamTagName {
                stream: stream.name.clone(),
                tag: tag.to_owned(),
            },
            place: place.clone(),
            source: None,
            recorded_source: None,
            course: Course::Keep(Standing::Faulty),
            recorded: stream.history(tag).to_vec(),
            adopted: false,
            observed: None,
            whole: None,
            promoted_from: None,
        }
    }

    pub fn keep(&mut self, standing: Standing) {
        self.course = Course::Keep(standing);
    }

    /// The digest that is recorded.
    pub fn known(&self) -> Option<Digest> {
        self.recorded
            .first()
            .and_then(|item| item.image.parse().ok())
    }

    fn finish(self) -> TagState {
        let outcome = match self.course {
            Course::Known(outcome) => outcome,
            Course::Keep(standing) => match self
                .recorded
                .first()
                .and_then(|item| item.image.parse().ok())
            {
                Some(digest) => Outcome::Kept(digest, standing),
                None => Outcome::Without(standing),
            },
            Course::Same(_) => Outcome::Without(Standing::Faulty),
        };
        TagState {
            name: self.name,
            place: self.place,
            source: self.source,
            recorded_source: self.recorded_source,
            outcome,
            recorded: self.recorded,
            adopted: self.adopted,
            observed: self.observed,
            whole: self.whole,
            promoted_from: self.promoted_from,
            kept: Kept::AtSource,
            recorded_kept: Kept::AtSource,
        }
    }
}

/// What the tags of an environment's streams are; what must be asked first goes to `inquiry`,
/// which all environments of a pass share.
pub fn follow(world: &World<'_>, inquiry: &mut Inquiry) -> Following {
    let adopted = adoptable_pins(world.triggers);
    let mut problems = Vec::new();
    let mut drafts = Vec::new();
    for stream in world.streams {
        let source = promoted::source(world, stream);
        for tag in &stream.tags {
            let promoted = source
                .as_ref()
                .and_then(|source| source.follow(stream, tag));
            let draft = promoted.unwrap_or_else(|| {
                follow_tag(world, stream, tag, &adopted, inquiry, &mut problems)
            });
            drafts.push(draft);
        }
        match &source {
            Some(source) => drafts.extend(source.follow_unnamed(stream)),
            None if stream.whole_repository.is_some() && world.imports => {
                drafts.extend(whole::follow(world, stream, inquiry, &mut problems));
            }
            None => drafts.extend(recorded_alone(stream)),
        }
    }
    apply_hooks(world, &mut drafts, &mut problems);
    let mut tags = finish(drafts);
    keep::keep(world, &mut tags, inquiry);
    Following { tags, problems }
}

fn follow_tag(
    world: &World<'_>,
    stream: &ImageStream,
    tag: &SpecTag,
    adopted: &HashMap<&StreamTagName, Digest>,
    inquiry: &mut Inquiry,
    problems: &mut Vec<Problem>,
) -> Draft {
    let mut draft = Draft::new(stream, &tag.name, &tag.place);
    match &tag.source {
        TagSource::Image(reference) if !world.imports => {
            // By this name the recorded image is known.
            draft.source = Some(reference.clone());
            draft.keep(Standing::Faulty);
        }
        TagSource::Image(reference) if tag.settings.reference => {
            draft.source = Some(reference.clone());
            draft.observed = Some(image::observed(reference, tag, world.policy));
            draft.course = Course::Known(Outcome::Verbatim);
        }
        TagSource::Image(reference) => {
            image::adopt(reference, adopted.get(&draft.name), &mut draft);
            image::follow(world, stream, tag, reference, inquiry, &mut draft, problems);
        }
        TagSource::StreamTag(source) if source.stream == stream.name => {
            link::alias(stream, tag, source, &mut draft, problems);
        }
        TagSource::StreamTag(source) => {
            link::stream_tag(world, stream, tag, source, &mut draft, problems);
        }
        TagSource::StreamImage {
            stream: name,
            prefix,
        } => {
            let image = (name, prefix.as_str());
            link::stream_image(world, stream, tag, image, inquiry, &mut draft, problems);
        }
        TagSource::Pushed(_) if !world.imports => {
            draft.recorded_source = image::imported(stream, &tag.name);
            draft.keep(Standing::NoSource);
        }
        TagSource::Pushed(reference) if !lets_push(world, stream) => {
            draft.source = Some(reference.clone());
            draft.recorded_source = image::imported(stream, &tag.name);
            problems.push(unpushable(&draft.name, &tag.place));
        }
        TagSource::Pushed(reference) => {
            image::follow(world, stream, tag, reference, inquiry, &mut draft, problems);
            if let Course::Known(Outcome::Failed(Resolution::Missing(_))) = &draft.course {
                // Nobody has pushed it yet, or it is there no more.
                draft.keep(Standing::NoSource);
            }
        }
        TagSource::None => {
            // Without its registry it keeps the name that it has.
            draft.recorded_source = image::imported(stream, &tag.name);
            draft.keep(Standing::NoSource);
        }
        TagSource::Invalid => {}
    }
    draft
}

fn lets_push(world: &World<'_>, stream: &ImageStream) -> bool {
    world
        .access
        .lets_anybody(Right::Push, &stream.name.namespace)
}

/// Tags that a status has and the spec has not: pushed ones, and those whose entry was removed.
/// They stay usable (openshift-apiserver `registry/imagestream/strategy.go` keeps the status).
pub(crate) fn recorded_alone(stream: &ImageStream) -> impl Iterator<Item = Draft> {
    whole::unnamed_tags(stream)
        .into_iter()
        .map(|tag| Draft::new(stream, tag, &stream.place))
        .filter(|draft| !draft.recorded.is_empty())
        .map(|mut draft| {
            draft.keep(Standing::NoSource);
            draft
        })
}

/// Gives aliases what their tags are.
fn finish(drafts: Vec<Draft>) -> Vec<TagState> {
    let aliases: Vec<Option<StreamTagName>> = drafts
        .iter()
        .map(|draft| match &draft.course {
            Course::Same(target) => Some(target.clone()),
            _ => None,
        })
        .collect();
    let mut states: Vec<TagState> = drafts.into_iter().map(Draft::finish).collect();
    let wanted: HashSet<&StreamTagName> = aliases.iter().flatten().collect();
    let targets: HashMap<StreamTagName, TagState> = states
        .iter()
        .filter(|state| wanted.contains(&state.name))
        .map(|state| (state.name.clone(), state.clone()))
        .collect();
    for (state, target) in states.iter_mut().zip(&aliases) {
        if let Some(target) = target.as_ref().and_then(|name| targets.get(name)) {
            state.outcome = target.outcome.clone();
            state.source.clone_from(&target.source);
            state.promoted_from.clone_from(&target.promoted_from);
        }
    }
    states
}

/// What a deployment is to tag once it runs is what its container holds
/// (oc `pkg/cli/deployer/strategy/support/lifecycle.go`).
fn apply_hooks(world: &World<'_>, drafts: &mut Vec<Draft>, problems: &mut Vec<Problem>) {
    for hook in world.hooks {
        let Some(stream) = world
            .streams
            .iter()
            .find(|stream| stream.name == hook.to.stream)
        else {
            problems.push(Problem::error(
                hook.place.clone(),
                format!(
                    "the hook tags the stream {}, which no manifest declares",
                    hook.to.stream
                ),
            ));
            continue;
        };
        let image = hook
            .image
            .as_deref()
            .and_then(|text| text.parse::<Reference>().ok());
        let Some((image, digest)) = image.and_then(|image| {
            let digest = image.digest.clone()?;
            Some((image, digest))
        }) else {
            // What is not pinned yet has nothing to give.
            continue;
        };
        let known = drafts.iter_mut().find(|draft| draft.name == hook.to);
        let has_source = stream
            .tag(&hook.to.tag)
            .is_some_and(|tag| !matches!(tag.source, TagSource::None | TagSource::Pushed(_)));
        if has_source {
            problems.push(
                Problem::warning(
                    hook.place.clone(),
                    format!(
                        "{} has a source of its own, so the hook does not tag it",
                        hook.to
                    ),
                )
                .advice("remove its `from`, or the hook"),
            );
            continue;
        }
        let fill = |draft: &mut Draft| {
            draft.source = Some(image.clone());
            draft.course = Course::Known(Outcome::Linked(digest.clone()));
        };
        match known {
            Some(draft) => fill(draft),
            None => {
                let mut draft = Draft::new(stream, &hook.to.tag, &hook.place);
                fill(&mut draft);
                drafts.push(draft);
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
