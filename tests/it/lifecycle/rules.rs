//! Tags chosen by a rule, whole repositories, ages and intervals.

use headwater::image::{Digest, Platform};
use serde_json::json;

use crate::lifecycle::FIRST_PINS;
use crate::support::registry::configuration_of;
use crate::support::scene::{HOST, Scene, deployment};

const WEB: &str = "headwater/default/dev.web";

/// A stream `dev/web` whose tag `stable` has these annotations, and a workload for it.
fn scene(annotations: &str) -> Scene {
    Scene::of(&[
        ("web.yaml", &stream(annotations)),
        ("app.yaml", &deployment("dev", "web", "stable")),
    ])
}

fn stream(annotations: &str) -> String {
    format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {{name: web, namespace: dev}}
spec:
  tags:
    - name: stable
      annotations: {annotations}
      from: {{kind: DockerImage, name: {HOST}/acme/web}}
"
    )
}

fn image_created(scene: &Scene, tag: &str, created: &str) -> Digest {
    let mut config = configuration_of(tag, &Platform::linux_amd64());
    config["created"] = json!(created);
    scene.registry.push_configured("acme/web", tag, tag, config)
}

#[test]
fn the_highest_version_in_a_range_is_followed_and_shown() {
    let scene = scene("{headwater.dev/select: \"semver: ~1.2\"}");
    for tag in ["latest", "1.2.3", "1.3.0", "1.2.9-rc.1"] {
        scene.image("acme/web", tag, tag);
    }
    let chosen = scene.image("acme/web", "1.2.4", "1.2.4");
    scene
        .settle()
        .says(&format!("dev/web:stable  {HOST}/acme/web:1.2.4  none -> "));
    let app = scene.file(FIRST_PINS, "app.yaml");
    assert!(
        app.contains(&format!("image: {HOST}/acme/web:1.2.4@{chosen} #")),
        "{app}"
    );
    let stream = scene.file(FIRST_PINS, "web.yaml");
    assert!(stream.contains("\"selected\":\"1.2.4\""), "{stream}");
    let message = scene.message(FIRST_PINS);
    let subject = format!(
        "pin dev/web:stable to 1.2.4 ({}) in default (first pin)\n",
        &chosen.encoded()[..7]
    );
    assert!(message.starts_with(&subject), "{message}");
    assert!(message.contains("acme/web:1.2.4\n"), "{message}");
    scene.merge(FIRST_PINS);
    scene.settle();

    let next = scene.image("acme/web", "1.2.10", "1.2.10");
    scene.settle();
    let app = scene.file(WEB, "app.yaml");
    assert!(app.contains(&format!("acme/web:1.2.10@{next} #")), "{app}");
    scene.merge(WEB);

    scene
        .run(&["history", "dev/web:stable", &scene.bare()])
        .exits(0)
        .says(&format!("1.2.10@sha256:{}", next.short()))
        .says(&format!("1.2.4@sha256:{}", chosen.short()));

    // Another tag for the same image is another choice, and no other image.
    scene.image("acme/web", "1.2.11", "1.2.10");
    scene.settle();
    let app = scene.file(WEB, "app.yaml");
    assert!(app.contains(&format!("acme/web:1.2.11@{next} #")), "{app}");
    let stream = scene.file(WEB, "web.yaml");
    assert_eq!(stream.matches(next.as_str()).count(), 2, "{stream}");
    scene.merge(WEB);

    // Without the rule, the tag that `from` names is imported, once.
    scene.edit("web.yaml", |text| {
        text.replace("headwater.dev/select: \"semver: ~1.2\"", "")
    });
    scene.settle();
    let app = scene.file(WEB, "app.yaml");
    assert!(app.contains("acme/web:latest@sha256:"), "{app}");
    let stream = scene.file(WEB, "web.yaml");
    assert!(!stream.contains("selected"), "{stream}");
}

#[test]
fn a_rule_that_matches_nothing_is_a_failure_that_keeps_the_pin() {
    let scene = scene("{headwater.dev/select: \"semver: ^2\"}");
    scene.image("acme/web", "1.0.0", "a");
    scene.reconcile().exits(3).says(
        "web.yaml:6:7  none of the 1 tags of registry.example:5000/acme/web matches `semver ^2`",
    );
    scene.edit("web.yaml", |text| text.replace("semver: ^2", "semver: two"));
    scene
        .reconcile()
        .exits(3)
        .says("web.yaml:7:43: error: headwater.dev/select: `two` is no range of versions");
}

