use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use aho_corasick::AhoCorasick;

use crate::field_path::FieldPath;
use crate::manifest::facts::{FieldFacts, FileFacts, Finding, WantedField};
use crate::manifest::reader::Reader;
use crate::manifest::{
    annotation, image_stream, image_trigger, kustomize, marker, native_trigger, template, workload,
};
use crate::problem::Severity;
use crate::snapshot::FilePath;
use crate::yaml::{Document, Node, Source};

/// What a file must hold somewhere to matter here.
const SIGNS: &[&str] = &[
    "ImageStream",
    "image.openshift.io",
    "alpha.image.policy.openshift.io",
    "$imagestream",
    "headwater.dev",
    "DeploymentConfig",
    "BuildConfig",
    "containers",
    "Containers",
    "image-registry.openshift-image-registry.svc",
];

/// Whether a file can matter at all, by its name and a search for a few words.
pub fn screen(path: &str, bytes: &[u8]) -> bool {
    static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(SIGNS).ok());
    let name = path.rsplit('/').next().unwrap_or(path);
    if is_kustomization(name) {
        return true;
    }
    is_manifest_name(name) && SEARCH.as_ref().is_none_or(|search| search.is_match(bytes))
}

/// Whether a file holds manifests, by its name.
pub fn is_manifest_name(name: &str) -> bool {
    [".yaml", ".yml", ".json"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// Kustomize's own names for its file (kustomize `api/konfig`).
pub(crate) fn is_kustomization(file_name: &str) -> bool {
    matches!(
        file_name,
        "kustomization.yaml" | "kustomization.yml" | "Kustomization"
    )
}

/// Reads one file. The facts do not depend on the file's path, so they may be kept by blob id.
pub fn read_file(bytes: &[u8]) -> FileFacts {
    let source = Source::parse(bytes);
    let mut facts = FileFacts::default();
    let is_template = memchr::memmem::find(bytes, b"{{").is_some();
    if is_template && let Some(fault) = source.faults.first() {
        template::read(bytes, &mut facts);
        let message = "the file is a template; only its markers are read";
        facts
            .findings
            .push(Finding::new(fault.at.into(), Severity::Note, message));
        return facts;
    }
    let faults = source.faults.iter();
    facts.findings.extend(
        faults.map(|fault| Finding::new(fault.at.into(), Severity::Error, &*fault.message)),
    );
    for document in &source.documents {
        read_document(&source, document, &mut facts);
    }
    facts
}

fn read_document(source: &Source<'_>, document: &Document, facts: &mut FileFacts) {
    let Some(root) = &document.root else {
        return;
    };
    let mut reader = Reader::new(source, document);
    if facts.kustomization.is_none() {
        facts.kustomization = kustomize::read(&mut reader, root);
    }
    read_object(&mut reader, root, &FieldPath::root(), None, facts);
    marker::read(&mut reader, root, facts);
    facts.findings.append(&mut reader.findings);
}

/// Reads an object, or the items of a List.
fn read_object<'a>(
    reader: &mut Reader<'a>,
    object: &'a Node,
    root: &FieldPath,
    default_kind: Option<&str>,
    facts: &mut FileFacts,
) {
    let kind = reader.text(object, "kind").or(default_kind).unwrap_or("");
    let version = reader.text(object, "apiVersion").unwrap_or_default();
    if let Some(item_kind) = kind.strip_suffix("List")
        && reader.get(object, "items").is_some()
    {
        let item_kind = (!item_kind.is_empty()).then_some(item_kind);
        // A List of Lists is no Kubernetes object; one level is read.
        if root.steps().is_empty() {
            for (index, item) in reader.items(object, "items").iter().enumerate() {
                let item_root = root.clone().key("items").index(index);
                read_object(reader, reader.follow(item), &item_root, item_kind, facts);
            }
        }
        return;
    }
    if is_templated(reader, object) {
        reader.find(
            object,
            Severity::Note,
            "the object is a template and is not read",
            None,
        );
        return;
    }
    match kind {
        "ImageStream" if is_of(version, "image.openshift.io/") => {
            let stream = image_stream::read(reader, object, root);
            facts.streams.extend(stream);
        }
        "Template" if is_of(version, "template.openshift.io/") => {
            let message = "an OpenShift Template is not read: its parameters are not filled in";
            let advice = Some("commit what `oc process` makes of it");
            reader.find(object, Severity::Note, message, advice);
        }
        "ImageTrigger" if version.starts_with("headwater.dev/") => {
            let trigger = image_trigger::read(reader, object);
            facts.image_triggers.extend(trigger);
        }
        _ => read_workload(reader, object, root, kind, facts),
    }
}

fn read_workload<'a>(
    reader: &mut Reader<'a>,
    object: &'a Node,
    root: &FieldPath,
    kind: &str,
    facts: &mut FileFacts,
) {
    let Some(mut read) = workload::read(reader, object, root, kind) else {
        return;
    };
    annotation::read(reader, object, &mut read);
    native_trigger::read(reader, object, &mut read);
    if !read.containers.is_empty() || !read.triggers.is_empty() {
        facts.objects.push(read);
    }
}

