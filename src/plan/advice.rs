//! Good to know, and only told by `validate`: how tags are named, when a node pulls, and what a
//! reference policy needs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::field_path::FieldPath;
use crate::image::Reference;
use crate::manifest::{ImageField, Manifests};
use crate::plan::value::digest_in;
use crate::policy::PinPolicy;
use crate::problem::Problem;
use crate::stream::{DocumentAddress, ImageStream, SpecTag, StreamName};
use crate::trigger::Trigger;

/// Notes on what the manifests of an environment say.
pub fn advice(manifests: &Manifests, pins: &PinPolicy) -> Vec<Problem> {
    let mut notes: Vec<Problem> = manifests.streams.iter().flat_map(tag_names).collect();
    notes.extend(manifests.streams.iter().filter_map(local_policy));
    let streams: BTreeMap<&StreamName, &ImageStream> = manifests
        .streams
        .iter()
        .map(|stream| (&stream.name, stream))
        .collect();
    let triggers: BTreeMap<(&DocumentAddress, &FieldPath), &Trigger> = manifests
        .triggers
        .iter()
        .map(|trigger| ((&trigger.target.document, &trigger.target.field), trigger))
        .collect();
    notes.extend(manifests.images.iter().filter_map(|image| {
        let trigger = triggers.get(&(&image.document, &image.field))?;
        pull_policy(
            image,
            trigger,
            streams.get(&trigger.from.stream).copied(),
            pins,
        )
    }));
    notes
}

