//! Which stream tag a word names (oc `pkg/helpers/newapp/app/{imagestreamlookup,scorers,
//! componentresolvers}.go`).

use crate::stream::{ImageStream, SpecTag, StreamName, StreamTagName, TagSource};
use crate::verb::source::Spec;
use crate::verb::{Realm, Refused, Scene};

/// Where the original looks behind the current namespace.
const SHARED: &str = "openshift";
const LATEST: &str = "latest";
/// How far a match is from what was meant, in hundredths; from here on it is none.
const FARTHEST: u32 = 30;
/// The tag that was meant is missing.
const OTHER_TAG: u32 = 50;
/// So many matches are named.
const MOST_NAMED: usize = 5;

/// One stream tag that a word may mean, or a stream without any.
struct Match<'s> {
    stream: &'s ImageStream,
    tag: Option<String>,
    score: u32,
}

impl Match<'_> {
    /// `shop/web:1`
    fn name(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}:{tag}", self.stream.name),
            None => self.stream.name.to_string(),
        }
    }

    fn argument(&self) -> String {
        match self.tag {
            Some(_) => format!("--image-stream={:?}", self.name()),
            None => format!(
                "--image-stream={:?} --allow-missing-imagestream-tags",
                self.name()
            ),
        }
    }

    fn description(&self) -> String {
        let StreamName { namespace, name } = &self.stream.name;
        match &self.tag {
            Some(tag) => format!("Image stream {name:?} (tag {tag:?}) in project {namespace:?}"),
            None => format!("Image stream {name:?} in project {namespace:?}"),
        }
    }
}

/// The stream tag that `term` names: `latest` where it names none, and what `latest` stands for.
pub(crate) fn find(
    scene: &Scene<'_>,
    term: &str,
    allows_missing: bool,
) -> Result<StreamTagName, Refused> {
    let spec = Spec::parse(term).ok();
    let Some(spec) = spec.filter(|spec| spec.registry.is_none() && spec.id.is_none()) else {
        return Err(none(term));
    };
    let namespaces = match &spec.namespace {
        Some(namespace) => vec![namespace.as_str()],
        None if scene.namespace == SHARED => vec![SHARED],
        None => vec![scene.namespace.as_str(), SHARED],
    };
    // A trigger reaches no stream of another environment.
    let realm = scene.realm_of(&scene.namespace)?;
    let mut matches: Vec<Match<'_>> = Vec::new();
    for namespace in namespaces {
        for stream in streams(realm, namespace) {
            if let Some(score) = score(&stream.name.name, &spec.name) {
                matches.extend(tags(stream, spec.tag.as_deref(), score, allows_missing));
            }
        }
        if matches.iter().any(|it| it.score == 0) {
            break;
        }
    }
    matches.sort_by_key(|it| it.score);
    let found = resolve(term, &matches)?;
    Ok(StreamTagName {
        stream: found.stream.name.clone(),
        tag: found.tag.clone().unwrap_or_else(|| LATEST.to_owned()),
    })
}

/// `PerfectMatchWeightedResolver`.
fn resolve<'m, 's>(term: &str, matches: &'m [Match<'s>]) -> Result<&'m Match<'s>, Refused> {
    match matches {
        [] => Err(none(term)),
        [first, rest @ ..] if rest.first().is_none_or(|next| first.score < next.score) => {
            match (first.score, &first.tag) {
                (0, _) => Ok(first),
                (_, None) => Err(Refused::new(format!(
                    "no tags found on matching image stream: {:?}",
                    first.stream.name.to_string()
                ))
                .hint("use --allow-missing-imagestream-tags to use this image stream")),
                _ => Err(Refused::new(format!(
                    "only a partial match was found for {term:?}: {:?}",
                    first.name()
                ))
                .hint(format!(
                    "{}: use {} to specify this image",
                    first.description(),
                    first.argument()
                ))),
            }
        }
        several => {
            let named = several.iter().take(MOST_NAMED).map(Match::argument);
            let named = named.collect::<Vec<_>>().join(", ");
            let more = match several.len() > MOST_NAMED {
                true => ", …; `headwater get istag -A` shows them all",
                false => "",
            };
            Err(
                Refused::new(format!("multiple images or templates matched {term:?}"))
                    .hint(format!("one of {named}{more}")),
            )
        }
    }
}

