use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use aho_corasick::AhoCorasick;

use crate::field_path::FieldPath;
use crate::manifest::facts::{FileFacts, Finding, WantedField};
use crate::manifest::reader::Reader;
use crate::manifest::{
    annotation, image_stream, image_trigger, kustomize, marker, native_trigger, parameters,
    role_binding, secret, tag_hook, template, workload,
};
use crate::problem::Severity;
use crate::snapshot::FilePath;
use crate::yaml::{Document, Node, Source, is_utf16};

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
    "RoleBinding",
    "kubernetes.io/dockercfg",
    "kubernetes.io/dockerconfigjson",
];

/// Whether a file can matter at all, by its name and a search for a few words.
pub fn screen(path: &str, bytes: &[u8]) -> bool {
    static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(SIGNS).ok());
    let name = path.rsplit('/').next().unwrap_or(path);
    if is_kustomization(name) {
        return true;
    }
    let is_manifest = is_manifest_name(name);
    let means_us = |bytes: &[u8]| SEARCH.as_ref().is_none_or(|search| search.is_match(bytes));
    if is_manifest && is_utf16(bytes) {
        let ascii: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
        return means_us(&ascii);
    }
    is_manifest && means_us(bytes)
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
    let text = |key| reader.text(root, key).unwrap_or_default();
    if parameters::is_template(text("kind"), text("apiVersion")) {
        let filled = parameters::fill(&reader, root);
        read_template(source, &filled, facts);
        return;
    }
    if facts.kustomization.is_none() {
        facts.kustomization = kustomize::read(&mut reader, root);
    }
    read_object(&mut reader, root, &FieldPath::root(), None, facts);
    marker::read(&mut reader, root, facts);
    facts.findings.append(&mut reader.findings);
}

/// Reads the objects of a Template whose parameters have been filled in.
fn read_template(source: &Source<'_>, document: &Document, facts: &mut FileFacts) {
    let Some(root) = &document.root else {
        return;
    };
    let mut reader = Reader::new(source, document);
    reader.in_template = true;
    for (index, object) in reader.items(root, "objects").iter().enumerate() {
        let path = FieldPath::root().key("objects").index(index);
        let object = reader.follow(object);
        read_object(&mut reader, object, &path, None, facts);
    }
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
        _ if parameters::is_template(kind, version) => {
            let message = "a Template inside of another object is not read";
            let advice = Some("give it a document of its own");
            reader.find(object, Severity::Note, message, advice);
        }
        _ if let Some(use_instead) = not_kept_in_git(kind, version) => {
            let message = format!("{kind} is not read: {}", use_instead.0);
            reader.find(object, Severity::Warning, message, Some(use_instead.1));
        }
        "RoleBinding" | "ClusterRoleBinding" => {
            let grant = role_binding::read(reader, object, kind, version);
            facts.grants.extend(grant);
        }
        "Secret" => secret::warn(reader, object),
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
    if kind == "DeploymentConfig" {
        tag_hook::read(reader, object, &read, facts);
    }
    if !read.containers.is_empty() || !read.triggers.is_empty() {
        facts.objects.push(read);
    }
}

/// Objects that OpenShift computes from an ImageStream, or that only ask it for something: what
/// each is, and what to write in its place.
fn not_kept_in_git(kind: &str, version: &str) -> Option<(&'static str, &'static str)> {
    if !is_of(version, "image.openshift.io/") {
        return None;
    }
    Some(match kind {
        "ImageStreamTag" | "ImageTag" => (
            "it is a view of one tag of an ImageStream",
            "write the tag into spec.tags of the ImageStream",
        ),
        "ImageStreamImport" => (
            "it is a request to import once, and no state",
            "write the source into spec.tags[].from of the ImageStream; `generation: 0` asks for one more import",
        ),
        "ImageStreamImage" => (
            "it is a view of one image in an ImageStream's history",
            "name it in spec.tags[].from as `kind: ImageStreamImage, name: <stream>@<id>`",
        ),
        "ImageStreamMapping" => (
            "it is a request that a registry makes after a push",
            "write a tag without `from` into spec.tags of the ImageStream",
        ),
        "ImageStreamLayers" | "ImageSignature" => (
            "it is a view that OpenShift computes",
            "remove the document",
        ),
        "Image" if version.starts_with("image.openshift.io/") => (
            "it is the record of an image in a cluster",
            "remove the document; the ImageStream's status names the image",
        ),
        _ => return None,
    })
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
    fn a_file_in_utf_16_is_named_where_it_means_us() {
        for (text, is_ours) in [(WEB, true), ("kind: Service\n", false)] {
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let marked = [&[0xff, 0xfe], little.as_slice()].concat();
            for bytes in [little, big, marked] {
                assert_eq!(screen("a.yaml", &bytes), is_ours);
                let findings = read_file(&bytes).findings;
                let messages: Vec<_> = findings.iter().map(|f| f.message.as_str()).collect();
                assert_eq!(messages, ["the file is UTF-16; save it as UTF-8"]);
            }
        }
    }

    #[test]
    fn merged_members_are_read_and_an_anchor_that_merges_itself_is_no_end() {
        let text = "base: &base {name: c, image: quay.io/a/b:1}\nmore: &more {<<: *base, image: x}\nkind: Pod\nspec:\n  containers:\n  - <<: *base\n  - {<<: [*more, *base], name: own}\n  - &self {<<: *self, name: s}\n";
        let facts = read_file(text.as_bytes());
        let found: Vec<_> = facts.objects[0]
            .containers
            .iter()
            .map(|c| (c.name.as_str(), c.image.as_deref()))
            .collect();
        assert_eq!(
            found,
            [
                ("c", Some("quay.io/a/b:1")),
                ("own", Some("x")),
                ("s", None)
            ]
        );
    }

    #[test]
    fn what_openshift_computes_is_named_with_what_to_write() {
        for (kind, version, words) in [
            ("ImageStreamTag", "image.openshift.io/v1", "spec.tags"),
            ("ImageTag", "image.openshift.io/v1", "spec.tags"),
            ("ImageStreamImport", "v1", "generation: 0"),
            ("ImageStreamImage", "v1", "kind: ImageStreamImage"),
            (
                "ImageStreamMapping",
                "image.openshift.io/v1",
                "without `from`",
            ),
            ("Image", "image.openshift.io/v1", "remove the document"),
        ] {
            let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n");
            let findings = read_file(text.as_bytes()).findings;
            let [finding] = findings.as_slice() else {
                panic!("{findings:?}")
            };
            assert_eq!(finding.severity, Severity::Warning);
            assert!(
                finding.advice.as_ref().unwrap().contains(words),
                "{finding:?}"
            );
        }
        let image = read_file(b"apiVersion: config.example/v1\nkind: Image\n");
        assert!(image.findings.is_empty());
    }

    #[test]
    fn facts_survive_the_cache() {
        let facts = read_file(WEB.as_bytes());
        let bytes = postcard::to_extend(&facts, Vec::new()).unwrap();
        assert_eq!(postcard::from_bytes::<FileFacts>(&bytes).unwrap(), facts);
    }
}