#[test]
fn a_regex_orders_by_its_group_and_newest_by_date() {
    let scene = scene("{headwater.dev/select: 'regex: ^main-[0-9a-f]+-(\\d+)$'}");
    image_created(&scene, "main-aa-9", "2026-03-01T00:00:00Z");
    let tenth = image_created(&scene, "main-bb-10", "2026-02-01T00:00:00Z");
    scene.image("acme/web", "dev-cc-11", "other");
    scene.settle();
    let app = scene.file(FIRST_PINS, "app.yaml");
    assert!(
        app.contains(&format!("acme/web:main-bb-10@{tenth}")),
        "{app}"
    );
    scene.merge(FIRST_PINS);
    scene.edit("web.yaml", |text| {
        text.replace(
            "'regex: ^main-[0-9a-f]+-(\\d+)$'",
            "\"regex: ^main-\\norder: newest\"",
        )
    });
    scene.settle();
    let app = scene.file(WEB, "app.yaml");
    assert!(app.contains("acme/web:main-aa-9@"), "{app}");
}

#[test]
fn an_image_waits_for_its_age_and_an_older_version_is_taken_meanwhile() {
    let scene = scene("{headwater.dev/select: \"semver: ^1\", headwater.dev/minimum-age: 24h}");
    let old = image_created(&scene, "1.0.0", "2026-01-02T03:04:05Z");
    let future = "2999-01-01T00:00:00Z";
    image_created(&scene, "1.1.0", future);
    scene.settle();
    let app = scene.file(FIRST_PINS, "app.yaml");
    assert!(app.contains(&format!("acme/web:1.0.0@{old}")), "{app}");
}

#[test]
fn a_tag_that_moves_to_a_young_image_waits_and_says_until_when() {
    let plain = stream("{headwater.dev/minimum-age: 24h}").replace(
        "acme/web}",
        "acme/web:1}\n      importPolicy: {scheduled: true}",
    );
    let scene = Scene::of(&[
        ("web.yaml", &plain),
        ("app.yaml", &deployment("dev", "web", "stable")),
    ]);
    let old = image_created(&scene, "1", "2026-01-02T03:04:05Z");
    scene.settle();
    scene.merge(FIRST_PINS);
    let young = image_created(&scene, "1", "2999-01-01T00:00:00Z");
    scene.settle().says(&format!(
        "{} was created at 2999-01-01T00:00:00Z and is not old enough; taken at 2999-01-02T00:00:00Z",
        young.short()
    ));
    assert_eq!(scene.bot_branches(), [""; 0]);
    assert!(scene.file("main", "app.yaml").contains(old.as_str()));

    // An image that does not say when it was created is never old enough.
    image_created(&scene, "1", "1970-01-01T00:00:00Z");
    scene.settle().says("does not say when it was created");
    // Without the wish, it is taken.
    scene.edit("web.yaml", |text| text.replace("24h", "0s"));
    scene.settle();
    assert_eq!(scene.bot_branch(), WEB);
}

#[test]
fn an_open_branch_stays_while_a_younger_image_waits() {
    let plain = stream("{headwater.dev/minimum-age: 24h}").replace(
        "acme/web}",
        "acme/web:1}\n      importPolicy: {scheduled: true}",
    );
    let scene = Scene::of(&[("web.yaml", &plain)]);
    image_created(&scene, "1", "2026-01-02T03:04:05Z");
    scene.settle();
    scene.merge(FIRST_PINS);
    image_created(&scene, "1", "2026-01-03T03:04:05Z");
    scene.settle();
    let head = scene.origin.rev(WEB);
    image_created(&scene, "1", "2999-01-01T00:00:00Z");
    scene.settle().says("is not old enough");
    assert_eq!(scene.origin.rev(WEB), head);
}

#[test]
fn a_whole_repository_is_imported_once_up_to_the_limit() {
    let stream = format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {{name: web, namespace: dev}}
spec:
  dockerImageRepository: {HOST}/acme/web
  tags:
    - name: \"1.0.0\"
      reference: true
      from: {{kind: DockerImage, name: {HOST}/acme/web:1.0.0}}
"
    );
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {imports: {bulkPerRepository: 3}}\n";
    let scene = Scene::of(&[
        ("web.yaml", &stream),
        ("app.yaml", &deployment("dev", "web", "latest")),
        ("headwater.yaml", config),
    ]);
    for tag in ["zoo", "1.0.0", "1.2", "2.0.1", "latest", "alpha", "1.1"] {
        scene.image("acme/web", tag, tag);
    }
    scene.settle().says(
        "web.yaml:5:26: note: registry.example:5000/acme/web contains 3 additional tags beyond the first 3, which are not imported: 2.0.1, alpha, zoo",
    );
    let written = scene.file(FIRST_PINS, "web.yaml");
    for tag in ["latest", "\"1.2\"", "\"1.1\"", "1.0.0"] {
        assert!(
            written.contains(&format!("- tag: {tag}\n")),
            "{tag}: {written}"
        );
    }
    assert_eq!(written.matches("- tag: ").count(), 4, "{written}");
    assert!(written.contains("\"*\":{\"from\":"), "{written}");
    let app = scene.file(FIRST_PINS, "app.yaml");
    assert!(app.contains("acme/web:latest@sha256:"), "{app}");
    scene.merge(FIRST_PINS);
    scene.settle();

    // Once: a tag that moves, or comes, is not looked at …
    scene.image("acme/web", "latest", "moved");
    scene.settle().says("dev/web:latest");
    assert_eq!(scene.bot_branches(), [""; 0]);
    // … unless every tag is followed.
    scene.commit(
        &[(
            "headwater.yaml",
            &config.replace("{bulk", "{follow: all, bulk"),
        )],
        "follow all",
    );
    scene.settle();
    assert_eq!(scene.bot_branch(), WEB);
}

