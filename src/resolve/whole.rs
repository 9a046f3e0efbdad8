//! `spec.dockerImageRepository`: all tags of a repository.

use std::time::Duration;

use crate::image::{Reference, Tag};
use crate::lookup::Wanted;
use crate::policy::Follow;
use crate::problem::{Place, Problem};
use crate::resolve::follow::{Course, Draft, World};
use crate::resolve::image::resolve;
use crate::resolve::inquiry::{Asking, Inquiry};
use crate::resolve::state::{Outcome, Standing};
use crate::selection::prioritize;
use crate::stream::{ALL_TAGS, ImageStream, Observed};

/// Tags beyond the limit are counted from here on.
const MAX_NAMES: usize = 20;

/// The repository's tags that the stream's spec does not name, the most important first, up to
/// `imports.bulkPerRepository` (openshift-apiserver `importer.go`, `formatRepositoryImport`;
/// library-go `imageutil.PrioritizeTags`).
///
/// Imported once, as OpenShift does; `imports.follow: all` follows every tag, new ones too.
pub(crate) fn follow(
    world: &World<'_>,
    stream: &ImageStream,
    inquiry: &mut Inquiry,
    problems: &mut Vec<Problem>,
) -> Vec<Draft> {
    let Some((reference, place)) = &stream.whole_repository else {
        return Vec::new();
    };
    let observed = Observed {
        from: reference.to_string(),
        import_mode: world.policy.import_mode,
        ..Observed::default()
    };
    let recorded = unnamed_tags(stream);
    let is_changed = match stream.observed.get(ALL_TAGS) {
        Some(before) => before.is_changed(&observed),
        None => recorded.is_empty(),
    };
    let follows = world.policy.scheduled && world.policy.follow == Follow::All;
    if !is_changed && !follows {
        let keep = |tag: &&str| {
            let mut draft = draft(world, stream, tag, reference, place);
            draft.keep(match world.policy.follow {
                Follow::All => Standing::SwitchedOff,
                Follow::Scheduled => Standing::ListedOnce,
            });
            draft
        };
        return recorded.iter().map(keep).collect();
    }
    let insecure = stream.metadata.is_insecure();
    let namespace = &stream.name.namespace;
    let unread = match inquiry.tags(&reference.repository, insecure, namespace) {
        Some(Ok(tags)) => Ok(tags.clone()),
        Some(Err(resolution)) => Err(Outcome::Failed(resolution.clone())),
        None => Err(Outcome::Pending),
    };
    let mut tags = match unread {
        Ok(tags) => tags,
        // What is recorded stays, and [`ALL_TAGS`] says that there may be more.
        Err(outcome) => {
            let mut all = draft(world, stream, ALL_TAGS, reference, place);
            all.course = Course::Known(outcome);
            let kept = recorded.iter().map(|tag| {
                let mut draft = draft(world, stream, tag, reference, place);
                draft.keep(Standing::Faulty);
                draft
            });
            return std::iter::once(all).chain(kept).collect();
        }
    };
    tags.retain(|tag| stream.tag(tag).is_none() && tag.parse::<Tag>().is_ok());
    prioritize(&mut tags);
    let limit = world.policy.bulk_per_repository;
    let rest = tags.split_off(limit.min(tags.len()));
    if !rest.is_empty() {
        problems.push(additional(&rest, reference, place, limit));
    }
    let mut drafts: Vec<Draft> = tags
        .iter()
        .map(|tag| {
            let mut draft = draft(world, stream, tag, reference, place);
            let asking = Asking {
                repository: reference.repository.clone(),
                wanted: Wanted::of(draft.source.as_ref().unwrap_or(reference)),
                import_mode: world.policy.import_mode,
                platforms: Vec::new(),
                insecure,
                namespace: namespace.clone(),
                known: draft.known(),
            };
            let minimum_age: Duration = world.policy.minimum_age;
            draft.course = Course::Known(resolve(&asking, minimum_age, world.now, inquiry));
            draft
        })
        .collect();
    // Until every tag is known, the repository is read again.
    let is_complete = drafts
        .iter()
        .all(|draft| matches!(draft.course, Course::Known(Outcome::Resolved(_))));
    if is_complete {
        for draft in &mut drafts {
            draft.whole = Some(observed.clone());
        }
    }
    let unlisted = recorded
        .iter()
        .filter(|tag| !tags.iter().any(|other| other == *tag));
    drafts.extend(unlisted.map(|tag| {
        let mut draft = draft(world, stream, tag, reference, place);
        draft.keep(Standing::Unlisted);
        draft
    }));
    drafts
}

fn draft(
    world: &World<'_>,
    stream: &ImageStream,
    tag: &str,
    reference: &Reference,
    place: &Place,
) -> Draft {
    let mut draft = Draft::new(stream, tag, place);
    let source = Reference {
        repository: reference.repository.clone(),
        tag: tag.parse().ok(),
        digest: None,
    };
    draft.observed = Some(Observed {
        from: source.to_string(),
        import_mode: world.policy.import_mode,
        ..Observed::default()
    });
    draft.source = Some(source);
    draft
}

/// The recorded tags that the spec does not name.
pub(crate) fn unnamed_tags(stream: &ImageStream) -> Vec<&str> {
    let names = stream.status.iter().map(|status| status.tag.as_str());
    names.filter(|tag| stream.tag(tag).is_none()).collect()
}

/// oc `pkg/cli/importimage`: "additional tags which were not imported".
fn additional(rest: &[String], reference: &Reference, place: &Place, limit: usize) -> Problem {
    let names: Vec<&str> = rest.iter().take(MAX_NAMES).map(String::as_str).collect();
    let more = match rest.len().saturating_sub(MAX_NAMES) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Problem::note(
        place.clone(),
        format!(
            "{reference} contains {} additional tags beyond the first {limit}, which are not imported: {}{more}",
            rest.len(),
            names.join(", ")
        ),
    )
    .advice("name the ones you need in spec.tags, or raise imports.bulkPerRepository")
}
