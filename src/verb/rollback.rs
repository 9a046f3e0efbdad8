//! `rollback`: an earlier image of a stream tag is its newest again, and the one that leaves is
//! held.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::environment::EnvironmentName;
use crate::hold::{Hold, InForce};
use crate::image::{Digest, Reference};
use crate::plan::hold::put_edit;
use crate::plan::{status_entry, status_path};
use crate::revision::CommitId;
use crate::stream::{ImageStream, StreamTagName, TagEvent, TagSource, is_image};
use crate::verb::environment_tag::{Named, listed};
use crate::verb::hold::{Note, refused};
use crate::verb::{Draft, EnvironmentTag, Realm, Refused, Scene};

/// The words of `rollback`.
#[derive(Clone, Debug)]
pub struct Rollback {
    pub tag: EnvironmentTag,
    pub to: Earlier,
    pub note: Note,
    /// How many images of a tag stay in its status.
    pub history_limit: usize,
}

/// Which image is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// So many different ones back.
    Steps(usize),
    /// A digest or the beginning of one.
    Digest(String),
    /// What it had at a commit.
    At(CommitId),
    /// What it had just before a time.
    Before(Timestamp),
}

/// What Git remembers of the tag.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Newest first.
    pub moves: Vec<Moved>,
    /// Items as some version of the stream's file recorded them, each digest once.
    pub items: Vec<TagEvent>,
    /// The number of the move that counted at the commit of [`Earlier::At`].
    pub at: Option<usize>,
}

/// A commit by which the tag came to another image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub commit: CommitId,
    pub time: Option<Timestamp>,
    /// None where it lost its image.
    pub image: Option<String>,
    /// The tag of the repository that a rule chose.
    pub selected: Option<String>,
}

/// The image that a rollback leads to, as it is recorded; none where the tag has it already.
pub fn destination(
    scene: &Scene<'_>,
    words: &Rollback,
    memory: &Memory,
) -> Result<Option<Reference>, Refused> {
    let Decision {
        named,
        current,
        wanted,
        ..
    } = decide(scene, words, memory)?;
    if wanted == current {
        return Ok(None);
    }
    let reference = reference(&named, memory, &wanted)?;
    let reference = reference.and_then(|reference| reference.parse::<Reference>().ok());
    Ok(reference.map(|found| Reference::pinned(found.repository, None, wanted)))
}

struct Decision<'s> {
    named: Named<'s>,
    current: Digest,
    hold: Option<Hold>,
    past: Past,
    wanted: Digest,
}

fn decide<'s>(
    scene: &'s Scene<'_>,
    words: &Rollback,
    memory: &Memory,
) -> Result<Decision<'s>, Refused> {
    let named = words.tag.find(scene)?;
    refuse_alias(&named)?;
    let environment = &named.realm.environment.name;
    let (name, tag) = (&named.name, &named.name.tag);
    let history = named.stream.history(tag);
    let newest = history
        .first()
        .ok_or_else(|| Refused::new(format!("{name} has no image in {environment} yet")))?;
    let Ok(current) = newest.image.parse::<Digest>() else {
        let message = format!("{name} names its image as written, so no digest of it is recorded");
        return Err(Refused::new(message));
    };
    let hold = in_force(named.stream, tag, environment, words.note.now);
    let rejected = hold.as_ref().and_then(|hold| hold.rejected.clone());
    let past = Past::new(history, memory, &current, rejected.as_ref());
    let wanted = past.wanted(&words.to, memory, name)?;
    Ok(Decision {
        named,
        current,
        hold,
        past,
        wanted,
    })
}

