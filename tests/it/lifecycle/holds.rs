//! Holds: `headwater.dev/hold` on a stream tag.

use headwater::image::Digest;
use serde_json::{Value, json};

use crate::lifecycle::{FIRST_PINS, WEB, moved, pinned};
use crate::support::scene::{HOST, Scene, deployment, stream};

const PAST: &str = "2026-01-02T03:04:05Z";
const FUTURE: &str = "2999-01-02T03:04:05Z";

/// The stream's text with this hold on its tag, and none of another.
fn held(text: &str, hold: &Value) -> String {
    let text = free(text);
    let annotation =
        format!("      annotations:\n        headwater.dev/hold: '{hold}'\n      from:\n");
    text.replace("      from:\n", &annotation)
}

/// The stream's text without a hold.
fn free(text: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    if let Some(at) = lines
        .iter()
        .position(|it| it.contains("headwater.dev/hold"))
    {
        lines.drain(at - 1..=at);
    }
    lines.concat()
}

fn put(scene: &Scene, hold: &Value) {
    scene.edit("streams/web.yaml", |text| held(text, hold));
}

fn rejected(digest: &Digest) -> Value {
    json!({"environment": "default", "rejected": digest.as_str(), "by": "ada", "reason": "breaks login"})
}

#[test]
fn a_rejected_image_is_not_proposed_and_a_newer_one_is() {
    let scene = moved();
    let second = scene.image("acme/web", "1", "second");
    assert_eq!(scene.bot_branch(), WEB);
    put(&scene, &rejected(&second));
    scene
        .settle()
        .says(&format!("delete {WEB}"))
        .says(&format!(
            "dev/web:1  streams/web.yaml:10:7  {} was rejected by ada (breaks login); held until the source moves past it",
            second.short()
        ));
    assert_eq!(scene.bot_branches(), [""; 0]);

    let third = scene.image("acme/web", "1", "third");
    scene.settle().never_says("rejected");
    assert_eq!(scene.bot_branch(), WEB);
    assert!(scene.file(WEB, "apps/web.yaml").contains(third.as_str()));
    let stream = scene.file(WEB, "streams/web.yaml");
    assert!(!stream.contains(&format!("@{second}")), "{stream}");
    assert!(stream.contains("headwater.dev/hold: '{"), "{stream}");
}

#[test]
fn a_hold_on_everything_lasts_until_it_is_taken_out() {
    let scene = moved();
    put(&scene, &json!({"environment": "default", "by": "ada"}));
    let says = "held by ada until the hold is taken out";
    scene.settle().says(says);
    assert_eq!(scene.bot_branches(), [""; 0]);
    scene.image("acme/web", "1", "third");
    scene.settle().says(says);
    assert_eq!(scene.bot_branches(), [""; 0]);
    scene.edit("streams/web.yaml", free);
    scene.settle().never_says("held");
    assert_eq!(scene.bot_branch(), WEB);
}