/// The legacy group is the core one; an item of a typed list may leave its version out.
fn is_of(version: &str, group: &str) -> bool {
    version == "v1" || version.is_empty() || version.starts_with(group)
}

/// `name: {{ … }}` reads as a mapping in a mapping.
fn is_templated<'a>(reader: &Reader<'a>, object: &'a Node) -> bool {
    reader
        .at(object, &["metadata", "name"])
        .is_some_and(|name| reader.source.slice(&name.span).contains("{{"))
}

/// The fields of other files that the ImageTriggers among `files` name, by file.
pub fn wanted_fields(files: &[(FilePath, Arc<FileFacts>)]) -> BTreeMap<FilePath, Vec<WantedField>> {
    let mut wanted: BTreeMap<FilePath, Vec<WantedField>> = BTreeMap::new();
    for (path, facts) in files {
        for target in facts.image_triggers.iter().flat_map(|t| &t.targets) {
            if let Ok(file) = FilePath::resolve(path.folder(), &target.file) {
                wanted.entry(file).or_default().push(target.wanted.clone());
            }
        }
    }
    for fields in wanted.values_mut() {
        fields.sort();
        fields.dedup();
    }
    wanted
}

/// Reads the fields that [`wanted_fields`] names in one file.
pub fn read_fields(bytes: &[u8], wanted: &[WantedField]) -> FieldFacts {
    image_trigger::read_fields(bytes, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: app
  annotations:
    image.openshift.io/triggers: |
      [{"from": {"kind": "ImageStreamTag", "name": "web:1.10"},
        "fieldPath": "spec.template.spec.containers[?(@.name=='web')].image", "paused": "false"},
       {"from": {"kind": "ImageStreamTag", "name": "web:1.10"},
        "fieldPath": "spec.template.spec.containers[7].image"}]
spec:
  template:
    spec:
      containers:
        - name: web
          image: " "
        - name: log
          image: quay.io/acme/log:1 # {"$imagestream": "ops/log:1:tag"}
"#;

    #[test]
    fn one_bad_entry_of_an_annotation_leaves_the_others() {
        let facts = read_file(WEB.as_bytes());
        let triggers: Vec<_> = facts.objects[0]
            .triggers
            .iter()
            .map(|t| (t.field.to_string(), t.current.as_deref()))
            .collect();
        let field = |name| format!("spec.template.spec.containers[?(@.name==\"{name}\")].image");
        assert_eq!(
            triggers,
            [
                (field("web"), Some(" ")),
                (field("log"), Some("quay.io/acme/log:1"))
            ]
        );
        let findings: Vec<_> = facts
            .findings
            .iter()
            .map(|f| (f.severity, f.at.line, f.at.column, f.message.as_str()))
            .collect();
        assert_eq!(
            findings,
            [
                (
                    Severity::Warning,
                    9,
                    89,
                    "`paused` is a text; OpenShift would ignore all triggers of this object: write true or false without quotes"
                ),
                (
                    Severity::Error,
                    11,
                    22,
                    "no such container: spec.template.spec.containers[7].image"
                ),
            ]
        );
    }

    #[test]
    fn facts_survive_the_cache() {
        let facts = read_file(WEB.as_bytes());
        let bytes = postcard::to_extend(&facts, Vec::new()).unwrap();
        assert_eq!(postcard::from_bytes::<FileFacts>(&bytes).unwrap(), facts);
    }
}