/// Decides what `rollback` writes.
pub fn rollback(scene: &Scene<'_>, words: &Rollback, memory: &Memory) -> Result<Draft, Refused> {
    let Decision {
        named,
        current,
        hold,
        past,
        wanted,
    } = decide(scene, words, memory)?;
    let Named {
        realm,
        stream,
        name,
    } = &named;
    let environment = &realm.environment.name;
    let tag = &name.tag;
    let rejected = hold.as_ref().and_then(|hold| hold.rejected.clone());
    let mut draft = Draft::default();
    if wanted == current {
        draft.say(format!(
            "{name} in {environment} is at {} already",
            current.short()
        ));
        return Ok(draft);
    }
    // The hold stays then, and its image would not be taken.
    if past.is_rolled_back && Some(&wanted) == rejected.as_ref() {
        let message = format!("{name} in {environment}: {} is held", wanted.short());
        let hint = format!(
            "`headwater release {}` lets it be proposed again",
            named.typed(tag)
        );
        return Err(Refused::new(message).hint(hint));
    }
    put_newest(&mut draft, &named, words, memory, &wanted)?;
    draft.say(format!(
        "{name} in {environment} goes back from {} to {}",
        current.short(),
        wanted.short()
    ));
    let typed = named.typed(tag);
    match hold {
        // Whatever comes next is held already.
        Some(hold) if hold.rejected.is_none() || past.is_rolled_back => {
            draft.say(format!("What holds it stays: {hold}"));
        }
        _ => {
            let hold = words.note.hold(environment, Some(current.clone()));
            let edit = put_edit(stream, tag, &hold).map_err(|problem| refused(&problem))?;
            if let Some(edit) = edit {
                draft.edit(&stream.document, edit);
            }
            draft.say(format!(
                "{} is held until the source moves past it, or until `headwater release {typed}`",
                current.short()
            ));
        }
    }
    draft.touched = followers(realm, name);
    Ok(draft)
}

/// An alias goes where its tag goes: there is the history, and there the hold.
fn refuse_alias(named: &Named<'_>) -> Result<(), Refused> {
    let Named { stream, name, .. } = named;
    match stream.tag(&name.tag).map(|tag| &tag.source) {
        Some(TagSource::StreamTag(source)) if source.stream == stream.name => {
            let message = format!("{name} is an alias of {source} and goes where that goes");
            let hint = format!("headwater rollback {}", named.typed(&source.tag));
            Err(Refused::new(message).hint(hint))
        }
        _ => Ok(()),
    }
}

/// The environment's own hold, where it counts.
fn in_force(
    stream: &ImageStream,
    tag: &str,
    environment: &EnvironmentName,
    now: Timestamp,
) -> Option<Hold> {
    match stream.tag(tag)?.settings.holds.in_force(environment, now)? {
        InForce::Sound(hold) => Some(hold),
        InForce::Faulty(_) => None,
    }
}

/// The images that a tag had, and where in them it stands.
struct Past {
    /// Newest first; one that was there several times stands there several times.
    images: Vec<Digest>,
    /// The first of those that came before the current one.
    before: usize,
    /// The current one is there because somebody went back from the one that is held.
    is_rolled_back: bool,
    current: Digest,
    rejected: Option<Digest>,
}

impl Past {
    fn new(
        history: &[TagEvent],
        memory: &Memory,
        current: &Digest,
        rejected: Option<&Digest>,
    ) -> Self {
        let mut images: Vec<Digest> = Vec::new();
        images.extend(history.iter().filter_map(|item| item.image.parse().ok()));
        let older = memory.moves.iter().filter_map(|moved| moved.image.as_ref());
        for image in older.chain(memory.items.iter().map(|item| &item.image)) {
            if let Ok(image) = image.parse()
                && !images.contains(&image)
            {
                images.push(image);
            }
        }
        // Going back again begins where the tag was before, and not at what was left.
        let left = rejected.and_then(|held| images.iter().position(|image| image == held));
        let again = left.and_then(|left| {
            let mut older = images.iter().enumerate().skip(left);
            let (place, _) = older.find(|(_, image)| *image == current)?;
            Some(place)
        });
        Self {
            before: again.unwrap_or_default() + 1,
            is_rolled_back: again.is_some(),
            current: current.clone(),
            rejected: rejected.cloned(),
            images,
        }
    }