fn none(term: &str) -> Refused {
    let refused = Refused::new(format!(
        "unable to locate any images in image streams with name {term:?}"
    ));
    refused.hint(
        "`headwater get is -A` shows the streams there are; `headwater import-image NAME --from=IMAGE --confirm` makes one of an image",
    )
}

/// The streams of a namespace, each name once.
fn streams<'s>(realm: &'s Realm<'_>, namespace: &str) -> Vec<&'s ImageStream> {
    let all = realm.manifests.streams.iter();
    let mut streams: Vec<&ImageStream> = all
        .filter(|stream| stream.name.namespace == namespace)
        .collect();
    streams.sort_by(|a, b| a.name.cmp(&b.name));
    streams.dedup_by(|a, b| a.name == b.name);
    streams
}

/// `stringProximityScorer`; none for what is no match.
fn score(name: &str, query: &str) -> Option<u32> {
    let (name_lower, query_lower) = (name.to_lowercase(), query.to_lowercase());
    let score = if name == query {
        0
    } else if name_lower == query_lower {
        2
    } else if name.starts_with(query) {
        10
    } else if name_lower.starts_with(&query_lower) {
        12
    } else if name.contains(query) {
        20
    } else if name_lower.contains(&query_lower) {
        22
    } else {
        100
    };
    (score < FARTHEST).then_some(score)
}

/// What of a stream matches: the tag itself, or those that it has instead.
fn tags<'s>(
    stream: &'s ImageStream,
    asked: Option<&str>,
    score: u32,
    allows_missing: bool,
) -> Vec<Match<'s>> {
    let hit = |tag: Option<&str>, score| Match {
        stream,
        tag: tag.map(str::to_owned),
        score,
    };
    let wanted = asked.unwrap_or(LATEST);
    let spec = stream.tag(wanted);
    // Who names no tag leaves the choice to the stream's author.
    let is_hidden_latest = asked.is_none() && spec.is_some_and(is_hidden);
    let followed = spec
        .filter(|_| asked.is_none() && !is_hidden_latest)
        .and_then(|spec| alias(stream, spec))
        .unwrap_or(wanted);
    if has_image(stream, followed) && !is_hidden_latest {
        return vec![hit(Some(followed), score)];
    }
    if allows_missing {
        return vec![hit(Some(followed), score)];
    }
    let others: Vec<&str> = names(stream)
        .into_iter()
        .filter(|tag| has_image(stream, tag))
        .collect();
    if others.is_empty() {
        return vec![hit(None, OTHER_TAG + score)];
    }
    // A stream whose tags are all hidden is as good as not there.
    let shown = others
        .into_iter()
        .filter(|tag| !stream.tag(tag).is_some_and(is_hidden));
    shown.map(|tag| hit(Some(tag), OTHER_TAG + score)).collect()
}

/// The tag of the same stream that a tag follows, where that one has an image and is not hidden.
fn alias<'s>(stream: &'s ImageStream, tag: &SpecTag) -> Option<&'s str> {
    let from = tag.settings.from.as_ref()?;
    if from.kind != "ImageStreamTag" || from.name.contains(':') {
        return None;
    }
    let target = stream.tag(&from.name).filter(|target| !is_hidden(target))?;
    has_image(stream, &target.name).then_some(target.name.as_str())
}

/// Whether an image is recorded, or will be by the next import: what stands in Git is not asked
/// for by a server at once.
pub(crate) fn has_image(stream: &ImageStream, tag: &str) -> bool {
    let recorded = stream.history(tag).first();
    let is_recorded = recorded.is_some_and(|event| !event.image.is_empty());
    let source = stream.tag(tag).map(|tag| &tag.source);
    is_recorded
        || matches!(
            source,
            Some(TagSource::Image(_) | TagSource::StreamTag(_) | TagSource::StreamImage { .. })
        )
}

fn names(stream: &ImageStream) -> Vec<&str> {
    let mut names: Vec<&str> = stream.status.iter().map(|it| it.tag.as_str()).collect();
    for tag in &stream.tags {
        if !names.contains(&tag.name.as_str()) {
            names.push(&tag.name);
        }
    }
    names
}

/// The annotation `tags` has `hidden` (oc `pkg/helpers/image`, `HasAnnotationTag`).
fn is_hidden(tag: &SpecTag) -> bool {
    let tags = tag.settings.annotations.get("tags");
    tags.is_some_and(|tags| tags.split(',').any(|it| it == "hidden"))
}
