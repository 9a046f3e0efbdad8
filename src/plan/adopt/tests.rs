use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::repository::{self, RepositoryConfig};
use crate::environment::Environment;
use crate::manifest::{self, Manifests};
use crate::plan::adopt::{Adoption, Ci, Inputs, Link, adopt, check};
use crate::snapshot::Files;

fn files(listed: &[(&str, &str)]) -> Files {
    listed
        .iter()
        .map(|(path, text)| (path.parse().unwrap(), Arc::from(text.as_bytes())))
        .collect()
}

fn environment(paths: &[&str]) -> Environment {
    Environment {
        name: "dev".parse().unwrap(),
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        ..Environment::default()
    }
}

fn manifests(files: &Files, environment: &Environment) -> Manifests {
    let facts: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.clone(), Arc::new(manifest::read_file(text))))
        .collect();
    let fields: BTreeMap<_, _> = manifest::wanted_fields(&facts)
        .into_iter()
        .map(|(path, wanted)| (path.clone(), manifest::read_fields(&files[&path], &wanted)))
        .collect();
    let all = std::slice::from_ref(environment);
    manifest::assemble(&facts, &fields, environment, all)
}

fn adopted(files: &Files, ci: Option<Ci>) -> Adoption {
    let manifests = [manifests(files, &environment(&[]))];
    adopt(&Inputs {
        manifests: &manifests,
        files,
        folder: "imagestreams",
        ci,
    })
}

fn changed(files: &Files, adoption: &Adoption) -> Files {
    let mut files = files.clone();
    for change in &adoption.changes {
        files.insert(change.path.clone(), change.after.clone());
    }
    files
}

fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files[&path.parse().unwrap()].to_vec()).unwrap()
}

/// A pod in `namespace` with one container for each image.
fn pod(namespace: &str, images: &[&str]) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  namespace: {namespace}\nspec:\n  containers:\n"
    );
    for (number, image) in images.iter().enumerate() {
        text.push_str(&format!("  - name: c{number}\n    image: {image}\n"));
    }
    text
}

fn links(adoption: &Adoption) -> Vec<String> {
    let mut links: Vec<String> = adoption.uses.iter().map(|u| u.from.to_string()).collect();
    links.sort();
    links
}

#[test]
fn names_are_short_where_they_can_be_and_never_meet() {
    let images = [
        "quay.io/acme/web:1",
        "ghcr.io/acme/web:1",
        "ghcr.io/other/web",
        "bitnami/nginx:2",
        "docker.io/library/nginx:1.29",
        "nginx:1.29",
        "r.example:5000/a__b:1",
    ];
    let files = files(&[("p.yaml", &pod("app", &images))]);
    let adoption = adopted(&files, None);
    assert_eq!(
        links(&adoption),
        [
            "app/a-b:1",
            "app/acme-web:1",
            "app/bitnami-nginx:2",
            "app/nginx:1.29",
            "app/nginx:1.29",
            "app/other-web:latest",
            "app/web:1",
        ]
        .map(str::to_owned)
    );
    let after = changed(&files, &adoption);
    assert_eq!(
        check(&adoption, &[manifests(&after, &environment(&[]))]),
        []
    );
}

#[test]
fn one_stream_for_each_namespace_and_a_tag_for_each_tag() {
    let files = files(&[
        ("a.yaml", &pod("a", &["acme/web:1.10", "acme/web:1.9"])),
        ("b.yaml", &pod("b", &["acme/web"])),
    ]);
    let adoption = adopted(&files, None);
    let after = changed(&files, &adoption);
    assert_eq!(
        text(&after, "imagestreams/a/web.yaml"),
        "\
apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: web
  namespace: a
  annotations:
    config.kubernetes.io/local-config: \"true\"
spec:
  tags:
  - name: \"1.10\"
    from:
      kind: DockerImage
      name: acme/web:1.10
    importPolicy:
      scheduled: true
  - name: \"1.9\"
    from:
      kind: DockerImage
      name: acme/web:1.9
    importPolicy:
      scheduled: true
"
    );
    assert!(text(&after, "imagestreams/b/web.yaml").contains("name: acme/web:latest\n"));
    let again = adopted(&after, None);
    assert_eq!((again.changes.len(), again.followed), (0, 3));
}

