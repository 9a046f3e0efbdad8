//! Tags whose source is another stream: taken over when it is recorded there, in Git.

use crate::lifecycle::FIRST_PINS;
use crate::support::scene::{HOST, Scene, deployment, stream};

/// A stream with one tag and this `from`.
fn linked(namespace: &str, name: &str, from: &str) -> String {
    format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  tags:
    - name: latest
      from: {from}
"
    )
}

fn binding(owner: &str, user: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: pullers, namespace: {owner}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:image-puller}}
subjects:
  - {{apiGroup: rbac.authorization.k8s.io, kind: Group, name: \"system:serviceaccounts:{user}\"}}
"
    )
}

#[test]
fn a_tag_of_another_stream_is_taken_over_step_by_step() {
    let from = "{kind: ImageStreamTag, name: \"web:latest\", namespace: dev}";
    let scene = Scene::of(&[
        ("dev.yaml", &stream("dev", "web", "latest")),
        ("prod.yaml", &linked("prod", "web", from)),
        ("app.yaml", &deployment("prod", "web", "latest")),
    ]);
    let first = scene.image("acme/web", "latest", "first");
    scene.settle().says("dev/web:latest has no image yet");
    assert_eq!(scene.changed(FIRST_PINS), ["dev.yaml"]);
    scene.merge(FIRST_PINS);

    // What is merged in dev is proposed in prod, by the name that dev follows.
    scene.settle();
    assert_eq!(scene.changed(FIRST_PINS), ["app.yaml", "prod.yaml"]);
    let app = scene.file(FIRST_PINS, "app.yaml");
    assert!(
        app.contains(&format!("image: {HOST}/acme/web:latest@{first} #")),
        "{app}"
    );
    scene.merge(FIRST_PINS);
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);

    // OpenShift would copy once; here the source is followed.
    let second = scene.image("acme/web", "latest", "second");
    scene.settle();
    assert_eq!(scene.bot_branches(), ["headwater/default/dev.web"]);
    scene.merge("headwater/default/dev.web");
    scene.settle();
    assert_eq!(scene.bot_branches(), ["headwater/default/prod.web"]);
    let prod = scene.file("headwater/default/prod.web", "prod.yaml");
    let (now, before) = prod.split_once(second.as_str()).unwrap();
    assert!(
        before.contains(first.as_str()) && !now.contains(first.as_str()),
        "{prod}"
    );
}

#[test]
fn links_between_environments_of_two_branches_are_followed() {
    let scene = Scene::of(&[(
        "headwater.yaml",
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments:\n    - {name: dev, branch: env/dev, namespaces: [dev]}\n    - {name: prod, branch: env/prod, namespaces: [prod]}\n",
    )]);
    let first = scene.image("acme/web", "latest", "first");
    scene.person.git(&["checkout", "-q", "-b", "env/dev"]);
    scene.commit(&[("web.yaml", &stream("dev", "web", "latest"))], "dev");
    scene
        .person
        .git(&["checkout", "-q", "-b", "env/prod", "main"]);
    let from = "{kind: ImageStreamTag, name: \"web:latest\", namespace: dev}";
    scene.commit(&[("web.yaml", &linked("prod", "web", from))], "prod");
    scene.settle().says("dev/web:latest has no image yet");
    // Who stands on one branch has the others' files not at hand.
    let folder = scene.person.path().display().to_string();
    scene
        .run(&["plan", &folder])
        .exits(0)
        .says("dev/web:latest is in another environment, which is not read here");
    scene.person.git(&["checkout", "-q", "env/dev"]);
    scene.merge("headwater/dev/first-pins");
    scene.settle();
    let prod = scene.file("headwater/prod/from-dev", "web.yaml");
    assert!(prod.contains(first.as_str()), "{prod}");
}

#[test]
fn dangling_and_circular_links_between_streams_are_named() {
    let to = |name: &str, namespace: &str| {
        format!("{{kind: ImageStreamTag, name: \"{name}\", namespace: {namespace}}}")
    };
    let scene = Scene::of(&[
        ("a.yaml", &linked("a", "web", &to("web:latest", "b"))),
        ("b.yaml", &linked("b", "web", &to("web:latest", "a"))),
        ("c.yaml", &linked("c", "web", &to("gone:latest", "d"))),
        ("d.yaml", &linked("d", "web", &to("web:other", "a"))),
    ]);
    scene
        .reconcile()
        .exits(3)
        .says("a.yaml:6:7: error: reference tag is circular: a/web:latest -> b/web:latest -> a/web:latest")
        .says("b.yaml:6:7: error: reference tag is circular")
        .says("c.yaml:6:7: error: reference tag is not found: no manifest declares the stream d/gone")
        .says("d.yaml:6:7: error: reference tag is not found: a/web has no tag `other`");
}

