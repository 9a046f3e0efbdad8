//! Holds in a plan: which of them count, and what they hold back; `write` writes one, and
//! `wanted` those that people ask for.

pub(crate) mod wanted;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use crate::environment::{Environment, EnvironmentName};
use crate::hold::{HOLD, InForce};
use crate::plan::due::Move;
use crate::problem::Problem;
use crate::stream::{ImageStream, SpecTag, StreamTagName, TagSource};

pub use wanted::wanted;
pub use write::{put, take_off};
pub(crate) use write::{put_edit, take_off_edit};

/// The holds that count for an environment at a time, by stream tag.
pub type HoldsInForce = BTreeMap<StreamTagName, Vec<Held>>;

/// What holds a stream tag back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub hold: InForce,
    /// The tag of the same stream that has the hold, where this one is an alias of it.
    pub of: Option<String>,
}

impl Held {
    /// Whether it is against the move. A field may always go to what is recorded, unless just
    /// that was rejected.
    pub(crate) fn is_against(&self, moved: &Move) -> bool {
        match self.hold.rejected() {
            Some(digest) => moved.digest() == Some(digest),
            None => moved.record.is_some(),
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tag) = &self.of {
            write!(f, "as the tag {tag}: ")?;
        }
        write!(f, "{}", self.hold)
    }
}

/// The holds of `streams` that count in `environment` at `now`.
pub fn holds(
    streams: &[ImageStream],
    environment: &EnvironmentName,
    now: Timestamp,
) -> HoldsInForce {
    let mut in_force = HoldsInForce::new();
    for stream in streams {
        let of_tag = |tag: &SpecTag| tag.settings.holds.in_force(environment, now);
        if stream.tags.iter().all(|tag| tag.settings.holds.is_empty()) {
            continue;
        }
        for tag in &stream.tags {
            let own = of_tag(tag).map(|hold| Held { hold, of: None });
            let others = aliased(stream, tag).into_iter().filter_map(|other| {
                let of = Some(other.name.clone());
                Some(Held {
                    hold: of_tag(other)?,
                    of,
                })
            });
            let held: Vec<Held> = own.into_iter().chain(others).collect();
            if !held.is_empty() {
                let name = StreamTagName {
                    stream: stream.name.clone(),
                    tag: tag.name.clone(),
                };
                in_force.insert(name, held);
            }
        }
    }
    in_force
}

/// The tags of the same stream that `tag` stands for, one through another.
fn aliased<'s>(stream: &'s ImageStream, tag: &'s SpecTag) -> Vec<&'s SpecTag> {
    let mut chain = vec![tag];
    let mut at = tag;
    while let TagSource::StreamTag(next) = &at.source {
        match stream.tag(&next.tag) {
            Some(other)
                if next.stream == stream.name
                    && chain.iter().all(|seen| seen.name != other.name) =>
            {
                chain.push(other);
                at = other;
            }
            _ => break,
        }
    }
    chain.split_off(1)
}

/// When the first of the holds that count in `environment` at `now` is over.
pub fn next_end(
    streams: &[ImageStream],
    environment: &EnvironmentName,
    now: Timestamp,
) -> Option<Timestamp> {
    let tags = streams.iter().flat_map(|stream| &stream.tags);
    let holds = tags.filter_map(|tag| tag.settings.holds.of(environment));
    holds
        .filter(|hold| !hold.is_over(now))
        .filter_map(|hold| hold.until)
        .min()
}

/// Holds that name none of `environments`: nobody heeds them.
pub fn unheeded(streams: &[ImageStream], environments: &[Environment]) -> Vec<Problem> {
    let known: BTreeSet<&EnvironmentName> = environments.iter().map(|it| &it.name).collect();
    let names: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
    let tags = streams.iter().flat_map(|stream| &stream.tags);
    let holds = tags.flat_map(|tag| {
        let holds = tag.settings.holds.sound.iter();
        holds.map(move |hold| (tag, &hold.environment))
    });
    holds
        .filter(|(_, environment)| !known.contains(environment))
        .map(|(tag, environment)| {
            let message = format!(
                "the hold of the tag {} names the environment {environment}, and there is none",
                tag.name
            );
            let advice = format!("the environments are: {}", names.join(", "));
            Problem::warning(tag.place.clone(), message).advice(advice)
        })
        .collect()
}