#[test]
fn a_stream_that_exists_is_used_and_gets_the_tag_that_it_lacks() {
    let stream = "\
apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: # ours
  name: shop
  namespace: app
spec:
  tags:
    - name: stable
      from: {kind: DockerImage, name: ghcr.io/acme/web:1}
    - name: \"3\"
      from: {kind: ImageStreamTag, name: stable}
";
    let images = [
        "ghcr.io/acme/web:1",
        "ghcr.io/acme/web:2",
        "ghcr.io/acme/web:3",
    ];
    let files = files(&[("s.yaml", stream), ("p.yaml", &pod("app", &images))]);
    let adoption = adopted(&files, None);
    assert_eq!(links(&adoption), ["app/shop:2", "app/shop:stable"]);
    assert_eq!(adoption.left, 1);
    assert!(
        adoption.problems[0]
            .message
            .contains("app/shop:3 follows something else"),
        "{:?}",
        adoption.problems
    );
    let after = text(&changed(&files, &adoption), "s.yaml");
    assert!(after.contains("metadata: # ours\n") && after.contains("name: ghcr.io/acme/web:2\n"));
}

#[test]
fn pins_keep_their_digest_and_follow_their_tag() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let tagged = format!("acme/web:1@{digest}");
    let untagged = format!("acme/web@{digest}");
    let files = files(&[("p.yaml", &pod("app", &[&tagged, &untagged]))]);
    let adoption = adopted(&files, None);
    let after = changed(&files, &adoption);
    assert!(text(&after, "p.yaml").contains(&format!(
        "    image: {tagged} # {{\"$imagestream\": \"app/web:1\"}}\n"
    )));
    assert!(text(&after, "p.yaml").contains(&format!("    image: {untagged}\n")));
    assert!(text(&after, "imagestreams/app/web.yaml").contains("name: acme/web:1\n"));
    assert_eq!(adoption.left, 1);
    assert!(adoption.problems[0].message.contains("names no tag"));
}

#[test]
fn an_annotation_stands_where_no_comment_can() {
    let deployment = r#"{
  "apiVersion": "apps/v1",
  "kind": "Deployment",
  "metadata": {"name": "web", "namespace": "app"},
  "spec": {"template": {"spec": {"containers": [
    {"name": "web", "image": "acme/web:1"},
    {"name": "log", "image": "acme/log:1"}
  ]}}}
}
"#;
    let flow = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: acme/a:1}]}}\n";
    let files = files(&[("web.json", deployment), ("flow.yaml", flow)]);
    let adoption = adopted(&files, None);
    assert_eq!(adoption.problems, []);
    assert!(adoption.uses.iter().all(|u| u.link == Link::Annotation));
    let after = changed(&files, &adoption);
    let json: serde_json::Value = serde_json::from_str(&text(&after, "web.json")).unwrap();
    assert_eq!(
        json["metadata"]["annotations"]["image.openshift.io/triggers"],
        r#"[{"from":{"kind":"ImageStreamTag","name":"web:1"},"fieldPath":"spec.template.spec.containers[?(@.name==\"web\")].image"},{"from":{"kind":"ImageStreamTag","name":"log:1"},"fieldPath":"spec.template.spec.containers[?(@.name==\"log\")].image"}]"#
    );
    assert_eq!(
        check(&adoption, &[manifests(&after, &environment(&[]))]),
        []
    );
    assert_eq!(adopted(&after, None).changes.len(), 0);
}

#[test]
fn what_could_never_be_pinned_is_left_without_a_stream() {
    let aliased = "\
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {image: &image acme/web:1}}
spec:
  containers:
  - name: a
    image: *image
  - name: b
    image: |
      acme/
      web:2
";
    let files = files(&[
        ("p.yaml", aliased),
        ("t.yaml", &pod("app", &["acme/${NAME}:1"])),
    ]);
    let adoption = adopted(&files, None);
    assert_eq!(adoption.left, 3);
    assert_eq!(adoption.uses.len(), 0);
    assert_eq!(adoption.streams.len(), 0);
}

