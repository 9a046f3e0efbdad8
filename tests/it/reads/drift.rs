use crate::reads::{APART, PROMOTED, Way, configuration};
use crate::support::scene::{HOST, Scene, deployment, stream};

#[test]
fn pins_and_status_are_no_drift_between_branches() {
    let way = Way::new(APART);
    let drift = |words: &[&str]| {
        way.run(&[&["drift", "--from", "staging", "--to", "prod"], words].concat())
    };
    drift(&["--exit-code"])
        .exits(0)
        .says("staging -> prod: nothing differs beside pins");
    let person = &way.scene.person;
    person.git(&["checkout", "-q", "-B", "env/prod", "origin/env/prod"]);
    way.scene.edit("apps/web.yaml", |text| {
        text.replace("spec:\n  template", "spec:\n  replicas: 3\n  template")
    });
    way.scene.commit(&[("extra.txt", "only here\n")], "more");
    let run = drift(&["--exit-code"]).exits(1);
    assert_eq!(
        run.stdout,
        "staging -> prod: 2 differ beside pins\n  apps/web.yaml  +1 -0\n  extra.txt  only in prod\n"
    );
    let run = drift(&["--diff"]).exits(0);
    assert!(
        run.stdout
            .contains("--- staging/apps/web.yaml\n+++ prod/apps/web.yaml\n"),
        "{run:?}"
    );
    assert!(run.stdout.contains("\n+  replicas: 3\n"), "{run:?}");
    assert!(!run.stdout.contains("sha256"), "{run:?}");
    assert_eq!(drift(&["-o", "diff"]).exits(0).stdout, run.stdout);
    let json = drift(&["-o", "json"]).exits(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["pairs"][0]["differences"][0]["name"], "apps/web.yaml");
    way.run(&["drift"])
        .exits(2)
        .says("say which to compare")
        .says("dev, staging, prod");
    way.run(&["drift", "--from", "dev", "--to", "x"])
        .exits(2)
        .says("no environment here is called `x`");
}

#[test]
fn objects_are_compared_between_folders() {
    let more = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: shop-prod\ndata:\n  level: info\n";
    let scene = Scene::of(&[
        (
            "headwater.yaml",
            &configuration(
                "    - {name: dev, paths: [\"dev/**\"]}\n    - {name: prod, paths: [\"prod/**\"]}\n",
            ),
        ),
        ("dev/streams.yaml", &stream("shop-dev", "web", "1")),
        ("dev/web.yaml", &deployment("shop-dev", "web", "1")),
        ("prod/streams.yaml", &stream("shop-prod", "web", "1")),
        (
            "prod/all/web.yaml",
            &(deployment("shop-prod", "web", "1") + more),
        ),
    ]);
    scene.image("acme/web", "1", "web");
    scene.settle();
    scene.merge(&scene.bot_branches()[0]);
    let drift = |words: &[&str]| {
        let bare = scene.bare();
        scene.run(&[&["drift", "--from", "dev", "--to", "prod"], words, &[&bare]].concat())
    };
    let run = drift(&[]).exits(0);
    assert_eq!(
        run.stdout,
        "dev -> prod: 1 differs beside pins\n  ConfigMap/web  only in prod\n"
    );
    scene.person.git(&["pull", "-q", "--ff-only"]);
    let pinned = format!("image: {HOST}");
    scene.edit("dev/web.yaml", |text| {
        text.replace(&pinned, &format!("tty: true\n          {pinned}"))
    });
    let run = drift(&["--diff"]).exits(0);
    assert!(run.stdout.contains("-          tty: true\n"), "{run:?}");
    assert!(run.stdout.contains("+++ prod/ConfigMap/web\n"), "{run:?}");
}

#[test]
fn without_names_each_target_is_compared_with_its_source() {
    let way = Way::new(PROMOTED);
    let same = "nothing differs beside pins\n";
    let run = way.run(&["drift"]).exits(0);
    assert_eq!(
        run.stdout,
        format!("dev -> staging: {same}\nstaging -> prod: {same}")
    );
    let run = way.run(&["drift", "--to", "prod"]).exits(0);
    assert_eq!(run.stdout, format!("staging -> prod: {same}"));
}