/// What `validate` tells of the holds of an environment: those in force, and those that are over.
pub fn notes(
    streams: &[ImageStream],
    environment: &EnvironmentName,
    now: Timestamp,
) -> Vec<Problem> {
    let mut notes = Vec::new();
    for stream in streams {
        for tag in &stream.tags {
            let Some(hold) = tag.settings.holds.of(environment) else {
                continue;
            };
            let name = format!("{}:{} in {environment}", stream.name, tag.name);
            let place = tag.place.clone();
            notes.push(match hold.is_over(now) {
                true => Problem::note(place, format!("the hold of {name} is over: {hold}"))
                    .advice(format!("take it out of {HOLD}")),
                false => Problem::note(place, format!("{name}: {hold}")),
            });
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use crate::environment::Environment;
    use crate::manifest::{assemble, read_file};
    use crate::plan::hold::{holds, next_end};
    use crate::stream::ImageStream;

    fn stream(tags: &str) -> ImageStream {
        let text = format!(
            "kind: ImageStream\napiVersion: v1\nmetadata: {{name: web}}\nspec: {{tags: [{tags}]}}\n"
        );
        let environment = Environment::default();
        let files = [("a.yaml".parse().unwrap(), read_file(text.as_bytes()).into())];
        let environments = std::slice::from_ref(&environment);
        let mut manifests = assemble(&files, &[].into(), &environment, environments);
        manifests.streams.remove(0)
    }

    fn held(name: &str, from: &str, until: &str) -> String {
        let hold = format!(r#"{{"environment":"prod","by":"{name}","until":"{until}"}}"#);
        format!(
            "{{name: {name}, from: {{kind: ImageStreamTag, name: {from}}}, annotations: {{headwater.dev/hold: '{hold}'}}}}"
        )
    }

    #[test]
    fn a_tag_is_held_by_its_own_holds_and_by_those_of_what_it_stands_for() {
        let one = held("one", "two", "2026-09-01T08:00:00Z");
        let two = held("two", "one", "2026-09-03T08:00:00Z");
        let alias = "{name: alias, from: {kind: ImageStreamTag, name: one}}";
        let other = "{name: other}";
        let streams = [stream(&[&one, &two, alias, other].join(", "))];
        let prod = "prod".parse().unwrap();
        let counting = |now: &str| -> Vec<String> {
            let holds = holds(&streams, &prod, now.parse().unwrap());
            let lines = holds.iter().map(|(name, held)| {
                let held: Vec<String> = held.iter().map(ToString::to_string).collect();
                format!("{}: {}", name.tag, held.join("; "))
            });
            lines.collect()
        };
        // A circle, which others report, has an end here.
        let (first, second) = (
            "held by one until 2026-09-01T08:00:00Z",
            "held by two until 2026-09-03T08:00:00Z",
        );
        assert_eq!(
            counting("2026-09-01T07:59:59Z"),
            [
                format!("alias: as the tag one: {first}; as the tag two: {second}"),
                format!("one: {first}; as the tag two: {second}"),
                format!("two: {second}; as the tag one: {first}"),
            ]
        );
        assert_eq!(
            counting("2026-09-01T08:00:00Z"),
            [
                format!("alias: as the tag two: {second}"),
                format!("one: as the tag two: {second}"),
                format!("two: {second}"),
            ]
        );
        assert!(counting("2026-09-03T08:00:00Z").is_empty());
        let end = |now: &str| next_end(&streams, &prod, now.parse().unwrap());
        assert_eq!(
            end("2026-09-01T07:59:59Z").unwrap().to_string(),
            "2026-09-01T08:00:00Z"
        );
        assert_eq!(
            end("2026-09-01T08:00:00Z").unwrap().to_string(),
            "2026-09-03T08:00:00Z"
        );
        assert_eq!(end("2026-09-03T08:00:00Z"), None);
        assert_eq!(
            next_end(
                &streams,
                &"dev".parse().unwrap(),
                jiff::Timestamp::UNIX_EPOCH
            ),
            None
        );
    }
}