#[test]
fn what_was_taken_back_of_a_whole_repository_stays_back() {
    let stream = format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: web, namespace: dev}}\nspec:\n  dockerImageRepository: {HOST}/acme/web\n"
    );
    let follow =
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {imports: {follow: all}}\n";
    let scene = Scene::of(&[("web.yaml", &stream), ("headwater.yaml", follow)]);
    scene.image("acme/web", "latest", "first");
    scene.settle();
    scene.merge(FIRST_PINS);
    let second = scene.image("acme/web", "latest", "second");
    scene.settle();
    let merged = scene.merge(WEB);
    scene.revert(&merged, &["-m", "1"]);
    scene
        .settle()
        .says(&format!("{} was taken back by", second.short()));
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn a_repository_that_cannot_be_read_is_named_and_read_again() {
    let stream = format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: web, namespace: dev}}\nspec:\n  dockerImageRepository: {HOST}/acme/none\n"
    );
    let scene = Scene::of(&[("web.yaml", &stream)]);
    scene
        .reconcile()
        .exits(3)
        .says("dev/web:*  web.yaml:5:26  missing");
    scene.image("acme/none", "latest", "here");
    scene.settle();
    assert!(
        scene
            .file(FIRST_PINS, "web.yaml")
            .contains("- tag: latest\n")
    );
}

#[test]
fn a_repository_that_is_gone_keeps_its_tags_and_their_branches() {
    let stream = format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: web, namespace: dev}}\nspec:\n  dockerImageRepository: {HOST}/acme/web\n"
    );
    let follow =
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {imports: {follow: all}}\n";
    let scene = Scene::of(&[
        ("web.yaml", &stream),
        ("app.yaml", &deployment("dev", "web", "latest")),
        ("headwater.yaml", follow),
    ]);
    scene.image("acme/web", "latest", "first");
    scene.image("acme/web", "old", "old");
    scene.settle();
    scene.merge(FIRST_PINS);
    scene.image("acme/web", "latest", "second");
    scene.settle();
    let head = scene.origin.rev(WEB);

    let there = scene
        .registry
        .storage()
        .join("docker/registry/v2/repositories/acme/web");
    let away = there.with_file_name("away");
    std::fs::rename(&there, &away).unwrap();
    scene
        .reconcile()
        .exits(3)
        .says("dev/web:*")
        .never_says("no such tag")
        .never_says("no tag yet");
    assert_eq!(scene.origin.rev(WEB), head);
    std::fs::rename(&away, &there).unwrap();
    std::fs::remove_dir_all(there.join("_manifests/tags/old")).unwrap();
    scene
        .settle()
        .says("dev/web:old  web.yaml:5:26  its repository does not list it");
    assert_eq!(scene.origin.rev(WEB), head);
}

#[test]
fn a_tag_is_looked_at_once_an_interval() {
    let plain = stream("{headwater.dev/interval: 24h}").replace(
        "acme/web}",
        "acme/web:1}\n      importPolicy: {scheduled: true}",
    );
    let scene = Scene::of(&[("web.yaml", &plain)]);
    scene.image("acme/web", "1", "first");
    scene.reconcile().exits(0);
    scene.merge(FIRST_PINS);
    scene.reconcile().exits(0);
    let asked = scene.registry.log().len();
    scene.image("acme/web", "1", "second");
    let pushed = scene.registry.log().len();
    scene.reconcile().exits(0).says("looked at again at 2");
    assert_eq!(scene.registry.log().len(), pushed, "{asked} before");
    assert_eq!(scene.bot_branches(), [""; 0]);
    // A person who asks wants to know now.
    scene.run(&["plan", &scene.bare()]).exits(0).says(" -> ");
    // An interval that is not there any more holds nothing back.
    scene.edit("web.yaml", |text| text.replace("24h", "0s"));
    scene.reconcile().exits(0);
    assert_eq!(scene.bot_branch(), WEB);
}

