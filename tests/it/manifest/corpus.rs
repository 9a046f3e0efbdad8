//! Manifests as real projects write them are read whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use headwater::manifest::schema::ImageStreamManifest;
use headwater::manifest::{self, FileFacts, SourceFacts};
use headwater::problem::Severity;

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
fn facts_below(folder: &Path) -> BTreeMap<String, FileFacts> {
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
    let notes = facts
        .values()
        .flat_map(|facts| &facts.findings)
        .inspect(|finding| assert_eq!(finding.severity, Severity::Note, "{finding:?}"))
        .count();
    // One for each Template.
    assert_eq!(notes, 15);
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
