//! A stream's status in every style in which people and tools write streams.

use crate::lifecycle::FIRST_PINS;
use crate::support::scene::Scene;

/// Streams as people and tools write them; each follows the tag 1 and has no import yet.
const STREAMS: &[(&str, &str)] = &[
    (
        "empty-status.yaml",
        "kind: ImageStream
apiVersion: image.openshift.io/v1
metadata: {name: NAME, namespace: dev, annotations: {}}
spec:
  tags:
  - {name: '1', from: {kind: DockerImage, name: registry.example:5000/acme/NAME:1}}
status: {}
",
    ),
    (
        "null-status.yaml",
        "kind: ImageStream
apiVersion: image.openshift.io/v1
metadata:
  annotations: null
  creationTimestamp: null
  name: NAME
  namespace: dev
spec:
  tags:
    # follows the first release
  - name: '1'
    from:
      kind: DockerImage
      name: registry.example:5000/acme/NAME:1
status:
# the end
",
    ),
    (
        "exported.yaml",
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
    annotations:
        # whose it is
        owner: us
    name: NAME
    namespace: dev
spec:
    lookupPolicy:
        local: false
    tags:
        - from:
              kind: DockerImage
              name: registry.example:5000/acme/NAME:1
          name: \"1\"
status:
    dockerImageRepository: \"\"
    tags:
        - items: null
          tag: other
",
    ),
    (
        "status-first.yaml",
        "status:
  tags: []
spec: {tags: [{name: \"1\", from: {kind: DockerImage, name: \"registry.example:5000/acme/NAME:1\"}}]}
metadata: {name: NAME, namespace: dev}
kind: ImageStream
apiVersion: v1",
    ),
    (
        "crlf.yaml",
        "kind: ImageStream\r\napiVersion: v1\r\nmetadata:\r\n  name: NAME\r\n  namespace: dev\r\nspec:\r\n  tags:\r\n  - name: '1'\r\n    from:\r\n      kind: DockerImage\r\n      name: registry.example:5000/acme/NAME:1\r\n",
    ),
    (
        "no-final-newline.yaml",
        "kind: ImageStream\napiVersion: v1\nmetadata:\n  name: NAME\n  namespace: dev\nspec:\n  tags:\n  - name: '1'\n    from:\n      kind: DockerImage\n      name: registry.example:5000/acme/NAME:1",
    ),
    (
        "document-end.yaml",
        "---\nkind: ImageStream\napiVersion: v1\nmetadata:\n  name: NAME\n  namespace: dev\nspec:\n  tags:\n  - name: '1'\n    from:\n      kind: DockerImage\n      name: registry.example:5000/acme/NAME:1\n...\n---\n# nothing\n",
    ),
    (
        "one-line.json",
        "{\"kind\":\"ImageStream\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"NAME\",\"namespace\":\"dev\"},\"spec\":{\"tags\":[{\"name\":\"1\",\"from\":{\"kind\":\"DockerImage\",\"name\":\"registry.example:5000/acme/NAME:1\"}}]}}",
    ),
];

#[test]
fn a_status_is_written_in_every_style_and_nothing_else_changes() {
    let files: Vec<(&str, String)> = STREAMS
        .iter()
        .map(|(path, text)| {
            let name = path.split('.').next().unwrap();
            (*path, text.replace("NAME", name))
        })
        .collect();
    let borrowed: Vec<_> = files
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    let scene = Scene::of(&borrowed);
    let mut digests = Vec::new();
    for (path, _) in &files {
        let name = path.split('.').next().unwrap();
        digests.push(scene.image(&format!("acme/{name}"), "1", name));
    }
    scene.reconcile().exits(0);
    for ((path, before), digest) in files.iter().zip(&digests) {
        let after = scene.file(FIRST_PINS, path);
        let first = after.split("...\n---").next().unwrap();
        let value: serde_json::Value = serde_yaml::from_str(first).unwrap();
        let tags = value["status"]["tags"].as_array().unwrap();
        let entry = tags.iter().find(|entry| entry["tag"] == "1").unwrap();
        assert_eq!(
            entry["items"][0]["image"],
            digest.as_str(),
            "{path}:\n{after}"
        );
        let observed = &value["metadata"]["annotations"]["headwater.dev/observed"];
        assert!(
            observed.as_str().unwrap().contains("acme/"),
            "{path}:\n{after}"
        );
        // No line goes but those that an empty status or a line of JSON or flow style stood on.
        let kept = before.lines().filter(|line| after.contains(line)).count();
        assert!(before.lines().count() - kept <= 2, "{path}:\n{after}");
        for comment in before.lines().filter(|line| line.contains('#')) {
            assert!(after.contains(comment), "{path}:\n{after}");
        }
        assert_eq!(
            after.ends_with('\n'),
            before.ends_with('\n'),
            "{path}:\n{after}"
        );
        let carriage_returns = after.matches("\r\n").count();
        let line_ends = after.matches('\n').count();
        assert!(
            carriage_returns == if before.contains('\r') { line_ends } else { 0 },
            "{path}:\n{after}"
        );
    }
    scene.merge(FIRST_PINS);
    scene.settle();
}