#[test]
fn a_workload_that_comes_new_takes_the_recorded_image() {
    let scene = moved();
    let first = scene.image("acme/web", "1", "first");
    let second = scene.image("acme/web", "1", "second");
    put(&scene, &rejected(&second));
    let blue =
        deployment("dev", "web", "1").replace("name: web\n  namespace", "name: blue\n  namespace");
    scene.commit(&[("apps/blue.yaml", &blue)], "another one");
    scene.settle().says("was rejected by ada");
    let text = scene.file(WEB, "apps/blue.yaml");
    assert!(
        text.contains(&format!("{HOST}/acme/web:1@{first}")),
        "{text}"
    );
    assert_eq!(scene.changed(WEB), ["apps/blue.yaml"]);

    // What is recorded may be what was rejected: then nothing takes it.
    put(&scene, &rejected(&first));
    scene.image("acme/web", "1", "first");
    scene
        .settle()
        .says(&format!("{} was rejected", first.short()));
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn a_first_image_is_held_too() {
    let web = held(
        &stream("dev", "web", "1"),
        &json!({"environment": "default", "reason": "not yet"}),
    );
    let scene = Scene::of(&[
        ("streams/web.yaml", &web),
        ("apps/web.yaml", &deployment("dev", "web", "1")),
    ]);
    scene.image("acme/web", "1", "first");
    scene
        .settle()
        .says("held (not yet) until the hold is taken out");
    assert_eq!(scene.bot_branches(), [""; 0]);
    scene.edit("streams/web.yaml", free);
    scene.settle();
    assert_eq!(scene.bot_branch(), FIRST_PINS);
}

#[test]
fn a_hold_whose_time_has_passed_is_as_if_it_were_not_there() {
    let scene = moved();
    let hold = |until: &str| json!({"environment": "default", "by": "ada", "until": until});
    put(&scene, &hold(FUTURE));
    scene.settle().says(&format!("held by ada until {FUTURE}"));
    assert_eq!(scene.bot_branches(), [""; 0]);
    put(&scene, &hold(PAST));
    scene.settle().never_says("held by ada");
    assert_eq!(scene.bot_branch(), WEB);
}

#[test]
fn each_environment_heeds_its_own_hold() {
    let configuration = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments:\n    - {name: dev, branch: env/dev}\n    - {name: prod, branch: env/prod}\n";
    let scene = Scene::of(&[
        ("headwater.yaml", configuration),
        ("streams/web.yaml", &stream("dev", "web", "1")),
        ("apps/web.yaml", &deployment("dev", "web", "1")),
    ]);
    let first = scene.image("acme/web", "1", "first");
    let hold = json!([
        {"environment": "prod", "rejected": first.as_str(), "by": "ada"},
        {"environment": "staging", "by": "nobody"},
    ]);
    put(&scene, &hold);
    for branch in ["env/dev", "env/prod"] {
        let place = format!("HEAD:refs/heads/{branch}");
        scene.person.git(&["push", "-q", "origin", &place]);
    }
    scene
        .settle()
        .says(&format!("{} was rejected by ada", first.short()))
        .says("streams/web.yaml:8:7: warning: the hold of the tag 1 names the environment staging, and there is none\n  hint: the environments are: dev, prod")
        .never_says("nobody");
    assert_eq!(scene.bot_branches(), ["headwater/dev/first-pins"]);

    // Two that count, each in its place.
    let second = scene.image("acme/web", "1", "second");
    let hold = json!([
        {"environment": "prod", "rejected": first.as_str()},
        {"environment": "dev", "rejected": second.as_str()},
    ]);
    for branch in ["env/dev", "env/prod"] {
        let remote = format!("origin/{branch}");
        scene.person.git(&["fetch", "-q", "origin"]);
        scene.person.git(&["checkout", "-q", "-B", branch, &remote]);
        put(&scene, &hold);
    }
    scene.settle();
    assert_eq!(scene.bot_branches(), ["headwater/prod/first-pins"]);
}

#[test]
fn an_alias_is_held_with_its_tag() {
    let scene = moved();
    let alias = "    - name: stable\n      from: {kind: ImageStreamTag, name: \"1\"}\n";
    scene.edit("streams/web.yaml", |text| {
        text.replace(
            "  tags:\n    - name: \"1\"\n",
            &format!("  tags:\n{alias}    - name: \"1\"\n"),
        )
    });
    put(&scene, &json!({"environment": "default", "by": "ada"}));
    scene
        .settle()
        .says("dev/web:stable  streams/web.yaml:10:7  as the tag 1: held by ada")
        .says("dev/web:1  streams/web.yaml:12:7  held by ada");
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn a_hold_that_cannot_be_read_holds() {
    let scene = moved();
    let head = scene.origin.rev(WEB);
    scene.image("acme/web", "1", "third");
    for (hold, finding) in [
        (
            json!({"environment": "default", "rejected": "sha256:12"}),
            "streams/web.yaml:12:66: error: headwater.dev/hold: `rejected`: a sha256 digest has 64 lower-case hex digits\n  hint: correct it; until then the tag is held",
        ),
        (
            json!({"environment": "default", "untill": PAST}),
            "streams/web.yaml:12:55: error: headwater.dev/hold: `untill` is not known",
        ),
        (
            json!("held"),
            "streams/web.yaml:12:30: error: headwater.dev/hold: a hold is an object",
        ),
    ] {
        put(&scene, &hold);
        scene.reconcile().exits(3).says(finding).says(
            "dev/web:1  streams/web.yaml:10:7  held, since headwater.dev/hold cannot be read: ",
        );
        // Nobody knows what is meant, so what is open stays as it is.
        assert_eq!(scene.origin.rev(WEB), head);
    }
    // One of another environment holds nothing here, and is named all the same.
    put(&scene, &json!({"environment": "prod", "until": "soon"}));
    scene.reconcile().exits(3).says("`soon` is no time");
    assert_eq!(scene.bot_branch(), WEB);
}

#[test]
fn what_was_closed_stays_closed_when_a_hold_beside_it_ends() {
    let scene = moved();
    scene.run(&["pr", "close", WEB, &scene.bare()]).exits(0);
    let hold = |until: &str| json!({"environment": "default", "by": "ada", "until": until});
    put(&scene, &hold(FUTURE));
    scene.settle().says("held by ada").says("closed on");
    put(&scene, &hold(PAST));
    scene.settle().says("closed on").never_says("held by ada");
    assert_eq!(scene.bot_branch(), WEB);
}

#[test]
fn a_command_of_a_person_heeds_a_hold() {
    let scene = moved();
    put(&scene, &json!({"environment": "default", "by": "ada"}));
    let read = || std::fs::read_to_string(scene.person.path().join("streams/web.yaml")).unwrap();
    let before = read();
    let mut command = scene.command(&["import-image", "web:1", "-n", "dev"]);
    command.current_dir(scene.person.path());
    scene
        .ended(&command.output().unwrap())
        .exits(0)
        .says("dev/web:1: held by ada");
    let mut command = scene.command(&["pin"]);
    command.current_dir(scene.person.path());
    scene
        .ended(&command.output().unwrap())
        .exits(0)
        .says("held by ada");
    assert_eq!(read(), before);
}

#[test]
fn a_hold_is_shown_in_words() {
    let scene = pinned();
    let first = scene.image("acme/web", "1", "first");
    put(
        &scene,
        &json!([
            {"environment": "default", "rejected": first.as_str(), "by": "ada", "until": FUTURE},
            {"environment": "prod", "by": "bob", "until": PAST},
        ]),
    );
    let words = format!(
        "in default: {} was rejected by ada; held until the source moves past it, or until {FUTURE}",
        first.short()
    );
    let run = |arguments: &[&str]| {
        let mut command = scene.command(arguments);
        command.current_dir(scene.person.path());
        scene.ended(&command.output().unwrap())
    };
    run(&["describe", "is", "web", "-n", "dev"])
        .exits(0)
        .says(&format!("    {words}\n"))
        .says(&format!("    in prod: held by bob until {PAST}\n"));
    run(&["describe", "istag", "web:1", "-n", "dev"])
        .exits(0)
        .says(&format!("Holds:\t\t{words}\n"));
    run(&["validate"])
        .exits(0)
        .says(&format!("note: dev/web:1 {words}"))
        .says("warning: the hold of the tag 1 names the environment prod, and there is none");
    put(
        &scene,
        &json!({"environment": "default", "by": "ada", "until": PAST}),
    );
    run(&["validate"]).exits(0).says(&format!(
        "note: the hold of dev/web:1 in default is over: held by ada until {PAST}"
    ));
}
