//! What Git says of all environments together: who needs which image, and which images streams
//! have had.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::copying::is_keeping_tag;
use crate::environment::Carry;
use crate::image::{Digest, Reference, Tag};
use crate::manifest::{INTEGRATED, Manifests};
use crate::policy::IntegratedRegistry;
use crate::snapshot::FilePath;
use crate::stream::{ImageStream, StatusTag, StreamTagName, TagEvent, TagSource, is_image};
use crate::verb::prune::mention::{Mentions, Named, Tagged, Tags};
use crate::verb::prune::trail::Trails;
use crate::verb::prune::verdict::Tagging;
use crate::verb::prune::{Place, Reason, Wishes};

/// The first that speaks for an image is the one that is told.
#[derive(Clone, Debug, Default)]
pub struct Books {
    needed: BTreeMap<Digest, Reason>,
    /// Beginnings of digests, and where they stand.
    begun: BTreeMap<String, String>,
    /// By the path of a repository.
    tagged: BTreeMap<String, Vec<(Tags, String)>>,
    /// Where the name is not whole.
    tagged_below: Vec<(Tagged, String)>,
    /// Images that are named, where they may lie: by the path of a repository, or anywhere.
    named: BTreeMap<Option<String>, BTreeSet<Digest>>,
    streams: BTreeMap<Place, Stream>,
    trails: Trails,
}

/// A stream in all environments that have it.
#[derive(Clone, Debug, Default)]
struct Stream {
    /// What some version of its files has recorded.
    recorded: BTreeMap<Digest, Recorded>,
    /// When it came into Git first; none where nobody knows.
    since: Option<Timestamp>,
}

/// What is recorded of an image that a stream had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// When a tag came to it last; none where one item does not say.
    came: Option<Timestamp>,
    /// An item names it in the registry itself.
    is_pushed: bool,
    /// An item has no time that can be read.
    is_timeless: bool,
}

impl Books {
    /// The streams of one environment as they stand on one branch; `place` says which. With
    /// `registry`, its streams are known; without, as on a branch that waits, they only speak for
    /// what they have.
    pub fn read_streams(
        &mut self,
        place: &str,
        manifests: &Manifests,
        registry: Option<&IntegratedRegistry>,
        wishes: &Wishes,
    ) {
        for stream in &manifests.streams {
            for tag in &stream.tags {
                match &tag.source {
                    TagSource::Pushed(reference) => {
                        let name = stream_tag(stream, &tag.name);
                        let place = format!("{name} in {place}, which takes what is pushed");
                        self.need_tag(reference, place);
                    }
                    TagSource::StreamImage { prefix, .. } => {
                        let place = format!("{place}: {}", tag.place);
                        self.begun.entry(prefix.clone()).or_insert(place);
                    }
                    _ => {}
                }
            }
            self.read_status(place, stream, wishes);
            if let Some(registry) = registry {
                for status in &stream.status {
                    self.record(place, registry, stream, status);
                }
            }
        }
    }

    fn read_status(&mut self, place: &str, stream: &ImageStream, wishes: &Wishes) {
        for status in &stream.status {
            let kept = status.items.iter().take(wishes.keep_revisions.max(1));
            for (position, item) in kept.enumerate() {
                let tag = stream_tag(stream, &status.tag);
                match item.image.parse::<Digest>() {
                    Ok(digest) => {
                        let reason = Reason::Newest {
                            tag,
                            position,
                            place: place.to_owned(),
                        };
                        self.need(digest, reason);
                    }
                    // Used as it is written.
                    Err(_) => {
                        if let Ok(reference) = item.reference.parse::<Reference>() {
                            self.need_tag(&reference, format!("{tag} in {place}"));
                        }
                    }
                }
            }
        }
    }

