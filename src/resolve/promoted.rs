//! Tags whose image comes from another environment, at a commit of it that was chosen.

use std::collections::{BTreeMap, BTreeSet};

use crate::environment::EnvironmentName;
use crate::resolve::follow::{Draft, World, recorded_alone};
use crate::resolve::link::{observed, take_over};
use crate::resolve::state::Standing;
use crate::stream::{
    ImageStream, SourceTag, SpecTag, StreamTagName, TagSource, counterpart, followed_image,
    is_ambiguous,
};

/// What an environment takes from others. A link to an environment that is not named here takes
/// what that is now.
#[derive(Clone, Debug, Default)]
pub struct Taking<'a> {
    /// Where the images of streams of the same name come from.
    pub from: Option<&'a EnvironmentName>,
    pub sources: BTreeMap<EnvironmentName, Taken<'a>>,
}

/// The streams of a source environment.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// At its tip.
    pub now: &'a [ImageStream],
    /// At its newest commit that the target has: what it had there and has no more is not the
    /// target's own before a merge says so.
    pub before: &'a [ImageStream],
    /// At the commit that was chosen; none: none passes the gates.
    pub chosen: Option<&'a [ImageStream]>,
}

/// The stream that another one's images come from.
pub(crate) struct Source<'a> {
    environment: &'a EnvironmentName,
    /// At its tip; none where the environment's streams are not known here.
    now: Option<&'a ImageStream>,
    /// All of them at its tip.
    streams: &'a [ImageStream],
    /// As the target knows it.
    before: Option<&'a ImageStream>,
    /// None where no commit was chosen.
    chosen: Option<Chosen<'a>>,
}

struct Chosen<'a> {
    streams: &'a [ImageStream],
    /// None where it was not there yet.
    stream: Option<&'a ImageStream>,
}

/// Where the images of `stream` come from by `promotedFrom`; none where it imports by itself.
pub(crate) fn source<'a>(world: &World<'a>, stream: &ImageStream) -> Option<Source<'a>> {
    let environment = world.taking.from?;
    let Some(taken) = world.taking.sources.get(environment) else {
        return Some(Source {
            environment,
            now: None,
            streams: &[],
            before: None,
            chosen: None,
        });
    };
    let of_name = |streams: &'a [ImageStream]| counterpart(streams, &stream.name);
    if is_ambiguous(taken.now, &stream.name) {
        return Some(Source {
            environment,
            now: None,
            streams: &[],
            before: None,
            chosen: None,
        });
    }
    let before = of_name(taken.before);
    let chosen = || taken.chosen.and_then(of_name);
    Some(Source {
        environment,
        now: Some(of_name(taken.now).or_else(chosen).or(before)?),
        streams: taken.now,
        before,
        chosen: taken.chosen.map(|streams| Chosen {
            streams,
            stream: of_name(streams),
        }),
    })
}

impl Source<'_> {
    /// The tag, where the source has it; none where it is this environment's own. A link to a
    /// stream of another environment wins.
    pub fn follow(&self, stream: &ImageStream, tag: &SpecTag) -> Option<Draft> {
        let is_link = match &tag.source {
            TagSource::StreamTag(from) => from.stream != stream.name,
            TagSource::StreamImage { .. } => true,
            _ => false,
        };
        if is_link || !self.has(&tag.name) {
            return None;
        }
        let mut draft = Draft::new(stream, &tag.name, &tag.place);
        self.fill(&mut draft, Some(tag));
        Some(draft)
    }

    /// Tags without a place in the spec: what the source records of its own such tags, and what is
    /// recorded here alone.
    pub fn follow_unnamed(&self, stream: &ImageStream) -> Vec<Draft> {
        let chosen = self.chosen.as_ref().and_then(|chosen| chosen.stream);
        let of = |stream: &ImageStream| -> BTreeSet<String> {
            let recorded = stream
                .status
                .iter()
                .filter(|status| !status.items.is_empty());
            let unnamed = recorded.filter(|status| stream.tag(&status.tag).is_none());
            unnamed.map(|status| status.tag.clone()).collect()
        };
        let promoted: BTreeSet<String> = chosen.map(of).unwrap_or_default();
        let own = recorded_alone(stream).filter(|draft| !promoted.contains(&draft.name.tag));
        let mut drafts: Vec<Draft> = own.collect();
        for name in promoted.iter().filter(|name| stream.tag(name).is_none()) {
            let mut draft = Draft::new(stream, name, &stream.place);
            self.fill(&mut draft, None);
            drafts.push(draft);
        }
        drafts
    }

    fn has(&self, tag: &str) -> bool {
        let Some(now) = self.now else {
            // Importing what the source may have is what must never be.
            return true;
        };
        let chosen = self.chosen.as_ref().and_then(|chosen| chosen.stream);
        let streams = [Some(now), chosen, self.before].into_iter().flatten();
        let mut known =
            streams.map(|stream| stream.tag(tag).is_some() || !stream.history(tag).is_empty());
        known.any(|has| has)
    }

    fn fill(&self, draft: &mut Draft, tag: Option<&SpecTag>) {
        let source = SourceTag {
            environment: self.environment.clone(),
            tag: StreamTagName {
                stream: self
                    .now
                    .map_or_else(|| draft.name.stream.clone(), |now| now.name.clone()),
                tag: draft.name.tag.clone(),
            },
        };
        draft.observed = tag.map(|tag| observed(source.to_string(), tag));
        draft.promoted_from = Some(source.clone());
        let chosen = self.chosen.as_ref();
        let known = chosen.and_then(|chosen| Some((chosen.stream?, chosen.streams)));
        let known = known.or_else(|| Some((self.now?, self.streams)));
        let named = known.and_then(|(stream, streams)| {
            let name = StreamTagName {
                stream: stream.name.clone(),
                tag: draft.name.tag.clone(),
            };
            followed_image(&name, |name| {
                streams.iter().find(|stream| stream.name == *name)
            })
        });
        // What stays is known by the name that the source follows, else by its own.
        let own = tag.and_then(|tag| tag.source.image());
        draft.source = named.or(own).cloned();
        let Some(chosen) = chosen else {
            draft.keep(Standing::Promoted(source));
            return;
        };
        let item = chosen
            .stream
            .and_then(|stream| stream.history(&draft.name.tag).first());
        let Some(item) = item else {
            draft.keep(Standing::SourceEmpty(source.tag));
            return;
        };
        take_over(item, named, draft);
    }
}
