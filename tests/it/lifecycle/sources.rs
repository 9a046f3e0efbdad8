//! What a stream tag follows: once, again, by another name, by platform.

use crate::lifecycle::{FIRST_PINS, WEB};
use crate::support::scene::{HOST, Scene, deployment, stream};

/// A stream `dev/web` with these entries of `spec.tags`, and a workload for the tag 1.
fn scene(tags: &str) -> Scene {
    let stream = format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: web
  namespace: dev
spec:
  tags:
{tags}"
    );
    let scene = Scene::of(&[
        ("web.yaml", &stream),
        ("app.yaml", &deployment("dev", "web", "1")),
    ]);
    scene.image("acme/web", "1", "first");
    scene
}

fn once() -> Scene {
    scene(
        "    - name: \"1\"\n      from: {kind: DockerImage, name: registry.example:5000/acme/web:1}\n",
    )
}

#[test]
fn a_tag_that_is_not_scheduled_is_imported_once_and_says_what_to_add() {
    let scene = once();
    scene.settle();
    scene.merge(FIRST_PINS);
    let first = scene.image("acme/web", "1", "first");
    scene.image("acme/web", "1", "second");
    scene
        .settle()
        .says("imported once; add `importPolicy: {scheduled: true}` to follow it");
    assert_eq!(scene.bot_branches(), [""; 0]);
    assert!(scene.file("main", "app.yaml").contains(first.as_str()));

    // Following all tags follows this one too.
    scene.commit(
        &[(
            "headwater.yaml",
            "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {imports: {follow: all}}\n",
        )],
        "follow all",
    );
    scene.settle().never_says("imported once");
    assert_eq!(scene.bot_branch(), WEB);
}

#[test]
fn another_source_of_a_tag_is_imported() {
    let scene = once();
    scene.reconcile().exits(0);
    scene.merge(FIRST_PINS);
    scene.settle();
    let other = scene.image("acme/web", "2", "other");
    scene.edit("web.yaml", |text| {
        text.replace("acme/web:1}", "acme/web:2}")
    });
    scene.settle();
    assert!(
        scene
            .file(WEB, "app.yaml")
            .contains(&format!("{HOST}/acme/web:2@{other} #"))
    );
    let file = scene.file(WEB, "web.yaml");
    assert!(
        file.contains(&format!("\"from\":\"{HOST}/acme/web:2\"")),
        "{file}"
    );
    assert!(file.contains("generation: 2"), "{file}");
    scene.merge(WEB);
    scene.settle();
}

