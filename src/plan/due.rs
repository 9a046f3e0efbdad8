use std::collections::{BTreeMap, BTreeSet};

use crate::image::{Digest, Reference};
use crate::plan::value::{digest_in, wanted_value};
use crate::plan::waiting::{Reason, Waiting};
use crate::policy::PinPolicy;
use crate::problem::{Place, Problem};
use crate::resolve::{Kept, Outcome, Standing, TagState};
use crate::stream::{
    ALL_TAGS, ImageStream, Observed, SourceTag, StreamName, StreamTagName, TagEvent,
};
use crate::trigger::{PinForm, Trigger};

/// A stream tag that goes to an image, and the fields that go with it.
#[derive(Clone, Debug)]
pub struct Move {
    pub tag: StreamTagName,
    /// The tag in its stream's spec.
    pub place: Place,
    /// Repository and tag as followed, and the digest.
    pub image: Reference,
    /// Repository and tag of the copy that fields name; none where they name the source.
    pub copy: Option<Reference>,
    /// The digest that was recorded before, or stood in the fields; none on the first pin.
    pub previous: Option<Digest>,
    /// None where only fields are behind.
    pub record: Option<Record>,
    pub fields: Vec<FieldPin>,
    /// The stream tag of another environment that the image comes from.
    pub promoted_from: Option<SourceTag>,
}

/// What the stream's status is to say.
#[derive(Clone, Debug)]
pub struct Record {
    /// The stream's number in the pass.
    pub stream: usize,
    /// Newest first, as recorded before.
    pub before: Vec<TagEvent>,
    pub adopted: bool,
    pub observed: Option<Observed>,
    /// The tag follows another source than the one that `before` came from.
    pub is_other_source: bool,
    /// What [`crate::stream::OBSERVED`] says of the whole repository from now on.
    pub whole: Option<Observed>,
}

impl Record {
    /// The tag of the repository that a rule chose.
    pub fn selected(&self) -> Option<&str> {
        self.observed.as_ref()?.selected.as_deref()
    }
}

/// One field that takes a value.
#[derive(Clone, Debug)]
pub struct FieldPin {
    pub trigger: Trigger,
    pub value: String,
}

impl Move {
    pub fn digest(&self) -> Option<&Digest> {
        self.image.digest.as_ref()
    }

    /// The stream tag of another environment whose image it brings; none where only fields follow
    /// what is recorded.
    pub fn promotion(&self) -> Option<&SourceTag> {
        self.promoted_from
            .as_ref()
            .filter(|_| self.record.is_some())
    }

    /// The older recorded item that the tag has moved back to.
    pub fn moves_back_to(&self) -> Option<&TagEvent> {
        let (record, digest) = (self.record.as_ref()?, self.digest()?);
        let is_same = |item: &&TagEvent| item.image == digest.as_str();
        let (newest, older) = record.before.split_first()?;
        (!is_same(&newest))
            .then(|| older.iter().find(is_same))
            .flatten()
    }

    /// Neither the status nor a field named a digest before.
    pub fn is_first_pin(&self) -> bool {
        self.previous.is_none()
    }
}

/// What differs between the registries' answers and the files, and what waits, before anybody's
/// history is looked at. Needs no file's bytes.
#[derive(Debug, Default)]
pub struct Due {
    pub moves: Vec<Move>,
    pub waiting: Vec<Waiting>,
    pub problems: Vec<Problem>,
}

