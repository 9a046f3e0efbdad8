//! OpenShift's own streams and templates, all the way: read, resolved at a real registry that
//! serves their names, written, and read back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headwater::lookup::{Answer, Question};
use headwater::manifest::{self, SourceFacts};
use headwater::plan::Plan;
use headwater::policy::OperatorPolicy;
use headwater::problem::Severity;
use headwater::reconcile::Desk;
use headwater::registry::{self, Registries, RegistryOptions};
use headwater::snapshot::{FilePath, Files};
use tokio::runtime::Runtime;

use crate::manifest::corpus::{corpus, declared};
use crate::support::registry::DockerRegistry;

const NOW: &str = "2026-01-02T03:04:05Z";

/// A registry that has every image that was asked for.
struct Serving {
    registry: DockerRegistry,
    registries: Registries,
    runtime: Runtime,
    /// What is served, by the name in the corpus.
    names: BTreeMap<String, String>,
}

impl Serving {
    fn start() -> Self {
        registry::prepare();
        Self {
            registry: DockerRegistry::start(),
            registries: Registries::new(RegistryOptions::default()).unwrap(),
            runtime: Runtime::new().unwrap(),
            names: BTreeMap::new(),
        }
    }

    /// Pushes an image for `name`, and gives the name that it has here.
    fn serve(&mut self, name: &str) -> String {
        if let Some(served) = self.names.get(name) {
            return served.clone();
        }
        let reference: headwater::image::Reference = name.parse().unwrap();
        let endpoint = reference.repository.endpoint();
        let host = endpoint.host.replace([':', '_'], "-");
        let repository = format!("{host}/{}", endpoint.path);
        let tag = reference.tag.as_ref().map_or("latest", |tag| tag.as_str());
        self.registry.push_image(&repository, tag, name);
        let served = format!("{}/{repository}:{tag}", self.registry.host());
        self.names.insert(name.to_owned(), served.clone());
        served
    }

    fn answer(&self, questions: &[Question]) -> Vec<Answer> {
        self.runtime
            .block_on(self.registries.answer_all(questions, || ()))
    }

    fn plan(&self, files: &Files) -> Vec<Plan> {
        let operator = OperatorPolicy::default();
        let desk = Desk::new(files.clone(), Vec::new(), &<[_]>::to_vec, None, &operator);
        let mut ask = |questions: &[Question]| self.answer(questions);
        let planned = desk.plan(None, &mut ask, NOW.parse().unwrap()).unwrap();
        assert!(planned.problems.is_empty(), "{:?}", planned.problems);
        planned.plans
    }
}

/// The file with the names that are served here.
fn with_served_names(bytes: &[u8], serving: &mut Serving) -> String {
    let mut text = String::from_utf8(bytes.to_vec()).unwrap();
    let facts = manifest::read_file(bytes);
    let mut names: Vec<String> = facts
        .streams
        .iter()
        .flat_map(|stream| &stream.tags)
        .filter(|tag| matches!(tag.source, SourceFacts::Image(_)))
        .filter_map(|tag| Some(tag.settings.from.as_ref()?.name.clone()))
        .collect();
    names.sort();
    names.dedup();
    for name in names {
        let served = serving.serve(&name);
        text = text.replace(&format!("\"{name}\""), &format!("\"{served}\""));
    }
    text
}

fn manifests(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            manifests(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

/// The images that a file's streams record, by `stream:tag`.
fn recorded(bytes: &[u8]) -> BTreeMap<String, String> {
    let facts = manifest::read_file(bytes);
    let statuses = facts.streams.iter().flat_map(|stream| {
        let tags = stream.status.iter();
        tags.filter_map(|status| {
            let item = status.items.first()?;
            Some((
                format!("{}:{}", stream.name, status.tag),
                item.image.clone(),
            ))
        })
    });
    statuses.collect()
}

#[test]
fn every_stream_and_template_of_the_library_is_resolved_written_and_read_back() {
    let Some(corpus) = corpus() else { return };
    let mut paths = Vec::new();
    manifests(&corpus.join("openshift-library"), &mut paths);
    let mut serving = Serving::start();
    let (mut streams, mut tags, mut pinned, mut edited) = (0, 0, 0, 0);
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        if !manifest::screen(&name, &bytes) {
            continue;
        }
        let text = with_served_names(&bytes, &mut serving);
        let file: FilePath = name.parse().unwrap();
        let mut files = Files::from([(file.clone(), Arc::from(text.as_bytes()))]);
        let facts = manifest::read_file(text.as_bytes());
        if facts.streams.is_empty() {
            // Templates follow streams of other files.
            let text = with_served_names(declared(&facts).as_bytes(), &mut serving);
            files.insert("streams.yaml".parse().unwrap(), Arc::from(text.as_bytes()));
        }
        for plan in serving.plan(&files) {
            let is_error =
                |problem: &&headwater::problem::Problem| problem.severity == Severity::Error;
            assert_eq!(plan.problems.iter().find(is_error), None, "{name}");
            for change in plan.proposals.iter().flat_map(|proposal| &proposal.changes) {
                files.insert(change.path.clone(), Arc::clone(&change.after));
                edited += 1;
            }
        }
        let after = recorded(&files[&file]);
        for stream in &facts.streams {
            streams += 1;
            for tag in &stream.tags {
                tags += 1;
                let key = format!("{}:{}", stream.name, tag.name);
                assert!(after.contains_key(&key), "{name}: {key} of {after:?}");
            }
        }
        let written = manifest::read_file(&files[&file]);
        for trigger in written.objects.iter().flat_map(|object| &object.triggers) {
            let value = trigger.current.as_deref().unwrap_or_default();
            assert!(
                value.contains("@sha256:"),
                "{name}: {}: {value}",
                trigger.field
            );
            pinned += 1;
        }
        for plan in serving.plan(&files) {
            assert!(plan.proposals.is_empty(), "{name}: planning again: {plan}");
        }
    }
    assert_eq!((streams, tags, pinned), (40, 220, 24));
    assert!(edited >= 30, "{edited}");
    assert!(serving.names.len() > 50, "{}", serving.names.len());
}
