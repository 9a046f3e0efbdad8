//! Tags whose image is at a registry: asked for by the tag that is written, or that a rule chooses.

use std::time::Duration;

use jiff::Timestamp;

use crate::image::{Digest, Platform, Reference, Tag};
use crate::lookup::{Resolution, Wanted};
use crate::policy::ImportPolicy;
use crate::problem::Problem;
use crate::resolve::follow::{Course, Draft, World};
use crate::resolve::inquiry::{Asking, Inquiry};
use crate::resolve::state::{Outcome, Standing, Young};
use crate::selection::TagRule;
use crate::stream::{
    ImageStream, ImportMode, Observed, PREFER_ARCHITECTURE, PREFER_OS, SpecTag, TagEvent,
    TagSettings, TagSource,
};

/// Tags of a rule that are looked at for one that is old enough.
const MAX_STEPS_BACK: usize = 5;

/// What will be observed once `reference` is imported for the tag.
pub(crate) fn observed(reference: &Reference, tag: &SpecTag, policy: &ImportPolicy) -> Observed {
    let import_mode = tag.settings.import_mode.unwrap_or(policy.import_mode);
    let platforms = platforms(&tag.settings);
    let platform = platforms
        .first()
        .filter(|_| import_mode == ImportMode::Legacy);
    Observed {
        from: reference.to_string(),
        import_mode,
        generation: tag.settings.generation,
        selected: None,
        platform: platform.map(ToString::to_string),
    }
}

/// A digest that stands in the tag's fields is its first item, where nothing is recorded.
pub(crate) fn adopt(reference: &Reference, digest: Option<&Digest>, draft: &mut Draft) {
    if !draft.recorded.is_empty() {
        return;
    }
    if let Some(digest) = digest {
        let pinned = Reference::pinned(reference.repository.clone(), None, digest.clone());
        draft.recorded = vec![TagEvent {
            created: String::new(),
            reference: pinned.to_string(),
            image: digest.to_string(),
            generation: 1,
        }];
        draft.adopted = true;
    }
}

/// `importPolicy.insecure`, or the stream's annotation.
pub(crate) fn insecure(stream: &ImageStream, settings: &TagSettings) -> bool {
    settings.insecure || stream.metadata.is_insecure()
}

/// The platform that import mode Legacy takes: what the tag prefers; each part it leaves out is
/// the usual one (openshift-apiserver `importer/importer.go`).
fn platforms(settings: &TagSettings) -> Vec<Platform> {
    let part = |key| {
        let text = settings.annotations.get(key)?;
        (!text.is_empty()).then(|| text.clone())
    };
    let (architecture, os) = (part(PREFER_ARCHITECTURE), part(PREFER_OS));
    if architecture.is_none() && os.is_none() {
        return Vec::new();
    }
    let usual = Platform::linux_amd64();
    vec![Platform {
        os: os.unwrap_or(usual.os),
        architecture: architecture.unwrap_or(usual.architecture),
        variant: None,
    }]
}