#[test]
fn a_look_that_failed_waits_for_no_interval() {
    let plain = stream("{}").replace(
        "acme/web}",
        "acme/web:1}\n      importPolicy: {scheduled: true}",
    );
    let scene = Scene::of(&[("web.yaml", &plain)]);
    scene.image("acme/web", "1", "first");
    scene.reconcile().exits(0);
    scene.merge(FIRST_PINS);
    scene.edit("web.yaml", |text| {
        text.replace(
            "annotations: {}",
            "annotations: {headwater.dev/interval: 24h}",
        )
    });
    let tag = "docker/registry/v2/repositories/acme/web/_manifests/tags/1";
    std::fs::remove_dir_all(scene.registry.storage().join(tag)).unwrap();
    scene.reconcile().exits(3).says("missing");
    scene.image("acme/web", "1", "second");
    scene.reconcile().exits(0);
    assert_eq!(scene.bot_branch(), WEB);
    scene.reconcile().exits(0).says("looked at again at");
}

#[test]
fn a_budget_a_minute_lets_the_longest_waiting_go_first() {
    let streams: Vec<(String, String)> = ["a", "b", "c"]
        .map(|name| {
            let text = crate::support::scene::stream("dev", name, "1");
            (format!("{name}.yaml"), text)
        })
        .to_vec();
    let mut files: Vec<(&str, &str)> = streams
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    files.push((
        "headwater.yaml",
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {imports: {perMinute: 2}}\n",
    ));
    let scene = Scene::of(&files);
    for name in ["a", "b", "c"] {
        scene.image(&format!("acme/{name}"), "1", name);
    }
    // A first import waits for no budget.
    scene.reconcile().exits(0);
    scene.merge(FIRST_PINS);
    let run = scene.reconcile().exits(0);
    let waits = run.stdout.matches("looked at again at").count();
    assert_eq!(waits, 3, "all were looked at a moment ago: {}", run.stdout);
}

#[test]
fn the_preferred_platform_is_the_one_of_import_mode_legacy() {
    let plain =
        stream("{importer.image.openshift.io/prefer-arch: arm64, headwater.dev/interval: 0s}")
            .replace(
                "acme/web}",
                "acme/web:1}\n      importPolicy: {importMode: Legacy}",
            );
    let scene = Scene::of(&[("web.yaml", &plain)]);
    let platforms = ["linux/amd64", "linux/arm64"];
    let (_, images) = scene
        .registry
        .push_index("acme/web", "1", "web", &platforms);
    scene.settle();
    let written = scene.file(FIRST_PINS, "web.yaml");
    assert!(written.contains(images[1].as_str()), "{written}");
    scene.merge(FIRST_PINS);
    scene.settle();

    // Imported once; another preference is another import.
    scene.edit("web.yaml", |text| {
        text.replace("arch: arm64", "arch: amd64")
    });
    scene.settle();
    let written = scene.file(WEB, "web.yaml");
    assert!(written.contains(images[0].as_str()), "{written}");
}

/// What was chosen of an index for one tag is no answer for a tag that prefers another platform.
#[test]
fn two_tags_of_one_image_keep_the_platforms_that_they_prefer() {
    let tag = |name: &str, architecture: &str| {
        format!(
            "    - name: {name}
      annotations: {{importer.image.openshift.io/prefer-arch: {architecture}}}
      from: {{kind: DockerImage, name: {HOST}/acme/web:1}}
      importPolicy: {{importMode: Legacy, scheduled: true}}
"
        )
    };
    let text = format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: web, namespace: dev}}\nspec:\n  tags:\n{}{}",
        tag("small", "arm64"),
        tag("large", "amd64"),
    );
    let scene = Scene::of(&[("web.yaml", &text)]);
    let platforms = ["linux/amd64", "linux/arm64"];
    let (_, images) = scene
        .registry
        .push_index("acme/web", "1", "web", &platforms);
    scene.settle();
    scene.merge(FIRST_PINS);
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);
    let written = scene.file("main", "web.yaml");
    let (large, small) = written.rsplit_once("tag: small").unwrap();
    let (_, large) = large.rsplit_once("tag: large").unwrap();
    assert!(large.contains(images[0].as_str()), "{written}");
    assert!(small.contains(images[1].as_str()), "{written}");

    // Another wish is another image, at once.
    scene.edit("web.yaml", |text| {
        text.replace("arch: arm64", "arch: amd64")
    });
    scene.settle();
    let branch = scene.file(&scene.bot_branch(), "web.yaml");
    let (_, small) = branch.rsplit_once("tag: small").unwrap();
    assert!(small.contains(images[0].as_str()), "{branch}");
}