#[test]
fn a_stream_outside_of_the_environments_paths_is_a_fault() {
    let files = files(&[("apps/p.yaml", &pod("app", &["acme/web:1"]))]);
    let environment = environment(&["apps"]);
    let before = [manifests(&files, &environment)];
    let adoption = adopt(&Inputs {
        manifests: &before,
        files: &files,
        folder: "imagestreams",
        ci: None,
    });
    let after = manifests(&changed(&files, &adoption), &environment);
    let faults = check(&adoption, &[after]);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0]
            .message
            .contains("does not belong to the environment")
    );
}

#[test]
fn an_image_that_an_image_trigger_sets_in_a_kustomization_is_followed() {
    let trigger = "\
apiVersion: headwater.dev/v1alpha1
kind: ImageTrigger
metadata: {name: web, namespace: app}
spec:
  from: {kind: ImageStreamTag, name: web:edge}
  targets:
    - file: kustomization.yaml
      kustomize: {image: acme/web}
";
    let kustomization = "resources: [p.yaml]\nimages:\n  - name: acme/web\n    newTag: edge\n";
    let files = files(&[
        ("kustomization.yaml", kustomization),
        ("p.yaml", &pod("app", &["acme/web:1", "acme/log:1"])),
        ("trigger.yaml", trigger),
    ]);
    let adoption = adopted(&files, None);
    assert_eq!(adoption.problems, []);
    assert_eq!((adoption.followed, links(&adoption).len()), (1, 1));
}

#[test]
fn the_written_configuration_says_the_defaults() {
    let adoption = adopted(&Files::new(), None);
    let config = &adoption.changes[0];
    assert_eq!(config.path.as_str(), "headwater.yaml");
    let (read, problems) = repository::read(&config.after);
    assert_eq!(problems, []);
    assert_eq!(read, Some(RepositoryConfig::default()));
    // What is shown is valid too: each commented setting, without its `#`.
    let shown = text(&changed(&Files::new(), &adoption), "headwater.yaml")
        .lines()
        .filter_map(|line| match line.strip_prefix("  # ") {
            Some(text) => {
                let (key, _) = text.trim_start_matches([' ', '-']).split_once(':')?;
                let is_setting = key.chars().all(char::is_alphanumeric);
                is_setting.then(|| format!("  {text}\n"))
            }
            None => Some(format!("{line}\n")),
        })
        .collect::<String>();
    let (read, problems) = repository::read(shown.as_bytes());
    assert_eq!(problems, [], "{shown}");
    let read = read.unwrap();
    assert_eq!(read.environments.len(), 3);
    assert_eq!(read.policy, Default::default());
}

#[test]
fn existing_files_are_never_touched() {
    let existing = files(&[
        ("headwater.yaml", "mine"),
        (".github/workflows/headwater.yml", "mine"),
        ("headwater.gitlab-ci.yml", "mine"),
        ("imagestreams/app/web.yaml", "mine: true\n"),
        ("p.yaml", &pod("app", &["acme/web:1"])),
    ]);
    for ci in [Ci::Github, Ci::Gitlab] {
        let adoption = adopted(&existing, Some(ci));
        let paths: Vec<_> = adoption.changes.iter().map(|c| c.path.as_str()).collect();
        assert_eq!(paths, ["imagestreams/app/web-2.yaml", "p.yaml"]);
    }
}

#[test]
fn the_jobs_are_yaml() {
    for ci in [Ci::Github, Ci::Gitlab] {
        let adoption = adopted(&Files::new(), Some(ci));
        for change in &adoption.changes {
            serde_yaml::from_slice::<serde_json::Value>(&change.after).unwrap();
        }
        assert_eq!(adoption.changes.len(), 2);
    }
}