/// OpenShift Origin, "Managing Images", "Recommended Tagging Conventions".
fn tag_names(stream: &ImageStream) -> impl Iterator<Item = Problem> {
    stream.tags.iter().filter_map(|tag| {
        let name = &tag.name;
        if name.contains([':', '@', '/']) {
            let message = format!("no trigger and no command can name the tag `{name}`");
            let advice = "use letters, digits, `_`, `.` and `-`";
            return Some(Problem::warning(tag.place.clone(), message).advice(advice));
        }
        let (message, advice) = match naming(name)? {
            Naming::Revision => (
                "points to one revision of the image, and never updates",
                "name what stays true of later images too, as v2.0 does",
            ),
            Naming::Date => (
                "holds a date: such tags pile up",
                "remove the old ones now and then",
            ),
        };
        let message = format!("the tag `{name}` {message}");
        Some(Problem::note(tag.place.clone(), message).advice(advice))
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// A whole date, a hash, or a full version with a date or the number of a build.
    Revision,
    Date,
}

struct Patterns {
    full_date: Regex,
    date: Regex,
    hash: Regex,
    full_version: Regex,
    build: Regex,
}

fn naming(name: &str) -> Option<Naming> {
    static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| patterns().ok());
    let patterns = PATTERNS.as_ref()?;
    let name = name.to_ascii_lowercase();
    let is_hash = patterns.hash.captures_iter(&name).any(|found| {
        let hex = found.get(1).map_or("", |hex| hex.as_str());
        // A number alone counts something, and letters alone are a word.
        hex.contains(|c: char| c.is_ascii_digit()) && hex.contains(|c: char| c.is_alphabetic())
    });
    let is_date = patterns.date.is_match(&name);
    let is_of_build = is_date || patterns.build.is_match(&name);
    if is_hash
        || patterns.full_date.is_match(&name)
        || (patterns.full_version.is_match(&name) && is_of_build)
    {
        return Some(Naming::Revision);
    }
    is_date.then_some(Naming::Date)
}

fn patterns() -> Result<Patterns, regex::Error> {
    const MONTH: &str = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*";
    let date = "(?:^|[^0-9])(?:19|20)[0-9]{2}[-._](?:0[1-9]|1[0-2])(?:[^0-9]|$)";
    Ok(Patterns {
        full_date: Regex::new(
            "(?:^|[^0-9])(?:19|20)[0-9]{2}[-._]?(?:0[1-9]|1[0-2])[-._]?(?:0[1-9]|[12][0-9]|3[01])(?:[^0-9]|$)",
        )?,
        date: Regex::new(&format!(
            "{date}|(?:^|[-._]){MONTH}[-._]?(?:19|20)[0-9]{{2}}(?:[^0-9]|$)|(?:^|[^0-9])(?:19|20)[0-9]{{2}}[-._]?{MONTH}(?:[-._]|$)"
        ))?,
        hash: Regex::new("(?:^|[-._])(?:sha-?|git-?|commit-?|g)?([0-9a-f]{7,64})(?:[-._]|$)")?,
        full_version: Regex::new("^v?[0-9]+\\.[0-9]+\\.[0-9]+(?:[-._]|$)")?,
        build: Regex::new("(?:^|[-._])(?:build|b)[-._]?[0-9]+(?:[-._]|$)")?,
    })
}

/// Once a stream.
fn local_policy(stream: &ImageStream) -> Option<Problem> {
    if stream.integrated.is_some() {
        return None;
    }
    let tag = stream.tags.iter().find(|tag| tag.wants_copy())?;
    let message = format!(
        "`referencePolicy: Local` of {} asks for a copy in the integrated registry, and the server file names none: the pins name the source",
        stream.name
    );
    Some(Problem::note(tag.place.clone(), message))
}

/// Without a policy `latest` is pulled always, and anything else when it is not there
/// (Kubernetes `pkg/apis/core/v1/defaults.go`, `SetDefaults_Container`, which reads the tag even
/// beside a digest).
fn pull_policy(
    image: &ImageField,
    trigger: &Trigger,
    stream: Option<&ImageStream>,
    pins: &PinPolicy,
) -> Option<Problem> {
    let tag = stream.and_then(|stream| stream.tag(&trigger.from.tag));
    let written = image.image.as_deref().unwrap_or_default();
    let is_reference = tag.is_some_and(|tag| tag.settings.reference);
    let becomes_digest = digest_in(written).is_some() || !(trigger.paused || is_reference);
    let message = match (image.pull_policy.as_deref(), becomes_digest) {
        (Some("Always"), true) => {
            "`imagePullPolicy: Always` asks the registry at each start, and the image is pinned by its digest: IfNotPresent is enough"
        }
        (None, true) if pins.keep_tag && lands_on_latest(written, stream, tag) => {
            "without `imagePullPolicy`, `latest` is pulled Always, even with its digest: IfNotPresent is enough"
        }
        (None, false) if names_latest(written) => {
            "without `imagePullPolicy`, `latest` is pulled Always, and everything else IfNotPresent"
        }
        _ => return None,
    };
    Some(Problem::note(image.place.clone(), message))
}

/// Whether the pin will have the tag `latest` beside its digest.
fn lands_on_latest(written: &str, stream: Option<&ImageStream>, tag: Option<&SpecTag>) -> bool {
    let tag_of = |reference: &Reference| reference.tag.as_ref().map(ToString::to_string);
    let is_copied = stream.is_some_and(|stream| stream.integrated.is_some());
    let tag = match tag.map(|tag| &tag.source) {
        Some(_) if is_copied && tag.is_some_and(SpecTag::wants_copy) => {
            tag.map(|tag| tag.name.clone())
        }
        Some(source) if source.image().is_some() => source.image().and_then(tag_of),
        _ => written.parse().ok().as_ref().and_then(tag_of),
    };
    tag.as_deref() == Some("latest")
}

fn names_latest(written: &str) -> bool {
    written
        .parse::<Reference>()
        .is_ok_and(|reference| reference.digest.is_none() && reference.tag_or_latest() == "latest")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::manifest::{assemble, read_file};
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn notes(text: &str) -> Vec<String> {
        let environment = Environment {
            name: "default".parse().unwrap(),
            ..Environment::default()
        };
        let files = [(
            "a.yaml".parse().unwrap(),
            Arc::new(read_file(text.as_bytes())),
        )];
        let fields = BTreeMap::new();
        let environments = std::slice::from_ref(&environment);
        let manifests = assemble(&files, &fields, &environment, environments);
        assert!(manifests.problems.is_empty(), "{:?}", manifests.problems);
        let notes = advice(&manifests, &PinPolicy::default());
        let kinds: BTreeSet<_> = notes.iter().map(|note| &note.place).collect();
        assert_eq!(kinds.len(), notes.len(), "one note a place: {notes:?}");
        notes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_tag_that_names_one_revision_never_updates() {
        for name in [
            "v2.0.1-may-2016",
            "2.0.1-2016.05",
            "1.2.3-build.45",
            "1.2.3-b7",
            "20160503",
            "2016-05-03",
            "web-2016.05.03",
            "1.10-20240131",
            "sha-7b1a2c3",
            "main-7b1a2c3d",
            "v1.2-4-g7b1a2c3",
        ] {
            assert_eq!(naming(name), Some(Naming::Revision), "{name}");
        }
        for name in ["2016-05", "2016.11-slim", "may-2016", "nightly-2016jan"] {
            assert_eq!(naming(name), Some(Naming::Date), "{name}");
        }
        for name in [
            "v2.0",
            "2.0.1",
            "latest",
            "stable",
            "1.10",
            "10.11-el10",
            "3.3-ubi8",
            "12345678",
            "decade",
            "1.2.3-rc1",
            "facade",
            "mayor-1",
            "2016",
            "8.0-1",
        ] {
            assert_eq!(naming(name), None, "{name}");
        }
    }

    #[test]
    fn tags_are_told_at_their_place() {
        let stream = "kind: ImageStream\napiVersion: v1\nmetadata: {name: web}\nspec:\n  tags:\n  - {name: v2.0.1-may-2016, from: {kind: DockerImage, name: a/b}}\n  - {name: '2016-05'}\n  - {name: 'a:b'}\n  - {name: v2.0}\n";
        assert_eq!(
            notes(stream),
            [
                "a.yaml:6:5: note: the tag `v2.0.1-may-2016` points to one revision of the image, and never updates; name what stays true of later images too, as v2.0 does",
                "a.yaml:7:5: note: the tag `2016-05` holds a date: such tags pile up; remove the old ones now and then",
                "a.yaml:8:5: warning: no trigger and no command can name the tag `a:b`; use letters, digits, `_`, `.` and `-`",
            ]
        );
    }

    #[test]
    fn a_local_policy_is_told_once_a_stream() {
        let stream = "kind: ImageStream\napiVersion: v1\nmetadata: {name: web}\nspec:\n  tags:\n  - {name: a, referencePolicy: {type: Local}}\n  - {name: b, referencePolicy: {type: Local}}\n";
        assert_eq!(
            notes(stream),
            [
                "a.yaml:6:5: note: `referencePolicy: Local` of default/web asks for a copy in the integrated registry, and the server file names none: the pins name the source"
            ]
        );
    }

    #[test]
    fn a_pull_policy_is_told_where_it_does_not_fit_what_will_stand_there() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let pod = |image: &str, policy: &str, paused: bool, tag: &str| {
            format!(
                "kind: ImageStream\napiVersion: v1\nmetadata: {{name: web}}\nspec: {{tags: [{{name: one, from: {{kind: DockerImage, name: 'a/b:1'}}}}, {{name: latest, from: {{kind: DockerImage, name: 'a/b:latest'}}}}]}}\n---\nkind: Pod\nmetadata:\n  name: p\n  annotations: {{image.openshift.io/triggers: '[{{\"from\":{{\"kind\":\"ImageStreamTag\",\"name\":\"web:{tag}\"}},\"fieldPath\":\"spec.containers[0].image\",\"paused\":{paused}}}]'}}\nspec: {{containers: [{{name: c, image: '{image}'{policy}}}, {{name: other, image: 'x/y:latest'}}]}}\n"
            )
        };
        let always = ", imagePullPolicy: Always";
        let absent = "";
        let present = ", imagePullPolicy: IfNotPresent";
        for (image, policy, paused, tag, expected) in [
            (
                "a/b:1",
                always,
                false,
                "one",
                Some("IfNotPresent is enough"),
            ),
            ("a/b:1", absent, false, "one", None),
            ("a/b:1", present, false, "one", None),
            (
                " ",
                absent,
                false,
                "latest",
                Some("`latest` is pulled Always, even with its digest"),
            ),
            (" ", present, false, "latest", None),
            (
                "a/b:latest",
                absent,
                true,
                "latest",
                Some("everything else IfNotPresent"),
            ),
            (
                "a/b",
                absent,
                true,
                "one",
                Some("everything else IfNotPresent"),
            ),
            ("a/b:latest", always, true, "latest", None),
            ("a/b:1", absent, true, "one", None),
            (
                &format!("a/b@{digest}"),
                always,
                true,
                "one",
                Some("IfNotPresent is enough"),
            ),
        ] {
            let notes = notes(&pod(image, policy, paused, tag));
            match expected {
                Some(words) => {
                    assert_eq!(notes.len(), 1, "{image}{policy} {paused}: {notes:?}");
                    assert!(notes[0].contains(words), "{image}{policy}: {notes:?}");
                }
                None => assert!(notes.is_empty(), "{image}{policy} {paused}: {notes:?}"),
            }
        }
    }
}
