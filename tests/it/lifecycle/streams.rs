//! What the tags of a stream do beside following one image: other sources, none, or none any more.

use crate::lifecycle::{FIRST_PINS, WEB};
use crate::support::scene::{HOST, Scene, deployment};

/// A stream `dev/web` with these entries of `spec.tags` and what else is given, and a workload for
/// the tag 1.
fn scene(tags: &str, rest: &str) -> Scene {
    let scene = Scene::of(&[
        ("web.yaml", &stream(tags, rest)),
        ("app.yaml", &deployment("dev", "web", "1")),
    ]);
    scene.image("acme/web", "1", "first");
    scene
}

fn stream(tags: &str, rest: &str) -> String {
    format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: web
  namespace: dev
spec:
  tags:
{tags}{rest}"
    )
}

/// An entry of `spec.tags` that follows an image.
fn image(tag: &str, more: &str) -> String {
    format!(
        "    - name: \"{tag}\"\n      from: {{kind: DockerImage, name: {HOST}/acme/web:{tag}}}\n{more}"
    )
}

const SCHEDULED: &str = "      importPolicy: {scheduled: true}\n";

fn status(tag: &str, digest: &str) -> String {
    format!(
        "status:
  tags:
    - tag: \"{tag}\"
      items:
        - created: \"2026-01-02T03:04:05Z\"
          dockerImageReference: {HOST}/acme/web@{digest}
          image: {digest}
          generation: 1
"
    )
}

#[test]
fn a_tag_without_a_source_holds_what_its_status_says() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let bare = "    - name: \"1\"\n    - name: \"2\"\n";
    let scene = scene(bare, &status("1", &digest));
    scene
        .settle()
        .says("dev/web:2  web.yaml:9:7  tag without source image");
    assert_eq!(scene.changed(WEB), ["app.yaml"]);
    let app = scene.file(WEB, "app.yaml");
    assert!(app.contains(&digest), "{app}");
}

#[test]
fn a_tag_that_left_the_spec_keeps_its_status() {
    let scene = scene(&[image("1", ""), image("2", "")].concat(), "");
    scene.image("acme/web", "2", "other");
    scene.settle();
    scene.merge(FIRST_PINS);
    scene.edit("web.yaml", |text| text.replace(&image("1", ""), ""));
    scene.commit(
        &[(
            "later.yaml",
            &deployment("dev", "web", "1").replace("name: web", "name: later"),
        )],
        "another workload",
    );
    scene.settle();
    let first = scene.image("acme/web", "1", "first");
    let later = scene.file(&scene.bot_branch(), "later.yaml");
    assert!(later.contains(first.as_str()), "{later}");
    let kept = scene.file(&scene.bot_branch(), "web.yaml");
    assert!(kept.contains(first.as_str()), "{kept}");
}

#[test]
fn another_kind_of_source_and_a_new_schedule_are_seen() {
    let scene = scene(&[image("1", ""), image("2", "")].concat(), "");
    let other = scene.image("acme/web", "2", "other");
    scene.settle();
    scene.merge(FIRST_PINS);
    scene.settle();
    let alias = "    - name: \"1\"\n      from: {kind: ImageStreamTag, name: \"2\"}\n";
    scene.edit("web.yaml", |text| text.replace(&image("1", ""), alias));
    scene.settle();
    let app = scene.file(WEB, "app.yaml");
    assert!(app.contains(other.as_str()), "{app}");
    scene.merge(WEB);
    scene.settle();

    // With a schedule alone, the tag follows from now on.
    let next = scene.image("acme/web", "2", "next");
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);
    scene.edit("web.yaml", |text| {
        text.replace(&image("2", ""), &image("2", SCHEDULED))
    });
    scene.settle();
    let app = scene.file(WEB, "app.yaml");
    assert!(app.contains(next.as_str()), "{app}");
}

#[test]
fn an_alias_that_comes_with_a_new_source_has_the_new_image() {
    let scene = scene(&image("1", ""), "");
    scene.settle();
    scene.merge(FIRST_PINS);
    scene.settle();
    let second = scene.image("acme/web", "2", "second");
    scene.edit("web.yaml", |text| {
        let alias = "    - name: latest\n      from: {kind: ImageStreamTag, name: \"1\"}\n";
        text.replace("acme/web:1}", "acme/web:2}").replace(
            "  tags:\n    - name: \"1\"\n      from",
            &format!("  tags:\n{alias}    - name: \"1\"\n      from"),
        )
    });
    scene.settle();
    let branch = scene.bot_branch();
    let file = scene.file(&branch, "web.yaml");
    assert_eq!(
        file.matches(&format!("image: {second}")).count(),
        2,
        "{file}"
    );
    let app = scene.file(&branch, "app.yaml");
    assert!(app.contains(second.as_str()), "{app}");
}