/// `from.kind: DockerImage`, and what is pushed.
pub(crate) fn follow(
    world: &World<'_>,
    stream: &ImageStream,
    tag: &SpecTag,
    reference: &Reference,
    inquiry: &mut Inquiry,
    draft: &mut Draft,
    problems: &mut Vec<Problem>,
) {
    let settings = &tag.settings;
    let mut now = observed(reference, tag, world.policy);
    let before = stream.observed.get(&tag.name);
    let known = draft.known();
    let is_changed = match before {
        // A rule that is gone leaves another tag to follow.
        Some(before) => {
            before.is_changed(&now) || (before.selected.is_some() && settings.rule.is_none())
        }
        // A status that another tool wrote, or an adopted pin: imported as far as we know.
        None => known.is_none(),
    };
    draft.recorded_source = before.and_then(imported_from);
    let selected = before.and_then(|before| before.selected.clone());
    now.selected = settings.rule.is_some().then_some(selected).flatten();
    draft.source = Some(with_tag(reference, now.selected.as_deref()));
    draft.observed = Some(now);
    if !is_changed {
        // Whoever pushes asks for it.
        let is_pushed = matches!(tag.source, TagSource::Pushed(_));
        if !is_pushed && !world.policy.follows(settings) {
            return draft.keep(Standing::ImportedOnce);
        }
        if !world.policy.scheduled {
            return draft.keep(Standing::SwitchedOff);
        }
        if reference.digest.is_some() && known == reference.digest {
            return draft.keep(Standing::Digest);
        }
        if let Some(next) = world.not_due.get(&draft.name) {
            return draft.keep(Standing::NotDue(next.clone()));
        }
    }
    let mut asking = Asking {
        repository: reference.repository.clone(),
        wanted: Wanted::of(reference),
        import_mode: settings.import_mode.unwrap_or(world.policy.import_mode),
        platforms: platforms(settings),
        insecure: insecure(stream, settings),
        namespace: stream.name.namespace.clone(),
        known,
    };
    let minimum_age = settings
        .minimum_age
        .map_or(world.policy.minimum_age, Duration::from_secs)
        .max(world.minimum_age);
    if let Some(rule) = &settings.rule {
        let selected = draft
            .observed
            .as_ref()
            .and_then(|observed| observed.selected.clone());
        let choice = Choice {
            rule,
            minimum_age,
            selected: selected.as_deref(),
        };
        match choose(world, &choice, tag, &asking, inquiry, problems) {
            Ok(chosen) => {
                asking.wanted = Wanted::Tag(chosen.clone());
                draft.source = Some(with_tag(reference, Some(chosen.as_str())));
                if let Some(observed) = &mut draft.observed {
                    observed.selected = Some(chosen.to_string());
                }
            }
            Err(outcome) => {
                draft.course = Course::Known(outcome);
                return;
            }
        }
    }
    draft.course = Course::Known(resolve(&asking, minimum_age, world.now, inquiry));
}

/// What the tag's record was imported from.
pub(crate) fn imported(stream: &ImageStream, tag: &str) -> Option<Reference> {
    stream.observed.get(tag).and_then(imported_from)
}

fn imported_from(observed: &Observed) -> Option<Reference> {
    let reference: Reference = observed.from.parse().ok()?;
    Some(with_tag(&reference, observed.selected.as_deref()))
}

fn with_tag(reference: &Reference, tag: Option<&str>) -> Reference {
    match tag.map(str::parse::<Tag>) {
        Some(Ok(tag)) => Reference {
            repository: reference.repository.clone(),
            tag: Some(tag),
            digest: None,
        },
        _ => reference.clone(),
    }
}

/// Asks for the image, and for its age where that matters.
pub(crate) fn resolve(
    asking: &Asking,
    minimum_age: Duration,
    now: Timestamp,
    inquiry: &mut Inquiry,
) -> Outcome {
    let digest = match inquiry.image(asking) {
        None => return Outcome::Pending,
        Some(Resolution::Found(found)) => found.digest.clone(),
        Some(failed) => return Outcome::Failed(failed.clone()),
    };
    if minimum_age.is_zero() || asking.known.as_ref() == Some(&digest) {
        return Outcome::Resolved(digest);
    }
    let of_digest = Asking {
        wanted: Wanted::Digest(digest.clone()),
        ..asking.clone()
    };
    match age(&of_digest, minimum_age, now, inquiry) {
        Age::Pending => Outcome::Pending,
        Age::Failed(resolution) => Outcome::Failed(resolution),
        Age::Old => Outcome::Resolved(digest),
        Age::Young { created, until } => Outcome::Young(Young {
            digest,
            created,
            until,
        }),
    }
}

enum Age {
    Pending,
    Failed(Resolution),
    Old,
    Young {
        created: Option<String>,
        until: Option<String>,
    },
}

fn age(asking: &Asking, minimum: Duration, now: Timestamp, inquiry: &mut Inquiry) -> Age {
    let created = match inquiry.created(asking) {
        None => return Age::Pending,
        Some(Err(resolution)) => return Age::Failed(resolution.clone()),
        Some(Ok(created)) => created.clone(),
    };
    let until = created
        .as_deref()
        .and_then(|text| text.parse::<Timestamp>().ok())
        .and_then(|time| time.checked_add(minimum).ok());
    match until {
        Some(until) if until <= now => Age::Old,
        Some(until) => {
            let until = until.round(jiff::Unit::Second).unwrap_or(until);
            Age::Young {
                created,
                until: Some(until.to_string()),
            }
        }
        None => Age::Young {
            created: None,
            until: None,
        },
    }
}