    /// Each image that is neither the current nor the held one, once, the nearest first.
    fn earlier(&self) -> Vec<&Digest> {
        let mut earlier: Vec<&Digest> = Vec::new();
        for image in self.images.iter().skip(self.before) {
            let is_out = *image == self.current || Some(image) == self.rejected.as_ref();
            if !is_out && !earlier.contains(&image) {
                earlier.push(image);
            }
        }
        earlier
    }

    fn wanted(
        &self,
        to: &Earlier,
        memory: &Memory,
        name: &StreamTagName,
    ) -> Result<Digest, Refused> {
        let refuse = |message: String| {
            let mut known: Vec<&Digest> = Vec::new();
            for image in &self.images {
                if !known.contains(&image) {
                    known.push(image);
                }
            }
            let known = known.into_iter().map(ToString::to_string);
            Refused::new(message).hint(listed("it had, newest first", known))
        };
        match to {
            Earlier::Steps(steps) => {
                let earlier = self.earlier();
                let found = steps.checked_sub(1).and_then(|back| earlier.get(back));
                found.map(|digest| (*digest).clone()).ok_or_else(|| {
                    refuse(match earlier.len() {
                        0 => format!("{name} has no earlier image here"),
                        1 => format!("{name} has one earlier image here, and not {steps}"),
                        count => format!("{name} has {count} earlier images here, and not {steps}"),
                    })
                })
            }
            Earlier::Digest(prefix) => {
                let hits: BTreeSet<&Digest> = self
                    .images
                    .iter()
                    .filter(|image| is_image(image.as_str(), prefix))
                    .collect();
                match hits.iter().collect::<Vec<_>>().as_slice() {
                    [one] => Ok((**one).clone()),
                    [] => Err(refuse(format!("{name} never had {prefix} here"))),
                    _ => Err(refuse(format!("{prefix} means several images of {name}"))),
                }
            }
            Earlier::At(commit) => {
                let moved = memory.at.and_then(|number| memory.moves.get(number));
                image_of(moved)
                    .ok_or_else(|| refuse(format!("{name} had no image at {}", commit.short())))
            }
            Earlier::Before(time) => {
                let is_before = |moved: &&Moved| moved.time.is_some_and(|at| at < *time);
                image_of(memory.moves.iter().find(is_before))
                    .ok_or_else(|| refuse(format!("{name} had no image before {time}")))
            }
        }
    }
}

fn image_of(moved: Option<&Moved>) -> Option<Digest> {
    moved?.image.as_ref()?.parse().ok()
}

/// The image as the newest item of the tag's status, and what a rule had chosen when it came.
fn put_newest(
    draft: &mut Draft,
    named: &Named<'_>,
    words: &Rollback,
    memory: &Memory,
    wanted: &Digest,
) -> Result<(), Refused> {
    let (stream, tag) = (named.stream, &named.name.tag);
    let history = stream.history(tag);
    let newest = history.first();
    let Some(reference) = reference(named, memory, wanted)? else {
        return Ok(());
    };
    let mut items = history.to_vec();
    items.insert(
        0,
        TagEvent {
            created: second(words.note.now).to_string(),
            reference,
            image: wanted.to_string(),
            generation: newest.map_or(1, |item| item.generation),
        },
    );
    items.truncate(words.history_limit.max(2));
    let entry = status_entry(tag, &items);
    draft.put(&stream.document, status_path(stream, tag), entry);
    let came = memory
        .moves
        .iter()
        .find(|moved| moved.image.as_deref() == Some(wanted.as_str()) && moved.selected.is_some());
    let has_rule = stream
        .observed
        .get(tag)
        .is_some_and(|seen| seen.selected.is_some());
    if let Some(selected) = came.and_then(|moved| moved.selected.clone())
        && has_rule
        && let Some(Value::Object(seen)) = draft.observed(stream).get_mut(tag)
    {
        seen.insert("selected".to_owned(), selected.into());
    }
    Ok(())
}

