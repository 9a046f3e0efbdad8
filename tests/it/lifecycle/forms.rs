//! Every way to say where an image goes, and files as people's tools write them.

use crate::lifecycle::FIRST_PINS;
use crate::support::scene::{HOST, Scene, deployment, stream};

/// Pins `path` and fails where it is not `after` then, with the digests for `WEB` and `API`.
fn pins(path: &str, before: &str, after: &str) -> Scene {
    let scene = Scene::of(&[
        ("streams/web.yaml", &stream("dev", "web", "1")),
        ("streams/api.yaml", &stream("dev", "api", "1")),
        (path, before),
    ]);
    let web = scene.image("acme/web", "1", "web");
    let api = scene.image("acme/api", "1", "api");
    scene.settle();
    let after = after
        .replace("WEB", web.as_str())
        .replace("API", api.as_str());
    assert_eq!(scene.file(FIRST_PINS, path), after);
    scene.merge(FIRST_PINS);
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);
    scene
}

const WEB_TRIGGER: &str = r#"{"from":{"kind":"ImageStreamTag","name":"web:1"},"fieldPath":"spec.template.spec.containers[?(@.name==\"web\")].image"}"#;

#[test]
fn an_annotation_a_byte_order_mark_and_crlf() {
    let before = format!(
        "\u{feff}kind: Deployment\r\napiVersion: apps/v1\r\nmetadata:\r\n  name: web\r\n  namespace: dev\r\n  annotations:\r\n    image.openshift.io/triggers: '[{WEB_TRIGGER}]'\r\nspec:\r\n  template:\r\n    spec:\r\n      containers:\r\n        - name: web\r\n          image: \" \" # filled\r\n"
    );
    let after = before.replace("\" \"", &format!("\"{HOST}/acme/web:1@WEB\""));
    pins("app.yaml", &before, &after);
}

#[test]
fn a_json_list_on_one_line() {
    let before = format!(
        "{{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{{\"name\":\"a\",\"namespace\":\"dev\",\"annotations\":{{\"image.openshift.io/triggers\":\"[{{\\\"from\\\":{{\\\"kind\\\":\\\"ImageStreamTag\\\",\\\"name\\\":\\\"web:1\\\"}},\\\"fieldPath\\\":\\\"spec.containers[0].image\\\"}}]\"}}}},\"spec\":{{\"containers\":[{{\"name\":\"w\\u00e9b\",\"image\":\"{HOST}/acme/web:1\"}}]}}}}]}}"
    );
    let after = before.replace("web:1\"}]}", "web:1@WEB\"}]}");
    pins("app.json", &before, &after);
}

#[test]
fn several_json_documents_in_one_file() {
    let pod = |name: &str| {
        format!(
            "{{\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"metadata\": {{\"name\": \"{name}\", \"namespace\": \"dev\", \"annotations\": {{\"image.openshift.io/triggers\": \"[{{\\\"from\\\":{{\\\"kind\\\":\\\"ImageStreamTag\\\",\\\"name\\\":\\\"{name}:1\\\"}},\\\"fieldPath\\\":\\\"spec.containers[0].image\\\"}}]\"}}}},\n \"spec\": {{\"containers\": [{{\"image\": \"{HOST}/acme/{name}:1\"}}]}}}}\n"
        )
    };
    let before = format!("{}---\n{}", pod("web"), pod("api"));
    let after = before
        .replace("acme/web:1\"", "acme/web:1@WEB\"")
        .replace("acme/api:1\"", "acme/api:1@API\"");
    pins("apps.json", &before, &after);
}

