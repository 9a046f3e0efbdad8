//! Tags whose image is recorded in a stream: another tag's, or one from its history.

use crate::environment::EnvironmentName;
use crate::image::{Digest, Reference};
use crate::problem::Problem;
use crate::resolve::access::{advice, refusal};
use crate::resolve::follow::{Course, Draft, World};
use crate::resolve::image::insecure;
use crate::resolve::inquiry::{Asking, Inquiry};
use crate::resolve::state::{Outcome, Standing};
use crate::stream::{
    ImageStream, ImportMode, Observed, SourceTag, SpecTag, StreamName, StreamTagName, TagEvent,
    TagSource, followed_image, is_image,
};

/// An image that is written nowhere is asked for at so many of the stream's repositories.
const MAX_REPOSITORIES: usize = 5;

/// `from.kind: ImageStreamTag`, in the same stream: walks the alias to the tag that it stands for
/// in the end.
pub(crate) fn alias(
    stream: &ImageStream,
    tag: &SpecTag,
    first: &StreamTagName,
    draft: &mut Draft,
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
        let target = stream.tag(&next.tag);
        match target.map(|target| (target, &target.source)) {
            Some((target, TagSource::StreamTag(further))) if further.stream == stream.name => {
                seen.push(&target.name);
                next = further;
            }
            None if !is_filled(stream, &next.tag) => {
                problems.push(dangling(
                    tag,
                    &format!("{} has no tag `{}`", stream.name, next.tag),
                ));
                return;
            }
            _ => {
                draft.observed = Some(observed(first.tag.clone(), tag));
                draft.course = Course::Same(next.clone());
                return;
            }
        }
    }
}

/// A tag without a place in the spec may have images nevertheless.
fn is_filled(stream: &ImageStream, tag: &str) -> bool {
    stream.whole_repository.is_some() || !stream.history(tag).is_empty()
}

fn dangling(tag: &SpecTag, why: &str) -> Problem {
    Problem::error(
        tag.place.clone(),
        format!("reference tag is not found: {why}"),
    )
    .advice("correct `from.name`, or add the tag")
}

pub(crate) fn observed(from: String, tag: &SpecTag) -> Observed {
    Observed {
        from,
        import_mode: ImportMode::default(),
        generation: tag.settings.generation,
        selected: None,
        platform: None,
    }
}

/// `from.kind: ImageStreamTag`, in another stream: what is recorded there is taken over
/// (openshift-apiserver `imagestream/strategy.go`, `tagReferenceToTagEvent`); where OpenShift
/// does that once, it is done whenever the source moves.
pub(crate) fn stream_tag(
    world: &World<'_>,
    stream: &ImageStream,
    tag: &SpecTag,
    source: &StreamTagName,
    draft: &mut Draft,
    problems: &mut Vec<Problem>,
) {
    if let Some(circle) = circle(world, &draft.name, source) {
        problems.push(
            Problem::error(
                tag.place.clone(),
                format!("reference tag is circular: {circle}"),
            )
            .advice("let one of these tags name an image"),
        );
        return;
    }
    let Some((environment, found)) =
        source_stream(world, stream, tag, &source.stream, source, draft, problems)
    else {
        return;
    };
    if environment != world.environment {
        let tag = source.clone();
        draft.promoted_from = Some(SourceTag {
            environment: environment.clone(),
            tag,
        });
    }
    let taken = world.taking.sources.get(environment);
    let item = found.history(&source.tag).first();
    if item.is_none() && found.tag(&source.tag).is_none() && !is_filled(found, &source.tag) {
        problems.push(dangling(
            tag,
            &format!("{} has no tag `{}`", source.stream, source.tag),
        ));
        return;
    }
    draft.observed = Some(observed(source.to_string(), tag));
    let Some(streams) = taken.map_or(Some(&[][..]), |taken| taken.chosen) else {
        let from = draft.promoted_from.clone();
        draft.keep(from.map_or(Standing::Faulty, Standing::Promoted));
        return;
    };
    // As it was at the commit that was chosen.
    let chosen = streams.iter().find(|other| other.name == source.stream);
    let item = match taken {
        Some(_) => chosen.and_then(|stream| stream.history(&source.tag).first()),
        None => item,
    };
    match item {
        Some(item) => take_over(
            item,
            followed_image(source, |name| world.stream(name)),
            draft,
        ),
        None => draft.keep(Standing::SourceEmpty(source.clone())),
    }
}

/// The way from `source` back to `name`, if there is one.
fn circle(world: &World<'_>, name: &StreamTagName, source: &StreamTagName) -> Option<String> {
    let mut way = vec![name.clone(), source.clone()];
    loop {
        let last = way.last()?;
        let tag = world.stream(&last.stream)?.tag(&last.tag)?;
        let TagSource::StreamTag(next) = &tag.source else {
            return None;
        };
        if next == name {
            way.push(next.clone());
            let names: Vec<String> = way.iter().map(ToString::to_string).collect();
            return Some(names.join(" -> "));
        }
        // A circle that this tag only leads into is its own members' problem.
        if way.contains(next) {
            return None;
        }
        way.push(next.clone());
    }
}

/// The stream that holds the source, and its environment, where it exists and may be used.
fn source_stream<'w>(
    world: &World<'w>,
    stream: &ImageStream,
    tag: &SpecTag,
    name: &StreamName,
    source: &StreamTagName,
    draft: &mut Draft,
    problems: &mut Vec<Problem>,
) -> Option<(&'w EnvironmentName, &'w ImageStream)> {
    let user = &stream.name.namespace;
    if !world.access.allows(user, &name.namespace) {
        let problem = Problem::error(tag.place.clone(), refusal(user, source));
        problems.push(problem.advice(advice(user, source)));
        return None;
    }
    let found = world.found(name);
    if found.is_none() {
        if world.is_partial {
            draft.keep(Standing::Elsewhere(source.clone()));
        } else {
            problems.push(dangling(
                tag,
                &format!("no manifest declares the stream {name}"),
            ));
        }
    }
    found
}

