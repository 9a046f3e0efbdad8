//! `hold` and `release`: an environment takes no new image of a stream tag, and takes them again.

use jiff::Timestamp;

use crate::environment::EnvironmentName;
use crate::hold::Hold;
use crate::image::Digest;
use crate::plan;
use crate::plan::hold::{put_edit, take_off_edit};
use crate::problem::Problem;
use crate::stream::{StreamTagName, is_image};
use crate::verb::environment_tag::{Named, listed};
use crate::verb::{Draft, EnvironmentTag, Refused, Scene};

/// What a hold says beside what it holds.
#[derive(Clone, Debug)]
pub struct Note {
    pub by: Option<String>,
    pub reason: Option<String>,
    pub until: Option<Timestamp>,
    pub now: Timestamp,
}

impl Note {
    pub(crate) fn hold(&self, environment: &EnvironmentName, rejected: Option<Digest>) -> Hold {
        Hold {
            environment: environment.clone(),
            rejected,
            by: self.by.clone(),
            reason: self.reason.clone(),
            until: self.until,
        }
    }
}

/// The words of `hold`.
#[derive(Clone, Debug)]
pub struct Holding {
    pub tag: EnvironmentTag,
    /// The image that is not taken, or the beginning of its digest; none: no new one is.
    pub digest: Option<String>,
    pub note: Note,
}

/// Decides what `hold` writes.
pub fn hold(scene: &Scene<'_>, words: &Holding) -> Result<Draft, Refused> {
    let named = words.tag.find(scene)?;
    let Named {
        realm,
        stream,
        name,
    } = &named;
    let environment = &realm.environment.name;
    let tag = &name.tag;
    let rejected = match &words.digest {
        Some(text) => Some(digest(&named, text)?),
        None => None,
    };
    let new = words.note.hold(environment, rejected);
    let before = stream
        .tag(tag)
        .and_then(|tag| tag.settings.holds.of(environment));
    let mut draft = Draft::default();
    let is_same = before.is_some_and(|before| {
        // Who says so a second time changes nothing.
        let same_author = Hold {
            by: before.by.clone(),
            ..new.clone()
        };
        *before == same_author
    });
    if is_same {
        draft.say(format!("{name} in {environment} is held already"));
        return Ok(draft);
    }
    let edit = put_edit(stream, tag, &new).map_err(|problem| refused(&problem))?;
    if let Some(edit) = edit {
        draft.edit(&stream.document, edit);
    }
    draft.say(format!("{name} in {environment}: {new}"));
    if let Some(before) = before.filter(|before| !before.is_over(words.note.now)) {
        draft.say(format!("Before: {before}"));
    }
    let newest = stream.history(tag).first();
    if let (Some(rejected), Some(newest)) = (&new.rejected, newest)
        && newest.image == rejected.as_str()
    {
        draft.notes.push(format!(
            "{} is what {name} stands at; `headwater rollback {}` goes back from it",
            rejected.short(),
            named.typed(tag)
        ));
    }
    Ok(draft)
}

/// A whole digest, or the one recorded image of the tag that begins so.
fn digest(named: &Named<'_>, text: &str) -> Result<Digest, Refused> {
    if let Ok(digest) = text.parse() {
        return Ok(digest);
    }
    let history = named.stream.history(&named.name.tag);
    let mut hits: Vec<Digest> = Vec::new();
    for item in history.iter().filter(|item| is_image(&item.image, text)) {
        if let Ok(digest) = item.image.parse()
            && !hits.contains(&digest)
        {
            hits.push(digest);
        }
    }
    match hits.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let recorded = history.iter().map(|item| item.image.clone());
            let message = format!("no image of {} begins with {text}", named.name);
            Err(Refused::new(message).hint(listed("give a whole digest; recorded are", recorded)))
        }
        _ => {
            let names = hits.iter().map(ToString::to_string);
            let message = format!("{text} means several images of {}", named.name);
            Err(Refused::new(message).hint(listed("they are", names)))
        }
    }
}

/// Decides what `release` writes.
pub fn release(scene: &Scene<'_>, tag: &EnvironmentTag, now: Timestamp) -> Result<Draft, Refused> {
    let named = tag.find(scene)?;
    let Named {
        realm,
        stream,
        name,
    } = &named;
    let environment = &realm.environment.name;
    let holds = stream.tag(&name.tag).map(|tag| &tag.settings.holds);
    let before = holds.and_then(|holds| holds.of(environment)).cloned();
    let is_faulty = holds.is_some_and(|holds| !holds.faulty.is_empty());
    let mut draft = Draft::default();
    if before.is_some() || is_faulty {
        let edit = take_off_edit(stream, &name.tag, environment);
        if let Some(edit) = edit.map_err(|problem| refused(&problem))? {
            draft.edit(&stream.document, edit);
        }
    }
    match before {
        Some(before) => draft.say(format!(
            "{name} in {environment} is released; it was: {before}"
        )),
        None => draft.say(format!("nothing holds {name} in {environment}")),
    }
    // An alias is held with its tag.
    let streams = &realm.manifests.streams;
    let left = plan::holds(streams, environment, now).remove(name);
    for other in left.into_iter().flatten().filter_map(|held| held.of) {
        draft.notes.push(format!(
            "it is held as {}; `headwater release {}` releases that",
            StreamTagName {
                stream: name.stream.clone(),
                tag: other.clone()
            },
            named.typed(&other)
        ));
    }
    Ok(draft)
}

/// What a hold cannot be written for.
pub(crate) fn refused(problem: &Problem) -> Refused {
    let message = match &problem.place {
        Some(place) => format!("{place}: {}", problem.message),
        None => problem.message.clone(),
    };
    let refused = Refused::new(message);
    match &problem.advice {
        Some(advice) => refused.hint(advice),
        None => refused,
    }
}
