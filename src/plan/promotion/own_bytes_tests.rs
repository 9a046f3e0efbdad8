use std::collections::BTreeMap;
use std::sync::Arc;

use crate::environment::Environment;
use crate::manifest::{self, Manifests};
use crate::plan::promotion::own_bytes::{Version, rewritten};
use crate::snapshot::{FilePath, Files};

const OLD: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

struct Side {
    manifests: Manifests,
    files: Files,
}

fn side(listed: &[(&str, String)]) -> Side {
    let files: Files = listed
        .iter()
        .map(|(path, text)| (path.parse().unwrap(), Arc::from(text.as_bytes())))
        .collect();
    let facts: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.clone(), Arc::new(manifest::read_file(text))))
        .collect();
    let fields: BTreeMap<_, _> = manifest::wanted_fields(&facts)
        .into_iter()
        .filter_map(|(path, wanted)| {
            let read = manifest::read_fields(files.get(&path)?, &wanted);
            Some((path, read))
        })
        .collect();
    let environment = Environment {
        name: "prod".parse().unwrap(),
        ..Environment::default()
    };
    let all = std::slice::from_ref(&environment);
    let manifests = manifest::assemble(&facts, &fields, &environment, all);
    Side { manifests, files }
}

impl Side {
    fn version(&self) -> Version<'_> {
        Version {
            manifests: &self.manifests,
            files: &self.files,
        }
    }
}

/// `path` of `theirs` with the bot's bytes of `ours`; none where it stays.
#[track_caller]
fn taken(path: &str, ours: &[(&str, String)], theirs: &[(&str, String)]) -> Option<String> {
    let (ours, theirs) = (side(ours), side(theirs));
    let path: FilePath = path.parse().unwrap();
    let bytes = rewritten(ours.version(), theirs.version(), &path).unwrap();
    bytes.map(|bytes| String::from_utf8(bytes).unwrap())
}

fn stream(more: &str, tag_more: &str, status: &str) -> String {
    format!(
        "# the shop
apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: web
  namespace: shop
{more}spec:
  tags:
    - name: \"1\"
      from: {{kind: DockerImage, name: registry.example/acme/web:1}}
{tag_more}{status}"
    )
}

fn status(digest: &str) -> String {
    format!(
        "status:
  tags:
    - tag: \"1\"
      items:
        - created: \"2026-01-02T03:04:05Z\"
          dockerImageReference: registry.example/acme/web@{digest}
          image: {digest}
"
    )
}

fn the_stream(text: &str) -> crate::stream::ImageStream {
    let side = side(&[("web.yaml", text.to_owned())]);
    assert_eq!(side.manifests.streams.len(), 1, "{text}");
    side.manifests.streams[0].clone()
}

#[test]
fn a_status_becomes_the_targets_and_nothing_else_does() {
    let ours = stream("", "", &status(OLD));
    let theirs = stream("", "", &status(NEW)).replace("# the shop", "# the new shop");
    let text = taken(
        "web.yaml",
        &[("web.yaml", ours.clone())],
        &[("web.yaml", theirs)],
    )
    .unwrap();
    assert_eq!(the_stream(&text).status, the_stream(&ours).status);
    assert!(text.starts_with("# the new shop\n"), "{text}");
    assert!(!text.contains(NEW), "{text}");
}

#[test]
fn the_same_status_in_another_form_stays_as_it_is() {
    let flow = format!(
        "status: {{tags: [{{tag: '1', items: [{{created: '2026-01-02T03:04:05Z', dockerImageReference: registry.example/acme/web@{OLD}, image: '{OLD}'}}]}}]}}\n"
    );
    let ours = stream("", "", &status(OLD));
    let theirs = stream("", "", &flow);
    assert_eq!(
        taken("web.yaml", &[("web.yaml", ours)], &[("web.yaml", theirs)]),
        None
    );
}

#[test]
fn a_stream_that_the_target_has_not_comes_without_a_status() {
    let theirs = stream("", "", &status(NEW));
    let text = taken("web.yaml", &[], &[("web.yaml", theirs)]).unwrap();
    assert_eq!(text, stream("", "", ""));
}

#[test]
fn a_stream_without_a_status_gets_the_targets() {
    let ours = stream("", "", &status(OLD));
    let theirs = stream("", "", "");
    let text = taken(
        "web.yaml",
        &[("web.yaml", ours.clone())],
        &[("web.yaml", theirs)],
    )
    .unwrap();
    assert_eq!(the_stream(&text).status, the_stream(&ours).status);
}

#[test]
fn a_stream_that_only_the_target_has_changes_nothing() {
    let ours = stream("", "", &status(OLD));
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n".to_owned();
    let theirs = [("config.yaml", other)];
    assert_eq!(taken("config.yaml", &[("web.yaml", ours)], &theirs), None);
}