/// What a tag of the repository is chosen by.
struct Choice<'a> {
    rule: &'a TagRule,
    minimum_age: Duration,
    /// The tag that was chosen before: its age was judged then.
    selected: Option<&'a str>,
}

/// The tag that the rule chooses now; otherwise what that means for the stream tag.
fn choose(
    world: &World<'_>,
    choice: &Choice<'_>,
    tag: &SpecTag,
    asking: &Asking,
    inquiry: &mut Inquiry,
    problems: &mut Vec<Problem>,
) -> Result<Tag, Outcome> {
    let rule = choice.rule;
    let tags = match inquiry.tags(&asking.repository, asking.insecure, &asking.namespace) {
        None => return Err(Outcome::Pending),
        Some(Err(resolution)) => return Err(Outcome::Failed(resolution.clone())),
        Some(Ok(tags)) => tags.clone(),
    };
    let candidates: Vec<Tag> = rule
        .candidates(&tags)
        .into_iter()
        .filter_map(|tag| tag.parse().ok())
        .collect();
    let Some(first) = candidates.first() else {
        return Err(Outcome::Unchosen(format!(
            "none of the {} tags of {} matches `{rule}`",
            tags.len(),
            asking.repository
        )));
    };
    let of_tag = |tag: &Tag| Asking {
        wanted: Wanted::Tag(tag.clone()),
        ..asking.clone()
    };
    if rule.needs_dates() {
        let limit = world.policy.bulk_per_repository;
        if candidates.len() > limit {
            problems.push(
                Problem::warning(
                    tag.place.clone(),
                    format!(
                        "`{rule}` matches {} tags of {}; the dates of {limit} are looked at, the last by name",
                        candidates.len(), asking.repository
                    ),
                )
                .advice("narrow it with `regex`, or raise imports.bulkPerRepository"),
            );
        }
        return newest(candidates.iter().take(limit), &of_tag, rule, inquiry);
    }
    if choice.minimum_age.is_zero() {
        return Ok(first.clone());
    }
    // The best that is old enough: a busy repository would else never be followed.
    for candidate in candidates.iter().take(MAX_STEPS_BACK) {
        if choice.selected == Some(candidate.as_str()) {
            return Ok(candidate.clone());
        }
        match age(&of_tag(candidate), choice.minimum_age, world.now, inquiry) {
            Age::Pending => return Err(Outcome::Pending),
            Age::Failed(resolution) => return Err(Outcome::Failed(resolution)),
            Age::Old => return Ok(candidate.clone()),
            Age::Young { .. } => {}
        }
    }
    Ok(first.clone())
}

/// The tag whose image was created last.
fn newest<'t>(
    candidates: impl Iterator<Item = &'t Tag>,
    of_tag: &dyn Fn(&Tag) -> Asking,
    rule: &TagRule,
    inquiry: &mut Inquiry,
) -> Result<Tag, Outcome> {
    let mut newest: Option<(Timestamp, &Tag)> = None;
    let mut is_pending = false;
    for tag in candidates {
        match inquiry.created(&of_tag(tag)) {
            None => is_pending = true,
            Some(Err(resolution)) => return Err(Outcome::Failed(resolution.clone())),
            Some(Ok(created)) => {
                let time = created.as_deref().and_then(|text| text.parse().ok());
                if let Some(time) = time
                    && newest.is_none_or(|(other, _)| time > other)
                {
                    newest = Some((time, tag));
                }
            }
        }
    }
    match newest {
        _ if is_pending => Err(Outcome::Pending),
        Some((_, tag)) => Ok(tag.clone()),
        None => Err(Outcome::Unchosen(format!(
            "no image that matches `{rule}` says when it was created"
        ))),
    }
}
