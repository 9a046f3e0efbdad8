//! Nothing that stands in a file makes reading stop.

use headwater::dockerfile;
use headwater::manifest;
use headwater::yaml::Edit;
use proptest::prelude::*;

const SEED: &str = r#"kind: List
items:
- apiVersion: image.openshift.io/v1
  kind: ImageStream
  metadata: {name: web, annotations: {headwater.dev/observed: '{"a": {"from": "x"}}'}}
  spec: {tags: [{name: "1.10", from: {kind: DockerImage, name: "a/b:1"}, generation: null}]}
  status: {tags: [{tag: "1.10", items: [{image: x}]}]}
- kind: Deployment
  metadata:
    annotations: {image.openshift.io/triggers: "[{\"from\":{\"kind\":\"ImageStreamTag\",\"name\":\"web:1\"},\"fieldPath\":\"spec.template.spec.containers[0].image\",\"paused\":\"\\u0066alse\"}]"}
  spec: {template: {spec: {containers: [{name: &n c, image: *n}]}}} # {"$imagestream": "a:b"}
---
kind: ImageTrigger
apiVersion: headwater.dev/v1alpha1
spec: {from: {kind: ImageStreamTag, name: "web:1"}, targets: [{file: a, field: "items[0].kind"}]}
---
resources: [../a]
namespace: n
"#;

/// A file of the largest size, made to be slow, is read in time that grows with its size.
#[test]
fn long_lists_of_named_items_with_markers_are_read_once() {
    let line = "- name: a # {\"$imagestream\": \"s:1\"}\n";
    let text = line.repeat((1 << 20) / line.len());
    let facts = manifest::read_file(text.as_bytes());
    let markers = facts.objects.iter().map(|object| object.triggers.len());
    assert_eq!(markers.sum::<usize>(), text.lines().count());
}

const DOCKERFILE: &[&str] = &[
    "FROM a:1",
    "from --platform=x b/c AS One \\",
    "  AS two # x",
    "# FROM z",
    "RUN <<EOF cat",
    "EOF",
    "FROM \\",
    "",
    "  q.example:5000/d@sha256:0",
    "FROM ${X}",
    "FROM scratch",
    "FROM one",
    "# escape=`",
    "FROM e`",
    "\u{feff}FROM \u{e9}",
];

proptest! {
    #[test]
    fn a_dockerfile_in_any_order_changes_in_its_image_only(
        order in prop::collection::vec(0..DOCKERFILE.len(), 0..20),
        wanted in 0..6_usize,
        crlf in any::<bool>(),
    ) {
        let lines: Vec<&str> = order.iter().map(|at| DOCKERFILE[*at]).collect();
        let text = lines.join(if crlf { "\r\n" } else { "\n" });
        let Ok(stage) = dockerfile::stage(text.as_bytes(), Some(&wanted.to_string())) else {
            return Ok(());
        };
        let edit = Edit::SetScalar { document: 0, field: stage.field.clone(), value: "new:2".to_owned() };
        let edited = String::from_utf8(dockerfile::edit(text.as_bytes(), &[edit]).unwrap()).unwrap();
        let image = dockerfile::image_at(edited.as_bytes(), &stage.field);
        prop_assert_eq!(image.as_deref(), Some("new:2"));
        let same = text.len() - stage.image.len() == edited.len() - "new:2".len();
        prop_assert!(same && edited.replacen("new:2", &stage.image, 1) == text);
    }

    #[test]
    fn bytes_changed_anywhere_never_stop_the_reader(
        changes in prop::collection::vec((0..SEED.len(), any::<u8>()), 0..12),
        cut in 0..SEED.len(),
    ) {
        let mut bytes = SEED.as_bytes().to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        bytes.truncate(SEED.len() - cut / 4);
        let _ = manifest::read_file(&bytes);
    }

    #[test]
    fn pieces_in_any_order_never_stop_the_reader(
        order in prop::collection::vec(0..40_usize, 0..40),
    ) {
        let lines: Vec<&str> = SEED.lines().collect();
        let text: Vec<&str> = order.iter().map(|at| lines[at % lines.len()]).collect();
        let facts = manifest::read_file(text.join("\n").as_bytes());
        let path = "a.yaml".parse().unwrap();
        let files = [(path, std::sync::Arc::new(facts))];
        for wanted in manifest::wanted_fields(&files).into_values() {
            let _ = manifest::read_fields(text.join("\n").as_bytes(), &wanted);
        }
    }
}