#[test]
fn holds_and_observed_sources_are_the_targets() {
    let observed = |text: &str| {
        format!("  annotations:\n    team: shop\n    headwater.dev/observed: '{text}'\n")
    };
    let hold = |text: &str| format!("      annotations: {{headwater.dev/hold: '{text}'}}\n");
    let files = |more: String, tag: String| [("web.yaml", stream(&more, &tag, ""))];

    // Both have them: those of the target.
    let text = taken(
        "web.yaml",
        &files(observed("ours"), hold("ours")),
        &files(observed("theirs"), hold("theirs")),
    );
    assert_eq!(text, Some(stream(&observed("ours"), &hold("ours"), "")));
    // The source alone: none; what came with it goes too.
    let text = taken(
        "web.yaml",
        &files(String::new(), String::new()),
        &files(observed("theirs"), hold("theirs")),
    );
    let left = stream("  annotations:\n    team: shop\n", "", "");
    assert_eq!(text, Some(left));
    // The target alone: it keeps them.
    let text = taken(
        "web.yaml",
        &files(observed("ours"), hold("ours")),
        &files("  annotations:\n    team: shop\n".to_owned(), String::new()),
    );
    let text = text.unwrap();
    let (found, wanted) = (
        the_stream(&text),
        the_stream(&stream(&observed("ours"), &hold("ours"), "")),
    );
    assert_eq!(found.metadata.annotations, wanted.metadata.annotations);
    assert_eq!(
        found.tags[0].settings.annotations,
        wanted.tags[0].settings.annotations
    );
}

/// `form` with a pin of each, `theirs` with a person's word: it stays, and the pin is the target's.
#[track_caller]
fn pin(path: &str, form: &str, more: &[(&str, &str)]) {
    let files = |digest: &str, word: &str| {
        let own = form.replace("DIGEST", digest).replace("WORD", word);
        let rest = more.iter().map(|(path, text)| (*path, (*text).to_owned()));
        let mut files = vec![(path, own), ("web.yaml", stream("", "", ""))];
        files.extend(rest);
        files
    };
    let text = taken(path, &files(OLD, "ours"), &files(NEW, "theirs"));
    let wanted = form.replace("DIGEST", OLD).replace("WORD", "theirs");
    assert_eq!(text.as_ref(), Some(&wanted));
    let text = taken(path, &files(OLD, "ours"), &files(OLD, "theirs"));
    assert_eq!(text, None, "it is so already");
}

const TRIGGER: &str =
    r#"[{"from":{"kind":"ImageStreamTag","name":"web:1"},"fieldPath":"spec.containers[0].image"}]"#;

#[test]
fn pins_in_manifests_are_the_targets() {
    let yaml = format!(
        "apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
  annotations:
    image.openshift.io/triggers: '{TRIGGER}'
spec:
  containers:
    - name: web # WORD
      image: registry.example/acme/web:1@DIGEST
"
    );
    pin("pod.yaml", &yaml, &[]);
    let trigger = TRIGGER.replace('"', "\\\"");
    let json = format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {{\"name\": \"web\", \"namespace\": \"shop\", \"labels\": {{\"is\": \"WORD\"}}, \"annotations\": {{\"image.openshift.io/triggers\": \"{trigger}\"}}}},\n  \"spec\": {{\"containers\": [{{\"image\": \"registry.example/acme/web:1@DIGEST\"}}]}}}}\n"
    );
    pin("pod.json", &json, &[]);
}

#[test]
fn pins_of_markers_and_templates_are_the_targets() {
    pin(
        "values.yaml",
        "level: WORD\nimage: registry.example/acme/web:1@DIGEST # {\"$imagestream\": \"shop/web:1\"}\n",
        &[],
    );
    pin(
        "chart/templates/web.yaml",
        "{{ if .Values.WORD }}\nimage: registry.example/acme/web:1@DIGEST # {\"$imagestream\": \"shop/web:1\"}\n{{ end }}\n",
        &[],
    );
}

fn image_trigger(target: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1
kind: ImageTrigger
metadata: {{name: web, namespace: shop}}
spec:
  from: {{kind: ImageStreamTag, name: \"web:1\"}}
  targets:
    - {target}
"
    )
}

#[test]
fn pins_that_an_image_trigger_names_are_the_targets() {
    let kustomize = image_trigger("{file: kustomization.yaml, kustomize: {image: web}}");
    pin(
        "kustomization.yaml",
        "namePrefix: WORD-\nimages:\n  - name: web\n    newName: registry.example/acme/web\n    digest: DIGEST\n",
        &[("trigger.yaml", &kustomize)],
    );
    let dockerfile = image_trigger("{file: image/Dockerfile, dockerfile: {stage: build}}");
    pin(
        "image/Dockerfile",
        "# WORD\nFROM registry.example/acme/web:1@DIGEST AS build\nFROM scratch\n",
        &[("trigger.yaml", &dockerfile)],
    );
}

#[test]
fn a_paused_field_is_the_persons_unless_a_digest_stands_there() {
    let paused = TRIGGER.replace("}]", ",\"paused\":true}]");
    assert!(paused.contains("paused"));
    let pod = |image: &str| {
        format!(
            "apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
  annotations:
    image.openshift.io/triggers: '{paused}'
spec:
  containers:
    - name: web
      image: {image}
"
        )
    };
    let files = |image: &str| [("pod.yaml", pod(image)), ("web.yaml", stream("", "", ""))];
    let web = "registry.example/acme/web";
    let theirs = files(&format!("{web}:2"));
    assert_eq!(
        taken("pod.yaml", &files(&format!("{web}:1")), &theirs),
        None
    );
    let pinned = format!("{web}:1@{OLD}");
    let text = taken(
        "pod.yaml",
        &files(&pinned),
        &files(&format!("{web}:1@{NEW}")),
    );
    assert_eq!(text, Some(pod(&pinned)));
}