    /// What a file names; `place` is the branch.
    pub fn read_mentions(&mut self, place: &str, file: &FilePath, mentions: Mentions) {
        let at = |line: u32| format!("{place}: {file}:{line}");
        for (digest, path, line) in mentions.digests {
            self.named.entry(path).or_default().insert(digest.clone());
            self.need(digest, Reason::Named { place: at(line) });
        }
        for (beginning, line) in mentions.beginnings {
            self.begun.entry(beginning).or_insert_with(|| at(line));
        }
        for (tagged, line) in mentions.tags {
            self.need_tags(tagged, at(line));
        }
    }

    /// What a version of a stream's file says that a tag had in an environment.
    pub fn record(
        &mut self,
        environment: &str,
        registry: &IntegratedRegistry,
        stream: &ImageStream,
        status: &StatusTag,
    ) {
        for item in &status.items {
            let tag = stream_tag(stream, &status.tag);
            self.trails.record(environment, tag, item);
            self.stream(registry, stream).record(item, registry);
        }
    }

    /// What a promotion may still take, once everything is recorded.
    pub fn read_promotion(
        &mut self,
        (source, streams): (&str, &Manifests),
        (target, manifests): (&str, &Manifests),
        carry: Carry,
    ) {
        for stream in &streams.streams {
            for (digest, tag) in self.trails.ahead(source, stream, manifests, carry) {
                let reason = Reason::Ahead {
                    tag,
                    source: source.to_owned(),
                    target: target.to_owned(),
                };
                self.need(digest, reason);
            }
        }
    }

    /// That the stream was there at this time.
    pub fn was_there(
        &mut self,
        registry: &IntegratedRegistry,
        stream: &ImageStream,
        time: Timestamp,
    ) {
        let known = self.stream(registry, stream);
        known.since = Some(known.since.map_or(time, |since| since.min(time)));
    }

    /// Where images of streams lie, as far as they are asked for.
    pub fn places(&self, wishes: &Wishes) -> Vec<&Place> {
        let is_wanted = |place: &&Place| {
            let namespace = wishes.namespace.as_ref();
            namespace.is_none_or(|wanted| place.stream.namespace == *wanted)
        };
        self.streams.keys().filter(is_wanted).collect()
    }

    /// Images that may go from `place`, whose tags are these, as far as Git can tell.
    pub fn suspects(&self, place: &Place, tags: &Tagging, wishes: &Wishes) -> BTreeSet<Digest> {
        let candidates = self.candidates(place);
        let is_suspect = |digest: &Digest| self.keeps(place, tags, digest, wishes).is_none();
        candidates.into_iter().filter(is_suspect).collect()
    }

    /// Images that may be at `place` and are needed: an index among them speaks for its images.
    pub fn needed_at(&self, place: &Place) -> BTreeSet<Digest> {
        let path = place.stream.to_string();
        let named = [Some(path), None];
        let named = named.iter().filter_map(|path| self.named.get(path));
        let stream = self.streams.get(place);
        let recorded = stream.into_iter().flat_map(|stream| stream.recorded.keys());
        let needed = recorded.filter(|digest| self.needed.contains_key(*digest));
        named.flatten().chain(needed).cloned().collect()
    }

    /// Whether only the image itself can say how old it is.
    pub fn is_timeless(&self, place: &Place, digest: &Digest) -> bool {
        let recorded = self.recorded(place, digest);
        recorded.is_none_or(|recorded| recorded.is_timeless || recorded.came.is_none())
    }

    /// What the stream has had. A copy that is not among that may wait for its branch.
    pub(super) fn candidates(&self, place: &Place) -> BTreeSet<Digest> {
        let stream = self.streams.get(place);
        let recorded = stream.into_iter().flat_map(|stream| stream.recorded.keys());
        recorded.cloned().collect()
    }

    /// Why Git says that an image stays.
    pub(super) fn keeps(
        &self,
        place: &Place,
        tags: &Tagging,
        digest: &Digest,
        wishes: &Wishes,
    ) -> Option<Reason> {
        let stream = self.streams.get(place)?;
        if stream.since.is_none_or(|since| wishes.is_young(since)) {
            return Some(Reason::NewStream);
        }
        let by_name = self.speaks_for(place, tags, digest);
        by_name.or_else(|| {
            let is_held = tags
                .get(digest)
                .is_some_and(|own| own.iter().any(is_keeping_tag));
            let recorded = stream.recorded.get(digest);
            let is_pushed = recorded.is_some_and(|recorded| recorded.is_pushed);
            if !wishes.all && (!is_pushed || is_held) {
                return Some(Reason::Copied);
            }
            let came = recorded.and_then(|recorded| recorded.came)?;
            wishes.is_young(came).then_some(Reason::Young)
        })
    }