#[test]
fn a_schedule_that_is_switched_off_imports_once() {
    let scene = scene(&image("1", SCHEDULED), "");
    let off =
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {imports: {scheduled: false}}\n";
    scene.commit(&[("headwater.yaml", off)], "off");
    scene.settle();
    scene.merge(FIRST_PINS);
    let second = scene.image("acme/web", "1", "second");
    scene
        .settle()
        .says("imported once: `imports.scheduled` is false in headwater.yaml");
    assert_eq!(scene.bot_branches(), [""; 0]);
    scene.edit("headwater.yaml", |text| text.replace("false", "true"));
    scene.settle();
    let app = scene.file(WEB, "app.yaml");
    assert!(app.contains(second.as_str()), "{app}");
}

#[test]
fn a_digest_is_imported_once() {
    let scene = scene("", "");
    let digest = scene.image("acme/web", "1", "first");
    let pinned = image("1", SCHEDULED).replace("web:1}", &format!("web@{digest}}}"));
    scene.commit(&[("web.yaml", &stream(&pinned, ""))], "a digest");
    scene.settle();
    let branch = scene.bot_branch();
    let app = scene.file(&branch, "app.yaml");
    assert!(app.contains(digest.as_str()), "{app}");
    scene.merge(&branch);
    scene.settle();
    let asked = scene.registry.log().len();
    scene.settle();
    assert_eq!(scene.registry.log().len(), asked, "a digest cannot move");
}

#[test]
fn a_failed_import_is_tried_again() {
    let scene = scene(&image("2", ""), "");
    scene.commit(&[("app.yaml", &deployment("dev", "web", "2"))], "follow 2");
    scene
        .reconcile()
        .exits(3)
        .says("dev/web:2  web.yaml:8:7  missing");
    assert_eq!(scene.bot_branches(), [""; 0]);
    let found = scene.image("acme/web", "2", "late");
    scene.settle();
    let app = scene.file(FIRST_PINS, "app.yaml");
    assert!(app.contains(found.as_str()), "{app}");
}

#[test]
fn triggers_of_an_annotation_are_filled_one_by_one() {
    let trigger = |tag: &str| {
        format!(
            r#"{{"from":{{"kind":"ImageStreamTag","name":"web:{tag}"}},"fieldPath":"spec.containers[?(@.name==\"c{tag}\")].image"}}"#
        )
    };
    let pod = format!(
        "kind: Pod\napiVersion: v1\nmetadata:\n  name: both\n  namespace: dev\n  annotations:\n    image.openshift.io/triggers: '[{},{}]'\nspec:\n  containers:\n  - name: c1\n    image: \" \"\n  - name: c2\n    image: \" \"\n",
        trigger("1"),
        trigger("2")
    );
    let scene = scene(&[image("1", ""), image("2", "")].concat(), "");
    scene.commit(&[("app.yaml", &pod)], "two containers");
    let first = scene.image("acme/web", "1", "first");
    scene.reconcile().exits(3).says("dev/web:2  web.yaml:");
    assert_eq!(
        scene.file(FIRST_PINS, "app.yaml"),
        pod.replacen("\" \"", &format!("\"{HOST}/acme/web:1@{first}\""), 1)
    );
}

#[test]
fn a_local_name_whose_tag_is_missing_stays_and_is_said() {
    let pod = "kind: Pod\napiVersion: v1\nmetadata: {name: p, namespace: dev}\nspec:\n  containers:\n    - name: web\n      image: web:9\n";
    let scene = scene(&image("1", ""), "  lookupPolicy: {local: true}\n");
    scene.commit(&[("pod.yaml", pod)], "a local name");
    scene.reconcile().exits(3).says("pod.yaml:7:14: error: ");
    assert_eq!(scene.changed(FIRST_PINS), ["app.yaml", "web.yaml"]);
}

#[test]
fn a_tag_that_was_pushed_has_no_entry_in_the_spec_and_is_followed() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let scene = scene("", &status("1", &digest));
    scene.settle();
    assert_eq!(scene.changed(WEB), ["app.yaml"]);
    let app = scene.file(WEB, "app.yaml");
    assert!(app.contains(&format!("{HOST}/acme/web@{digest}")), "{app}");
}

#[test]
fn a_new_source_that_is_missing_lends_its_name_to_no_older_image() {
    let scene = scene(&image("1", ""), "");
    scene.settle();
    scene.merge(FIRST_PINS);
    scene.settle();
    scene.edit("web.yaml", |text| {
        text.replace("acme/web:1}", "acme/web:2}")
    });
    scene.reconcile().exits(3).says("missing");
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn a_condition_goes_when_an_image_comes() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let failed = "      conditions:
        - type: ImportSuccess
          status: \"False\"
          reason: NotFound
          generation: 1
";
    let before = [status("1", &digest), failed.to_owned()].concat();
    let scene = scene(&image("1", SCHEDULED), &before);
    let first = scene.image("acme/web", "1", "first");
    scene.settle();
    let file = scene.file(&scene.bot_branch(), "web.yaml");
    assert!(
        file.contains(first.as_str()) && file.contains(&digest),
        "{file}"
    );
    assert!(!file.contains("conditions"), "{file}");
}