#[test]
fn generation_zero_asks_for_one_import_and_null_for_none() {
    let scene = once();
    scene.reconcile().exits(0);
    scene.merge(FIRST_PINS);
    scene.settle();
    let second = scene.image("acme/web", "1", "second");
    scene.edit("web.yaml", |text| {
        text.replace(
            "    - name: \"1\"\n",
            "    - name: \"1\"\n      generation: null\n",
        )
    });
    scene.settle().says("imported once");
    assert_eq!(scene.bot_branches(), [""; 0]);
    scene.edit("web.yaml", |text| {
        text.replace("generation: null", "generation: 0")
    });
    scene.settle();
    assert!(scene.file(WEB, "app.yaml").contains(second.as_str()));
    scene.merge(WEB);
    scene.image("acme/web", "1", "third");
    scene.settle().says("imported once");
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn pins_that_stand_without_a_status_are_adopted() {
    let first = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    let pinned = deployment("dev", "web", "1").replace("web:1 #", &format!("web:1@{first} #"));
    let scene = Scene::of(&[
        ("web.yaml", &stream("dev", "web", "1")),
        ("app.yaml", &pinned),
    ]);
    let second = scene.image("acme/web", "1", "second");
    scene.settle();
    let branch = scene.bot_branch();
    let file = scene.file(&branch, "web.yaml");
    let at = |digest: &str| {
        file.find(&format!("image: {digest}"))
            .unwrap_or_else(|| panic!("{file}"))
    };
    assert!(at(second.as_str()) < at(first));
    assert!(
        scene
            .message(&branch)
            .contains(&format!("Image-Previous: {first}\n"))
    );
    scene.merge(&branch);
    scene.settle();
}

#[test]
fn a_pin_that_the_tag_still_names_is_adopted_without_touching_the_workload() {
    let scene = Scene::new();
    let first = scene.image("acme/web", "1", "first");
    let pinned = deployment("dev", "web", "1").replace("web:1 #", &format!("web:1@{first} #"));
    scene.commit(
        &[
            ("web.yaml", &stream("dev", "web", "1")),
            ("app.yaml", &pinned),
        ],
        "add",
    );
    scene.settle();
    let branch = scene.bot_branch();
    assert_eq!(scene.changed(&branch), ["web.yaml"]);
    scene.merge(&branch);
    scene.settle();
}

#[test]
fn aliases_stand_for_the_tag_at_their_end() {
    let alias = |name: &str, to: &str| {
        format!("    - name: {name}\n      from: {{kind: ImageStreamTag, name: \"{to}\"}}\n")
    };
    let source = "    - name: \"1\"\n      from: {kind: DockerImage, name: registry.example:5000/acme/web:1}\n      importPolicy: {scheduled: true}\n";
    let tags = [
        alias("latest", "stable"),
        alias("stable", "web:current"),
        alias("current", "1"),
        source.to_owned(),
        alias("round", "and-round"),
        alias("and-round", "round"),
        alias("nowhere", "missing"),
    ]
    .concat();
    let scene = scene(&tags);
    scene.commit(
        &[("latest.yaml", &deployment("dev", "web", "latest"))],
        "follow latest",
    );
    let first = scene.image("acme/web", "1", "first");
    scene
        .reconcile()
        .exits(3)
        .says("web.yaml:17:7: error: reference tag is circular: round -> and-round -> round")
        .says("web.yaml:21:7: error: reference tag is not found: dev/web has no tag `missing`");
    let text = scene.file(FIRST_PINS, "latest.yaml");
    assert!(
        text.contains(&format!("{HOST}/acme/web:1@{first} #")),
        "{text}"
    );
    let status = scene.file(FIRST_PINS, "web.yaml");
    for tag in ["latest", "stable", "current", "\"1\""] {
        assert!(
            status.contains(&format!("- tag: {tag}\n      items:\n")),
            "{status}"
        );
    }
    scene.merge(FIRST_PINS);
    let second = scene.image("acme/web", "1", "second");
    scene.reconcile().exits(3);
    assert!(scene.file(WEB, "latest.yaml").contains(second.as_str()));
    scene.merge(WEB);
    let state = scene.state();
    scene.reconcile().exits(3);
    let state_after = scene.state();
    assert_ne!(state, state_after, "the leftover branch is cleared away");
    scene.reconcile().exits(3).says("nothing to do");
    assert_eq!(scene.state(), state_after);
}

#[test]
fn an_alias_of_a_tag_that_was_imported_once_is_recorded_too() {
    let scene = once();
    scene.reconcile().exits(0);
    scene.merge(FIRST_PINS);
    scene.edit("web.yaml", |text| {
        text.replace("  tags:\n    - name", "  tags:\n    - name: latest\n      from: {kind: ImageStreamTag, name: \"1\"}\n    - name")
    });
    let first = scene.image("acme/web", "1", "first");
    scene.settle();
    let branch = scene.bot_branch();
    let text = scene.file(&branch, "web.yaml");
    assert!(text.contains("- tag: latest\n"), "{text}");
    assert_eq!(
        text.matches(&format!("image: {first}")).count(),
        2,
        "{text}"
    );
    scene.merge(&branch);
    scene.settle();
}

#[test]
fn an_index_is_pinned_whole_and_by_platform_in_legacy_mode() {
    let scene = Scene::of(&[
        ("web.yaml", &stream("dev", "web", "1")),
        (
            "old.yaml",
            &stream("dev", "old", "1").replace(
                "scheduled: true",
                "scheduled: true\n        importMode: Legacy",
            ),
        ),
    ]);
    let platforms = ["linux/arm64", "linux/amd64"];
    let (index, _) = scene
        .registry
        .push_index("acme/web", "1", "web", &platforms);
    let (_, children) = scene
        .registry
        .push_index("acme/old", "1", "old", &platforms);
    scene.settle();
    assert!(
        scene
            .file(FIRST_PINS, "web.yaml")
            .contains(&format!("image: {index}\n"))
    );
    assert!(
        scene
            .file(FIRST_PINS, "old.yaml")
            .contains(&format!("image: {}\n", children[1]))
    );
    scene.merge(FIRST_PINS);
    scene.settle();
    // Another mode is another import.
    scene.edit("old.yaml", |text| {
        text.replace("Legacy", "PreserveOriginal")
    });
    scene.settle();
    assert_eq!(scene.bot_branch(), "headwater/default/dev.old");
}

#[test]
fn a_tag_by_reference_is_used_as_written() {
    let scene = scene(
        "    - name: \"1\"\n      reference: true\n      from: {kind: DockerImage, name: registry.example:5000/acme/web:1}\n",
    );
    let pushed = scene.registry.log().len();
    scene
        .settle()
        .says("dev/web:1  registry.example:5000/acme/web:1  as written");
    let stream = scene.file(FIRST_PINS, "web.yaml");
    assert!(
        stream.contains("dockerImageReference: registry.example:5000/acme/web:1\n"),
        "{stream}"
    );
    assert!(stream.contains("image: \"\"\n"), "{stream}");
    let app = scene.file(FIRST_PINS, "app.yaml");
    assert!(
        app.contains("image: registry.example:5000/acme/web:1 #"),
        "{app}"
    );
    scene.merge(FIRST_PINS);
    scene.settle();
    assert_eq!(
        scene.registry.log().len(),
        pushed,
        "a reference is never asked for"
    );
}