    /// Who needs an image, whatever its age.
    pub(super) fn speaks_for(
        &self,
        place: &Place,
        tags: &Tagging,
        digest: &Digest,
    ) -> Option<Reason> {
        if let Some(reason) = self.needed.get(digest) {
            return Some(reason.clone());
        }
        let path = place.stream.to_string();
        let by_tag = tags.get(digest).into_iter().flatten().find_map(|tag| {
            Some(Reason::Tagged {
                tag: tag.to_string(),
                place: self.speaker(&path, tag)?.to_owned(),
            })
        });
        by_tag.or_else(|| {
            let mut begun = self.begun.iter();
            let (beginning, place) = begun.find(|(it, _)| is_image(digest.as_str(), it))?;
            Some(Reason::Begun {
                beginning: beginning.clone(),
                place: place.clone(),
            })
        })
    }

    /// Where a tag of the repository at `path` is named.
    fn speaker(&self, path: &str, tag: &Tag) -> Option<&str> {
        let own = self.tagged.get(path).into_iter().flatten();
        let own = own.filter(|(tags, _)| tags.mean(tag.as_str()));
        let below = self.tagged_below.iter();
        let below = below.filter(|(tagged, _)| tagged.means(path, tag.as_str()));
        let mut places = own
            .map(|(_, place)| place)
            .chain(below.map(|(_, place)| place));
        places.next().map(String::as_str)
    }

    fn recorded(&self, place: &Place, digest: &Digest) -> Option<&Recorded> {
        self.streams.get(place)?.recorded.get(digest)
    }

    fn need(&mut self, digest: Digest, reason: Reason) {
        self.needed.entry(digest).or_insert(reason);
    }

    fn need_tag(&mut self, reference: &Reference, place: String) {
        let tagged = Tagged {
            repository: Named::Path(reference.repository.path().to_owned()),
            tags: Tags::One(reference.tag_or_latest().to_owned()),
        };
        self.need_tags(tagged, place);
    }

    fn need_tags(&mut self, tagged: Tagged, place: String) {
        match tagged.repository {
            Named::Below(_) => self.tagged_below.push((tagged, place)),
            Named::Path(path) => {
                let known = self.tagged.entry(path).or_default();
                if known.iter().all(|(tags, _)| *tags != tagged.tags) {
                    known.push((tagged.tags, place));
                }
            }
        }
    }

    fn stream(&mut self, registry: &IntegratedRegistry, stream: &ImageStream) -> &mut Stream {
        let place = Place {
            host: registry.host.clone(),
            stream: stream.name.clone(),
        };
        self.streams.entry(place).or_default()
    }
}

impl Stream {
    fn record(&mut self, item: &TagEvent, registry: &IntegratedRegistry) {
        let Ok(digest) = item.image.parse::<Digest>() else {
            return;
        };
        let recorded = self.recorded.entry(digest).or_default();
        match item.created.parse::<Timestamp>() {
            Ok(time) => recorded.came = Some(recorded.came.map_or(time, |came| came.max(time))),
            Err(_) => recorded.is_timeless = true,
        }
        let reference = item.reference.parse::<Reference>().ok();
        let host = reference.as_ref().and_then(|it| it.repository.registry());
        recorded.is_pushed |=
            host.is_some_and(|host| registry.is_named(host) || INTEGRATED.contains(&host));
    }
}

fn stream_tag(stream: &ImageStream, tag: &str) -> StreamTagName {
    StreamTagName {
        stream: stream.name.clone(),
        tag: tag.to_owned(),
    }
}