/// Compares streams and fields with the state of their tags.
pub fn due(
    streams: &[ImageStream],
    triggers: &[Trigger],
    tags: &[TagState],
    policy: &PinPolicy,
) -> Due {
    let mut due = Due::default();
    let mut by_tag: BTreeMap<&StreamTagName, Vec<&Trigger>> = BTreeMap::new();
    for trigger in triggers {
        by_tag.entry(&trigger.from).or_default().push(trigger);
    }
    let incomplete = incomplete_sets(triggers, tags);
    for state in tags {
        let followers = by_tag.remove(&state.name).unwrap_or_default();
        let wait = |reason| Waiting::stream_tag(&state.name, &state.place, reason);
        let Some(image) = state.image() else {
            due.waiting.extend(reason_without_image(state).map(wait));
            continue;
        };
        due.waiting.extend(reason_to_stay(state).map(wait));
        let Some(pin) = state.pin() else {
            if let (Kept::Nowhere(Some(failed)), false) =
                (&state.kept, matches!(state.outcome, Outcome::Uncopied(_)))
            {
                due.waiting.push(wait(Reason::Uncopied(failed.clone())));
            }
            continue;
        };
        let record = record(streams, state, &image);
        let mut fields = Vec::new();
        for trigger in followers {
            match pin_field(trigger, state, &pin, policy, &incomplete) {
                Ok(None) => {}
                Ok(Some(pin)) => fields.push(pin),
                Err(reason) => due.waiting.push(Waiting::field(trigger, reason)),
            }
        }
        if record.is_some() || !fields.is_empty() {
            due.moves.push(Move {
                tag: state.name.clone(),
                place: state.place.clone(),
                previous: previous_digest(state, &fields),
                image,
                copy: state.copy().cloned(),
                record,
                fields,
                promoted_from: state.promoted_from.clone(),
            });
        }
    }
    let unread: BTreeSet<&StreamName> = tags
        .iter()
        .filter(|state| state.name.tag == ALL_TAGS)
        .map(|state| &state.name.stream)
        .collect();
    for trigger in by_tag.into_values().flatten() {
        // Of a repository that could not be read, nobody knows which tags it has.
        if !unread.contains(&trigger.from.stream) {
            due.problems.push(unknown_tag(trigger, streams));
        }
    }
    due
}

/// The sets of triggers of which one has no image yet: none of them is applied
/// (openshift-controller-manager `pkg/image/trigger/deploymentconfigs`).
fn incomplete_sets(triggers: &[Trigger], tags: &[TagState]) -> BTreeSet<usize> {
    let resolved: BTreeSet<&StreamTagName> = tags
        .iter()
        .filter(|state| state.pin().is_some())
        .map(|state| &state.name)
        .collect();
    triggers
        .iter()
        .filter(|trigger| {
            !trigger.paused && !trigger.has_fired && !resolved.contains(&trigger.from)
        })
        .filter_map(|trigger| trigger.all_or_nothing)
        .collect()
}

fn pin_field(
    trigger: &Trigger,
    state: &TagState,
    pin: &Reference,
    policy: &PinPolicy,
    incomplete: &BTreeSet<usize>,
) -> Result<Option<FieldPin>, Reason> {
    let current = trigger.target.current.as_deref();
    let form = match (trigger.target.form, &state.kept) {
        // The registry has no tag of that name: environments differ in what it would be.
        (PinForm::Tag, Kept::Copied(_)) => PinForm::TagAndDigest,
        (form, _) => form,
    };
    let Some(value) = wanted_value(form, current, pin, policy.keep_tag) else {
        return Ok(None);
    };
    if trigger.paused {
        return Err(Reason::Paused);
    }
    if trigger
        .all_or_nothing
        .is_some_and(|set| incomplete.contains(&set))
    {
        return Err(Reason::Incomplete);
    }
    Ok(Some(FieldPin {
        trigger: trigger.clone(),
        value,
    }))
}

/// What is to be written into the stream's status, if anything.
fn record(streams: &[ImageStream], state: &TagState, image: &Reference) -> Option<Record> {
    let (stream, manifest) = streams
        .iter()
        .enumerate()
        .find(|(_, stream)| stream.name == state.name.stream)?;
    let newest = state.recorded.first();
    let is_known = match &state.outcome {
        Outcome::Resolved(_) | Outcome::Linked(_) | Outcome::Verbatim => true,
        // What stands for a tag that was not asked for may have been something else before.
        Outcome::Kept(digest, _) => {
            state.adopted || newest.is_none_or(|item| item.image != digest.as_str())
        }
        Outcome::Failed(_)
        | Outcome::Unchosen(_)
        | Outcome::Young(_)
        | Outcome::Uncopied(_)
        | Outcome::Held
        | Outcome::Pending
        | Outcome::Without(_) => state.adopted,
    };
    if !is_known {
        return None;
    }
    let written = recorded_reference(image);
    let digest = image.digest.as_ref().map_or("", Digest::as_str);
    let is_recorded = newest.is_some_and(|item| item.image == digest && item.reference == written);
    // A status without the annotation was written by another tool; it is left alone until the
    // image moves.
    let before = manifest.observed.get(&state.name.tag);
    let observed = before.zip(state.observed.as_ref());
    // What comes from another environment is told by its image alone.
    let is_promoted = state.promoted_from.is_some();
    let is_observed = observed.is_none_or(|(before, now)| is_promoted || !before.is_changed(now));
    let is_selected =
        observed.is_none_or(|(before, now)| is_promoted || before.selected == now.selected);
    if is_recorded && is_observed && is_selected && !state.adopted {
        return None;
    }
    Some(Record {
        stream,
        before: state.recorded.clone(),
        adopted: state.adopted,
        observed: state.observed.clone(),
        is_other_source: !is_observed,
        whole: state.whole.clone(),
    })
}