#[test]
fn an_image_of_a_stream_is_found_by_the_beginning_of_its_digest() {
    let scene = Scene::of(&[("dev.yaml", &stream("dev", "web", "latest"))]);
    let first = scene.image("acme/web", "latest", "first");
    scene.settle();
    scene.merge(FIRST_PINS);
    let second = scene.image("acme/web", "latest", "second");
    scene.settle();
    scene.merge("headwater/default/dev.web");
    let prefix = &first.encoded()[..9];
    let from = format!("{{kind: ImageStreamImage, name: web@{prefix}, namespace: dev}}");
    scene.commit(
        &[
            ("prod.yaml", &linked("prod", "web", &from)),
            ("app.yaml", &deployment("prod", "web", "latest")),
        ],
        "permanent",
    );
    scene.settle();
    let app = scene.file(FIRST_PINS, "app.yaml");
    assert!(
        app.contains(&format!("image: {HOST}/acme/web@{first} #")),
        "{app}"
    );
    scene.merge(FIRST_PINS);
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);

    // By `sha256:` too; a beginning that fits none, or several, is named.
    let from = |id: &str| format!("{{kind: ImageStreamImage, name: \"web@{id}\", namespace: dev}}");
    scene.commit(
        &[
            ("whole.yaml", &linked("x", "whole", &from(second.as_str()))),
            ("none.yaml", &linked("x", "none", &from("0000000000"))),
            ("several.yaml", &linked("x", "several", &from("sha256:"))),
        ],
        "more",
    );
    let mut both = [first.to_string(), second.to_string()];
    both.sort();
    scene
        .reconcile()
        .exits(3)
        .says("none.yaml:6:7: error: dev/web has no image whose digest begins with `0000000000`")
        .says(&format!(
            "several.yaml:6:7: error: multiple images match the prefix \"sha256:\": {}",
            both.join(", ")
        ));
    assert_eq!(scene.changed(FIRST_PINS), ["whole.yaml"]);
}

#[test]
fn an_image_that_left_the_status_is_found_in_the_history_or_at_the_registry() {
    let scene = Scene::of(&[
        ("dev.yaml", &stream("dev", "web", "latest")),
        (
            "headwater.yaml",
            "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {pins: {historyLimit: 2}}\n",
        ),
    ]);
    let first = scene.image("acme/web", "latest", "0");
    scene.settle();
    scene.merge(FIRST_PINS);
    for seed in ["1", "2"] {
        scene.image("acme/web", "latest", seed);
        scene.settle();
        scene.merge("headwater/default/dev.web");
    }
    assert!(!scene.file("main", "dev.yaml").contains(first.as_str()));
    let never = scene.image("acme/web", "never-recorded", "other");
    let from = |id: &str| format!("{{kind: ImageStreamImage, name: \"web@{id}\", namespace: dev}}");
    scene.commit(
        &[
            (
                "old.yaml",
                &linked("x", "old", &from(&first.encoded()[..12])),
            ),
            ("new.yaml", &linked("x", "new", &from(never.as_str()))),
        ],
        "links",
    );
    scene.settle();
    assert!(
        scene
            .file(FIRST_PINS, "old.yaml")
            .contains(&format!("{HOST}/acme/web@{first}"))
    );
    assert!(
        scene
            .file(FIRST_PINS, "new.yaml")
            .contains(&format!("{HOST}/acme/web@{never}"))
    );
}

#[test]
fn a_stream_of_another_namespace_needs_a_binding_where_that_is_enforced() {
    let from = "{kind: ImageStreamTag, name: \"web:latest\", namespace: dev}";
    let other = deployment("ops", "web", "latest").replace("ops/web", "dev/web");
    let scene = Scene::of(&[
        ("dev.yaml", &stream("dev", "web", "latest")),
        ("prod.yaml", &linked("prod", "web", from)),
        ("app.yaml", &other),
    ]);
    let config = scene.home().join("server.yaml");
    std::fs::write(&config, "access: {enforce: true}\n").unwrap();
    let config = config.display().to_string();
    let first = scene.image("acme/web", "latest", "first");
    let reconcile = || scene.run(&["--config", &config, "reconcile", &scene.bare()]);
    reconcile()
        .exits(3)
        .says("prod.yaml:6:7: error: dev/web: forbidden: no RoleBinding in the namespace dev lets prod pull its images")
        .says("hint: headwater policy add-role-to-group system:image-puller system:serviceaccounts:prod -n dev")
        .says("error: dev/web: forbidden: no RoleBinding in the namespace dev lets ops pull its images");
    scene.merge(FIRST_PINS);
    scene.commit(
        &[
            ("prod-binding.yaml", &binding("dev", "prod")),
            ("ops-binding.yaml", &binding("dev", "ops")),
        ],
        "bindings",
    );
    reconcile().exits(0);
    let changed = scene.bot_branches();
    let changed: Vec<String> = changed
        .iter()
        .flat_map(|branch| scene.changed(branch))
        .collect();
    assert_eq!(changed, ["app.yaml", "prod.yaml"]);
    assert!(scene.file(FIRST_PINS, "prod.yaml").contains(first.as_str()));
}

#[test]
fn a_deployments_hook_tags_what_the_deployment_holds() {
    let scene = Scene::of(&[
        ("dev.yaml", &stream("dev", "web", "latest")),
        (
            "stable.yaml",
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: stable, namespace: dev}\n",
        ),
        (
            "dc.yaml",
            "apiVersion: apps.openshift.io/v1
kind: DeploymentConfig
metadata: {name: web, namespace: dev}
spec:
  strategy:
    type: Rolling
    rollingParams:
      post:
        failurePolicy: Ignore
        tagImages:
          - containerName: web
            to: {kind: ImageStreamTag, name: \"stable:deployed\"}
  template:
    spec:
      containers:
        - name: web
          image: \" \"
  triggers:
    - type: ImageChange
      imageChangeParams:
        automatic: true
        containerNames: [web]
        from: {kind: ImageStreamTag, name: \"web:latest\"}
",
        ),
    ]);
    let first = scene.image("acme/web", "latest", "first");
    scene.settle();
    assert_eq!(scene.changed(FIRST_PINS), ["dc.yaml", "dev.yaml"]);
    scene.merge(FIRST_PINS);
    // Deployed is what stands on the branch.
    scene.settle();
    assert_eq!(scene.changed(FIRST_PINS), ["stable.yaml"]);
    let stable = scene.file(FIRST_PINS, "stable.yaml");
    assert!(
        stable.contains("tag: deployed") && stable.contains(first.as_str()),
        "{stable}"
    );
    scene.merge(FIRST_PINS);
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);
}