/// By which name the tag had the image; none where it never had any.
fn reference(
    named: &Named<'_>,
    memory: &Memory,
    wanted: &Digest,
) -> Result<Option<String>, Refused> {
    let history = named.stream.history(&named.name.tag);
    let is_wanted = |item: &&TagEvent| item.image == wanted.as_str();
    let known = history.iter().chain(&memory.items).find(is_wanted);
    match (known, history.first()) {
        (Some(item), _) => Ok(Some(item.reference.clone())),
        (None, Some(newest)) => {
            let Ok(written) = newest.reference.parse::<Reference>() else {
                let message = format!("no reference of {} is recorded", wanted.short());
                return Err(Refused::new(message));
            };
            let pinned = Reference::pinned(written.repository, None, wanted.clone());
            Ok(Some(pinned.to_string()))
        }
        (None, None) => Ok(None),
    }
}

fn second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// The tag, and the environment's own tags that stand for it, one through another.
fn followers(realm: &Realm<'_>, name: &StreamTagName) -> BTreeSet<StreamTagName> {
    let mut sources: BTreeMap<StreamTagName, StreamTagName> = BTreeMap::new();
    for stream in &realm.manifests.streams {
        for tag in &stream.tags {
            if let TagSource::StreamTag(source) = &tag.source {
                let own = StreamTagName {
                    stream: stream.name.clone(),
                    tag: tag.name.clone(),
                };
                sources.insert(own, source.clone());
            }
        }
    }
    let mut found = BTreeSet::from([name.clone()]);
    loop {
        let is_new = |own: &&StreamTagName| {
            let source = sources.get(*own);
            !found.contains(*own) && source.is_some_and(|source| found.contains(source))
        };
        let new: Vec<StreamTagName> = sources.keys().filter(is_new).cloned().collect();
        if new.is_empty() {
            return found;
        }
        found.extend(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(letter: char) -> Digest {
        format!("sha256:{}", letter.to_string().repeat(64))
            .parse()
            .unwrap()
    }

    fn item(letter: char) -> TagEvent {
        TagEvent {
            created: String::new(),
            reference: String::new(),
            image: digest(letter).to_string(),
            generation: 1,
        }
    }

    /// The earlier images of a status, newest first, whose first item counts; then those that its
    /// branch had before.
    fn earlier(status: &str, moves: &str, rejected: Option<char>) -> String {
        let history: Vec<TagEvent> = status.chars().map(item).collect();
        let memory = Memory {
            items: moves.chars().map(item).collect(),
            ..Memory::default()
        };
        let current = digest(status.chars().next().unwrap());
        let rejected = rejected.map(digest);
        let past = Past::new(&history, &memory, &current, rejected.as_ref());
        let earlier = past.earlier();
        let letters = earlier.iter().map(|image| image.encoded().chars().next());
        letters.flatten().collect()
    }

    #[test]
    fn going_back_counts_different_images_from_where_the_tag_is() {
        for (status, moves, rejected, expected) in [
            ("cba", "", None, "ba"),
            ("cbabcb", "", None, "ba"),
            ("cb", "cba", None, "ba"),
            ("a", "", None, ""),
            // Back at b, and the source still at c: on from b's own place.
            ("bcba", "", Some('c'), "a"),
            ("abcba", "", Some('c'), ""),
            ("bc", "bcba", Some('c'), "a"),
            // A newer one has come since: what was rejected is passed over.
            ("dbcba", "", Some('c'), "ba"),
            // Rejected before it was ever here.
            ("cba", "", Some('f'), "ba"),
        ] {
            assert_eq!(
                earlier(status, moves, rejected),
                expected,
                "{status} {moves} {rejected:?}"
            );
        }
    }
}