/// The form of `dockerImageReference`: what was written, pinned by digest, without the tag
/// (openshift-apiserver `registry/imagestreamimport/rest.go`, `MostSpecific().Exact()`).
pub fn recorded_reference(image: &Reference) -> String {
    image.clone().most_specific().to_string()
}

fn previous_digest(state: &TagState, fields: &[FieldPin]) -> Option<Digest> {
    let now = state.image().and_then(|image| image.digest);
    let recorded = state.recorded_digest();
    if recorded.is_some() && recorded != now {
        return recorded;
    }
    fields
        .iter()
        .find_map(|field| digest_in(field.trigger.target.current.as_deref()?))
        .or(recorded.filter(|_| !state.adopted))
}

fn reason_without_image(state: &TagState) -> Option<Reason> {
    match &state.outcome {
        Outcome::Without(Standing::Faulty) => None,
        Outcome::Without(standing) => Some(Reason::NotFollowed(standing.clone())),
        _ => reason_to_stay(state),
    }
}

fn reason_to_stay(state: &TagState) -> Option<Reason> {
    match &state.outcome {
        Outcome::Failed(resolution) => Some(Reason::Unresolved(resolution.clone())),
        Outcome::Uncopied(resolution) => Some(Reason::Uncopied(resolution.clone())),
        Outcome::Unchosen(why) => Some(Reason::Unchosen(why.clone())),
        Outcome::Young(young) => Some(Reason::Young(young.clone())),
        Outcome::Kept(
            _,
            standing @ (Standing::ImportedOnce
            | Standing::ListedOnce
            | Standing::NotDue(_)
            | Standing::Unlisted
            | Standing::SwitchedOff
            | Standing::SourceEmpty(_)
            | Standing::Elsewhere(_)),
        ) => Some(Reason::NotFollowed(standing.clone())),
        _ => None,
    }
}

/// A trigger of a stream tag that the environment's own streams do not have.
fn unknown_tag(trigger: &Trigger, streams: &[ImageStream]) -> Problem {
    let from = &trigger.from;
    let stream = streams.iter().find(|stream| stream.name == from.stream);
    // As `create imagestream` leaves it, for the first import to fill.
    if stream.is_some_and(|stream| stream.tags.is_empty() && stream.status.is_empty()) {
        let message = format!("the trigger names {from}, and that stream has no tag yet");
        let advice = format!("headwater tag SOURCE {from}, or `headwater import-image`");
        return Problem::warning(trigger.place.clone(), message).advice(advice);
    }
    let message = match stream {
        None => format!(
            "the trigger names the stream {}, which no manifest declares",
            from.stream
        ),
        Some(_) => format!("the trigger names {from}, and that stream has no such tag"),
    };
    let elsewhere = streams
        .iter()
        .find(|stream| stream.name.name == from.stream.name);
    let advice = match (stream, elsewhere) {
        (Some(stream), _) => {
            let status = stream.status.iter().map(|tag| tag.tag.as_str());
            let mut names: Vec<_> = stream.tags.iter().map(|tag| tag.name.as_str()).collect();
            names.extend(status.filter(|tag| stream.tag(tag).is_none()));
            format!("its tags are: {}", names.join(", "))
        }
        (None, Some(other)) => format!("did you mean {}?", other.name),
        (None, None) => "add an ImageStream of that name, or correct the trigger".to_owned(),
    };
    Problem::error(trigger.place.clone(), message).advice(advice)
}
