//! Manifests as real projects write them are read whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater::manifest::schema::ImageStreamManifest;
use headwater::manifest::{self, FileFacts, SourceFacts};
use headwater::problem::Severity;
use headwater::snapshot::{FilePath, Files};

use crate::manifest::cases::planned;

/// Where the corpus lies; none where there is none.
#[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
pub fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("HEADWATER_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let found = named.unwrap_or(beside);
    if found.is_dir() {
        return Some(found);
    }
    println!("skipped: no corpus at {}", found.display());
    None
}

/// The facts of every file that is not screened out, by path.
pub fn facts_below(folder: &Path) -> BTreeMap<String, FileFacts> {
    let mut open = vec![folder.to_path_buf()];
    let mut facts = BTreeMap::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let name = path.to_string_lossy().into_owned();
            if bytes
                .windows(21)
                .any(|window| window == b"\"kind\": \"ImageStream\"")
            {
                fits_the_schema(&name, &bytes);
            }
            let read = manifest::read_file(&bytes);
            if manifest::screen(&name, &bytes) {
                facts.insert(name, read);
            } else {
                assert!(read.streams.is_empty(), "{name}");
                assert!(read.objects.is_empty(), "{name}");
            }
        }
    }
    facts
}

/// The schema's own types take every stream that is there.
fn fits_the_schema(name: &str, bytes: &[u8]) {
    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    let items = match value.get("items") {
        Some(items) => items.as_array().unwrap().clone(),
        None => vec![value],
    };
    for item in items
        .into_iter()
        .filter(|item| item["kind"] == "ImageStream")
    {
        let read = serde_json::from_value::<ImageStreamManifest>(item);
        assert!(read.is_ok(), "{name}: {read:?}");
    }
}

#[test]
fn every_image_stream_of_openshifts_library_is_read_with_all_its_tags() {
    let Some(corpus) = corpus() else { return };
    let facts = facts_below(&corpus.join("openshift-library"));
    let streams: Vec<_> = facts.values().flat_map(|facts| &facts.streams).collect();
    let tags: Vec<_> = streams.iter().flat_map(|stream| &stream.tags).collect();
    assert_eq!((streams.len(), tags.len()), (40, 220));
    for tag in tags {
        assert!(
            matches!(
                tag.source,
                SourceFacts::Image(_) | SourceFacts::StreamTag { .. }
            ),
            "{tag:?}"
        );
    }
    let findings: Vec<_> = facts
        .iter()
        .flat_map(|(name, facts)| facts.findings.iter().map(move |finding| (name, finding)))
        .collect();
    // Four Templates' images are parameters, which nobody else may write.
    let is_parameter = |message: &str| message.contains("is filled in by the parameter");
    assert!(
        findings.len() == 4
            && findings.iter().all(|(_, finding)| {
                finding.severity == Severity::Note && is_parameter(&finding.message)
            }),
        "{findings:#?}"
    );
}

/// A stream for each tag that a trigger names and no file of its own declares.
pub(crate) fn declared(facts: &FileFacts) -> String {
    let mut tags: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for trigger in facts.objects.iter().flat_map(|object| &object.triggers) {
        let from = &trigger.from;
        let namespace = from
            .namespace
            .clone()
            .unwrap_or_else(|| "default".to_owned());
        let tags = tags.entry((namespace, from.stream.clone())).or_default();
        tags.insert(from.tag.clone());
    }
    let mut text = String::new();
    for ((namespace, name), tags) in tags {
        text += &format!(
            "---\nkind: ImageStream\napiVersion: image.openshift.io/v1\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  tags:\n"
        );
        for tag in tags {
            text += &format!(
                "    - name: \"{tag}\"\n      from: {{kind: DockerImage, name: \"registry.example/{name}:{tag}\"}}\n"
            );
        }
    }
    text
}

/// Every stream and Template is read, resolved, written and read back: what has a digest gets it,
/// the rest of the text stays, and planning again on the result is empty.
#[test]
fn every_stream_and_template_of_openshifts_library_comes_to_rest() {
    let Some(corpus) = corpus() else { return };
    let (mut recorded, mut pinned) = (0, 0);
    for (name, facts) in facts_below(&corpus.join("openshift-library")) {
        let before: Arc<[u8]> = std::fs::read(&name).unwrap().into();
        let path: FilePath = "object.json".parse().unwrap();
        let mut files = Files::from([(path.clone(), Arc::clone(&before))]);
        if facts.streams.is_empty() {
            let streams = declared(&facts).into_bytes();
            files.insert("streams.yaml".parse().unwrap(), streams.into());
        }
        let (after, said, _) = planned(&files);
        assert!(
            !said.contains("error") && !said.contains("warning"),
            "{name}: {said}"
        );
        let written = manifest::read_file(&after[&path]);
        for stream in &written.streams {
            for tag in &stream.tags {
                let status = stream.status.iter().find(|status| status.tag == tag.name);
                let item = status.and_then(|status| status.items.first());
                assert!(
                    item.is_some_and(|item| !item.image.is_empty()),
                    "{name}: {}",
                    tag.name
                );
                recorded += 1;
            }
        }
        let mut undone = String::from_utf8(after[&path].to_vec()).unwrap();
        let triggers = |facts: &FileFacts| -> Vec<_> {
            let objects = facts.objects.iter();
            objects.flat_map(|object| object.triggers.clone()).collect()
        };
        for (old, new) in triggers(&facts).into_iter().zip(triggers(&written)) {
            assert_eq!((&old.from, &old.field), (&new.from, &new.field), "{name}");
            let value = new.current.unwrap_or_default();
            assert!(value.contains("@sha256:"), "{name}: {}: {value}", new.field);
            if let Some(old) = &old.current {
                undone = undone.replace(&value, old);
            }
            pinned += 1;
        }
        let is_in_place = triggers(&facts)
            .iter()
            .all(|trigger| trigger.current.is_some());
        if facts.streams.is_empty() && is_in_place {
            assert_eq!(undone.as_bytes(), &before[..], "{name}");
        }
        let (_, _, is_changed) = planned(&after);
        assert!(!is_changed, "{name}");
    }
    assert_eq!((recorded, pinned), (220, 24));
}

#[test]
fn every_container_of_the_corpus_has_its_image() {
    let Some(corpus) = corpus() else { return };
    let mut counts = BTreeMap::new();
    for project in [
        "microservices-demo",
        "kubernetes-examples",
        "flux2-kustomize-helm-example",
        "home-ops",
    ] {
        let facts = facts_below(&corpus.join(project));
        let containers: Vec<_> = facts
            .values()
            .flat_map(|facts| &facts.objects)
            .flat_map(|object| &object.containers)
            .collect();
        let with_image = containers.iter().filter(|c| c.image.is_some()).count();
        let unexpected: Vec<_> = facts
            .iter()
            .flat_map(|(name, facts)| facts.findings.iter().map(move |f| (name, f)))
            .filter(|(_, finding)| finding.severity != Severity::Note)
            // One file of Kubernetes' own examples really has a key twice.
            .filter(|(name, _)| !name.ends_with("etcd-discovery-controller.yaml"))
            .collect();
        assert!(unexpected.is_empty(), "{unexpected:#?}");
        counts.insert(project, (facts.len(), containers.len(), with_image));
    }
    // Files that matter, containers, containers with an image; the containers were counted by
    // another reader too.
    let expected = [
        ("flux2-kustomize-helm-example", (7, 0, 0)),
        ("home-ops", (18, 0, 0)),
        ("kubernetes-examples", (34, 33, 33)),
        ("microservices-demo", (57, 29, 29)),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}