/// Takes over what is recorded elsewhere. `named` lends its tag where it is of the same
/// repository.
pub(crate) fn take_over(item: &TagEvent, named: Option<&Reference>, draft: &mut Draft) {
    let Ok(reference) = item.reference.parse::<Reference>() else {
        draft.keep(Standing::Faulty);
        return;
    };
    let tag = named
        .filter(|named| named.repository.is_same(&reference.repository))
        .and_then(|named| named.tag.clone());
    match item.image.parse::<Digest>() {
        Ok(digest) => {
            draft.source = Some(Reference {
                repository: reference.repository,
                // With neither tag nor digest, `latest` would be added.
                digest: tag.is_none().then(|| digest.clone()),
                tag,
            });
            draft.course = Course::Known(Outcome::Linked(digest));
        }
        // Recorded under `reference: true`.
        Err(_) => {
            draft.source = Some(reference);
            draft.course = Course::Known(Outcome::Verbatim);
        }
    }
}

/// `from.kind: ImageStreamImage`: an image of the stream's history
/// (openshift-apiserver `imageutil.ResolveImageID`), in the file or in Git; else, where the whole
/// digest is written, at the stream's repositories.
pub(crate) fn stream_image(
    world: &World<'_>,
    stream: &ImageStream,
    tag: &SpecTag,
    (name, prefix): (&StreamName, &str),
    inquiry: &mut Inquiry,
    draft: &mut Draft,
    problems: &mut Vec<Problem>,
) {
    let full = StreamTagName {
        stream: name.clone(),
        tag: tag.name.clone(),
    };
    draft.observed = Some(observed(format!("{name}@{prefix}"), tag));
    let Some((_, found)) = source_stream(world, stream, tag, name, &full, draft, problems) else {
        return;
    };
    // What this tag has taken over once need not be anywhere else.
    let own = draft.recorded.first().filter(|item| {
        let is_same_source = stream.observed.get(&tag.name) == draft.observed.as_ref();
        is_same_source && is_image(&item.image, prefix)
    });
    let mut hits: Vec<TagEvent> = found
        .images_by_prefix(prefix)
        .into_iter()
        .cloned()
        .collect();
    if hits.is_empty() {
        hits.extend(own.cloned());
    }
    if hits.is_empty() {
        let Some(older) = inquiry.older_images(name) else {
            draft.course = Course::Known(Outcome::Pending);
            return;
        };
        for item in older.iter().filter(|item| is_image(&item.image, prefix)) {
            if hits.iter().all(|hit| hit.image != item.image) {
                hits.push(item.clone());
            }
        }
    }
    match hits.as_slice() {
        [item] => take_over(item, None, draft),
        [] => match prefix.parse::<Digest>() {
            Ok(digest) => ask_everywhere(found, tag, &digest, inquiry, draft),
            Err(_) => problems.push(
                Problem::error(
                    tag.place.clone(),
                    format!("{name} has no image whose digest begins with `{prefix}`"),
                )
                .advice(format!("`headwater describe is {}` lists them", name.name)),
            ),
        },
        several => {
            let mut digests: Vec<&str> = several.iter().map(|hit| hit.image.as_str()).collect();
            digests.sort_unstable();
            problems.push(
                Problem::error(
                    tag.place.clone(),
                    format!(
                        "multiple images match the prefix \"{prefix}\": {}",
                        digests.join(", ")
                    ),
                )
                .advice("write more of the digest"),
            );
        }
    }
}

/// The first of the stream's repositories that has the digest.
fn ask_everywhere(
    stream: &ImageStream,
    tag: &SpecTag,
    digest: &Digest,
    inquiry: &mut Inquiry,
    draft: &mut Draft,
) {
    let mut repositories = Vec::new();
    let written = stream
        .tags
        .iter()
        .filter_map(|tag| Some((&tag.source.image()?.repository, &tag.settings)));
    for (repository, settings) in written {
        if repositories.iter().all(|(other, _)| *other != repository) {
            repositories.push((repository, insecure(stream, settings)));
        }
    }
    if let Some((reference, _)) = &stream.whole_repository {
        repositories.push((&reference.repository, stream.metadata.is_insecure()));
    }
    let mut failed = None;
    for (repository, insecure) in repositories.into_iter().take(MAX_REPOSITORIES) {
        let asking = Asking {
            repository: repository.clone(),
            wanted: crate::lookup::Wanted::Digest(digest.clone()),
            import_mode: ImportMode::PreserveOriginal,
            platforms: Vec::new(),
            insecure: insecure || tag.settings.insecure,
            namespace: stream.name.namespace.clone(),
            known: draft.known(),
        };
        match inquiry.image(&asking) {
            None => {
                draft.course = Course::Known(Outcome::Pending);
                return;
            }
            Some(crate::lookup::Resolution::Found(found)) => {
                let digest = found.digest.clone();
                draft.source = Some(Reference::pinned(repository.clone(), None, digest.clone()));
                draft.course = Course::Known(Outcome::Linked(digest));
                return;
            }
            Some(fault) => failed = Some(fault.clone()),
        }
    }
    draft.course = match failed {
        Some(failed) => Course::Known(Outcome::Failed(failed)),
        None => Course::Keep(Standing::Faulty),
    };
}