#[test]
fn a_paused_trigger_is_reported_and_the_others_work() {
    let trigger = |name: &str, more: &str| {
        format!(
            r#"{{"from":{{"kind":"ImageStreamTag","name":"{name}:1"}},"fieldPath":"spec.containers[?(@.name=='{name}')].image"{more}}}"#
        )
    };
    let before = format!(
        "kind: Pod\napiVersion: v1\nmetadata:\n  name: both\n  namespace: dev\n  annotations:\n    image.openshift.io/triggers: |-\n      [{},\n       {}]\nspec:\n  containers:\n  - {{name: web, image: \"{HOST}/acme/web:1\"}}\n  - {{name: api, image: {HOST}/acme/api:1}}\n",
        trigger("web", r#","paused":true"#),
        trigger("api", "")
    );
    let after = before.replace("acme/api:1}", "acme/api:1@API}");
    let scene = pins("app.yaml", &before, &after);
    scene.reconcile().exits(0).says("the trigger is paused");
}

#[test]
fn marker_suffixes_write_one_part_each() {
    let before = format!(
        "web:
  repository: {HOST}/acme/web # {{\"$imagestream\": \"dev/web:1:name\"}}
  tag: '0.9' # {{\"$imagestream\": \"dev/web:1:tag\"}}
  digest: \"\" # {{\"$imagestream\": \"dev/web:1:digest\"}}
"
    );
    let after = before
        .replace("'0.9'", "'1'")
        .replace("digest: \"\"", "digest: \"WEB\"");
    pins("values.yaml", &before, &after);
}

fn image_trigger(name: &str, target: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1
kind: ImageTrigger
metadata: {{name: {name}, namespace: dev}}
spec:
  from: {{kind: ImageStreamTag, name: \"{name}:1\"}}
  targets:
    - {target}
"
    )
}

#[test]
fn an_image_trigger_pins_kustomize_helm_and_any_field() {
    let kustomization = "resources: [app.yaml]\nimages:\n  - name: web\n    newName: registry.example:5000/acme/web\n    newTag: \"1\"\n";
    let values = "web:\n  image:\n    repository: registry.example:5000/acme/api\n    tag: \"1\"\n";
    let compose = "services:\n  api:\n    image: registry.example:5000/acme/api:1\n";
    let scene = Scene::of(&[
        ("streams/web.yaml", &stream("dev", "web", "1")),
        ("streams/api.yaml", &stream("dev", "api", "1")),
        ("overlay/kustomization.yaml", kustomization),
        ("overlay/app.yaml", "kind: Nothing\n"),
        ("values.yaml", values),
        ("compose.yaml", compose),
        (
            "t1.yaml",
            &image_trigger(
                "web",
                "{file: overlay/kustomization.yaml, kustomize: {image: web}}",
            ),
        ),
        (
            "t2.yaml",
            &image_trigger(
                "api",
                "{file: values.yaml, helm: {path: web.image}}\n    - {file: compose.yaml, field: services.api.image}",
            ),
        ),
    ]);
    let web = scene.image("acme/web", "1", "web");
    let api = scene.image("acme/api", "1", "api");
    scene.settle();
    let kustomized = scene.file(FIRST_PINS, "overlay/kustomization.yaml");
    assert!(
        kustomized.contains(&format!("digest: {web}")),
        "{kustomized}"
    );
    assert!(
        kustomized.starts_with("resources: [app.yaml]\nimages:\n  - name: web\n"),
        "{kustomized}"
    );
    let valued = scene.file(FIRST_PINS, "values.yaml");
    assert!(valued.contains(api.as_str()), "{valued}");
    assert_eq!(
        scene.file(FIRST_PINS, "compose.yaml"),
        compose.replace("api:1", &format!("api:1@{api}"))
    );
    scene.merge(FIRST_PINS);
    scene.settle();
    let web = scene.image("acme/web", "1", "web 2");
    scene.settle();
    let again = scene.file("headwater/default/dev.web", "overlay/kustomization.yaml");
    assert_eq!(
        again,
        kustomized.replace(
            kustomized
                .lines()
                .find(|line| line.contains("digest"))
                .unwrap(),
            &format!("    digest: {web}"),
        )
    );
}

fn local_stream() -> String {
    stream("dev", "web", "1").replace("spec:\n", "spec:\n  lookupPolicy: {local: true}\n")
}

#[test]
fn a_local_name_becomes_a_pin_with_a_marker_and_is_followed_from_then_on() {
    let pod = "kind: Pod\napiVersion: v1\nmetadata: {name: p, namespace: dev}\nspec:\n  containers:\n    - name: web\n      image: web:1 # the shop\n";
    let json = "{\n  \"kind\": \"Pod\", \"apiVersion\": \"v1\",\n  \"metadata\": {\n    \"name\": \"j\",\n    \"namespace\": \"dev\"\n  },\n  \"spec\": {\"containers\": [{\"name\": \"web\", \"image\": \"web:1\"}]}\n}\n";
    let scene = Scene::of(&[
        ("web.yaml", &local_stream()),
        ("pod.yaml", pod),
        ("pod.json", json),
    ]);
    let first = scene.image("acme/web", "1", "first");
    scene.settle();
    assert_eq!(
        scene.file(FIRST_PINS, "pod.yaml"),
        pod.replace(
            "web:1 # the shop",
            &format!("{HOST}/acme/web:1@{first} # the shop # {{\"$imagestream\": \"dev/web:1\"}}")
        )
    );
    let written = scene.file(FIRST_PINS, "pod.json");
    let value: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(
        value["spec"]["containers"][0]["image"],
        format!("{HOST}/acme/web:1@{first}")
    );
    let triggers = value["metadata"]["annotations"]["image.openshift.io/triggers"]
        .as_str()
        .unwrap();
    let triggers: serde_json::Value = serde_json::from_str(triggers).unwrap();
    assert_eq!(triggers[0]["from"]["name"], "web:1");
    assert_eq!(
        triggers[0]["fieldPath"],
        "spec.containers[?(@.name==\"web\")].image"
    );
    scene.merge(FIRST_PINS);
    scene.settle();
    let second = scene.image("acme/web", "1", "second");
    scene.settle();
    for path in ["pod.yaml", "pod.json"] {
        let text = scene.file("headwater/default/dev.web", path);
        assert!(
            text.contains(second.as_str()) && !text.contains(first.as_str()),
            "{text}"
        );
    }
}

#[test]
fn a_build_config_takes_the_digest_that_started_it_and_nothing_else() {
    let before = "apiVersion: build.openshift.io/v1
kind: BuildConfig
metadata: {name: shop, namespace: dev}
spec:
  strategy:
    sourceStrategy:
      from: {kind: ImageStreamTag, name: \"web:1\"}
  triggers:
    - type: ImageChange
      imageChange: {lastTriggeredImageID: \"\"}
    - type: ImageChange
      imageChange:
        from: {kind: ImageStreamTag, name: \"api:1\"}
";
    let after = before.replace(
        "lastTriggeredImageID: \"\"",
        &format!("lastTriggeredImageID: \"{HOST}/acme/web@WEB\""),
    ) + &format!("        lastTriggeredImageID: {HOST}/acme/api@API\n");
    pins("build.yaml", before, &after);
}

fn deployment_config(second: &str) -> String {
    format!(
        "apiVersion: apps.openshift.io/v1
kind: DeploymentConfig
metadata: {{name: shop, namespace: dev}}
spec:
  triggers:
    - type: ImageChange
      imageChangeParams:
        automatic: true
        containerNames: [web]
        from: {{kind: ImageStreamTag, name: \"web:1\"}}
    - type: ImageChange
      imageChangeParams:
        automatic: true
        containerNames: [api]
        from: {{kind: ImageStreamTag, name: \"{second}\"}}
  template:
    spec:
      containers:
        - name: web
          image: ' '
        - name: api
          image: ' '
"
    )
}

#[test]
fn a_deployment_config_is_filled_as_a_whole() {
    let before = deployment_config("api:1");
    let after = before
        .replacen("' '", &format!("'{HOST}/acme/web:1@WEB'"), 1)
        .replacen("' '", &format!("'{HOST}/acme/api:1@API'"), 1);
    pins("dc.yaml", &before, &after);
}

#[test]
fn a_deployment_config_waits_as_a_whole() {
    let scene = Scene::of(&[
        ("streams/web.yaml", &stream("dev", "web", "1")),
        ("streams/api.yaml", &stream("dev", "api", "1")),
        ("dc.yaml", &deployment_config("api:1")),
    ]);
    scene.image("acme/web", "1", "web");
    scene
        .reconcile()
        .exits(3)
        .says("another image of this object is not known yet");
    assert_eq!(scene.changed(FIRST_PINS), ["streams/web.yaml"]);
    scene.image("acme/api", "1", "api");
    scene.settle();
    assert_eq!(
        scene.changed(FIRST_PINS),
        ["dc.yaml", "streams/api.yaml", "streams/web.yaml"]
    );
}

#[test]
fn a_name_of_the_integrated_registry_is_a_stream() {
    let before = "kind: Pod\napiVersion: v1\nmetadata: {name: p, namespace: other}\nspec:\n  containers:\n    - image: image-registry.openshift-image-registry.svc:5000/dev/web:1\n";
    let after = before.replace(
        "image-registry.openshift-image-registry.svc:5000/dev/web:1",
        &format!("{HOST}/acme/web:1@WEB # {{\"$imagestream\": \"dev/web:1\"}}"),
    );
    pins("pod.yaml", before, &after);
}

#[test]
fn a_template_is_left_alone() {
    let template =
        "kind: Pod\nspec:\n  containers:\n    - image: {{ .Values.image }}\n{{- end }}\n";
    let scene = Scene::of(&[
        ("chart/Chart.yaml", "name: chart\n"),
        ("chart/templates/pod.yaml", template),
        ("web.yaml", &stream("dev", "web", "1")),
        ("app.yaml", &deployment("dev", "web", "1")),
    ]);
    scene.image("acme/web", "1", "web");
    scene.settle();
    assert_eq!(scene.changed(FIRST_PINS), ["app.yaml", "web.yaml"]);
}

#[test]
fn a_container_without_an_image_gets_one() {
    let before = format!(
        "kind: Deployment
apiVersion: apps/v1
metadata:
  name: web
  namespace: dev
  annotations:
    image.openshift.io/triggers: '[{WEB_TRIGGER}]'
spec:
  template:
    spec:
      containers:
      - name: web
        ports: []
"
    );
    let after = before.replace(
        "        ports: []\n",
        &format!("        ports: []\n        image: {HOST}/acme/web:1@WEB\n"),
    );
    pins("app.yaml", &before, &after);
}

/// A Dockerfile is no YAML, and is read from commits only where an ImageTrigger names it.
#[test]
fn a_dockerfile_and_a_workflow_are_pinned_and_what_is_taken_back_stays_back() {
    let dockerfile = "FROM --platform=$BUILDPLATFORM registry.example:5000/acme/web:1 AS build\nRUN <<EOF\nFROM nothing\nEOF\nFROM scratch\n";
    let workflow = "jobs:\n  build:\n    steps:\n      - uses: docker://registry.example:5000/acme/web:1 # lint\n";
    let scene = Scene::of(&[
        ("streams/web.yaml", &stream("dev", "web", "1")),
        ("image/Dockerfile", dockerfile),
        (".github/workflows/ci.yml", workflow),
        (
            "t1.yaml",
            &image_trigger(
                "web",
                "{file: image/Dockerfile, dockerfile: {stage: build}}\n    - {file: .github/workflows/ci.yml, workflow: {job: build, step: 0}}",
            ),
        ),
    ]);
    let first = scene.image("acme/web", "1", "first");
    scene.settle();
    let after = |text: &str, digest: &str| text.replace("web:1", &format!("web:1@{digest}"));
    let written = |revision: &str, path: &str| scene.file(revision, path);
    assert_eq!(
        written(FIRST_PINS, "image/Dockerfile"),
        after(dockerfile, first.as_str())
    );
    assert_eq!(
        written(FIRST_PINS, ".github/workflows/ci.yml"),
        after(workflow, first.as_str())
    );
    scene.merge(FIRST_PINS);
    scene.settle();

    let second = scene.image("acme/web", "1", "second");
    scene.settle();
    let branch = scene.bot_branch();
    assert_eq!(
        written(&branch, "image/Dockerfile"),
        after(dockerfile, second.as_str())
    );
    scene.merge(&branch);
    scene.settle();
    let back = |text: &str| text.replace(second.as_str(), first.as_str());
    scene.edit("image/Dockerfile", back);
    scene
        .settle()
        .says(&format!("{} was taken back by Ada in ", second.short()));
    assert_eq!(scene.bot_branches(), [""; 0]);
}
