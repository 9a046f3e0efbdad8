use crate::reads::{APART, Way, configuration};
use crate::support::scene::{HOST, Scene, deployment, stream};

#[test]
fn a_promotion_says_from_where_it_came_and_when_it_was_merged() {
    let way = Way::new(APART);
    let from = format!("dev@{}", &way.in_dev[..7]);
    let run = way
        .run(&["history", "staging/web:1"])
        .exits(0)
        .says(&from)
        .says("Merge the promotion")
        .says(&way.in_staging[..7]);
    assert!(run.stdout.starts_with("WHEN "), "{run:?}");
    assert_eq!(run.stdout.lines().count(), 3, "{run:?}");
    // Its own history has no promotion, and names no source.
    way.run(&["history", "dev/shop/web:1"])
        .exits(0)
        .never_says("FROM");
    let run = way.run(&["history", "staging/shop/web:1", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.exits(0).stdout).unwrap();
    let event = &json["events"][0];
    assert_eq!(event["image"], way.second.to_string());
    assert_eq!(event["previous"], way.first.to_string());
    assert_eq!(event["commit"], way.in_staging);
    assert_eq!(event["time"], "2023-11-14T22:13:20Z");
    assert_eq!(event["who"], "Ada");
    assert_eq!(event["promotedFrom"]["environment"], "dev");
    assert_eq!(event["promotedFrom"]["commit"], way.in_dev);
    assert_eq!(json["events"][1]["promotedFrom"], serde_json::Value::Null);
}

#[test]
fn a_squash_that_kept_the_trailers_is_a_promotion_too() {
    let way = Way::new(APART);
    way.propose("prod", "staging");
    let person = &way.scene.person;
    person.git(&["fetch", "-q", "origin"]);
    person.git(&["checkout", "-q", "-B", "env/prod", "origin/env/prod"]);
    let head = "origin/headwater/prod/from-staging";
    person.git(&["merge", "-q", "--squash", head]);
    let kept = way.scene.message("headwater/prod/from-staging");
    let message =
        format!("Promote (#7)\n\n* {kept}\n---------\n\nCo-authored-by: Eve <eve@x.example>\n");
    person.git(&["commit", "-q", "-m", &message]);
    way.scene.push();
    let from = format!("staging@{}", &way.in_staging[..7]);
    way.run(&["history", "prod/web:1"]).exits(0).says(&from);
}

#[test]
fn the_environment_wins_over_a_namespace_of_its_name() {
    let scene = Scene::of(&[
        (
            "headwater.yaml",
            &configuration(
                "    - {name: shop, paths: [\"a/**\"]}\n    - {name: other, paths: [\"b/**\"]}\n",
            ),
        ),
        ("a/streams.yaml", &stream("team", "web", "1")),
        ("a/web.yaml", &deployment("team", "web", "1")),
        ("b/streams.yaml", &stream("shop", "web", "1")),
        ("b/api.yaml", &stream("shop", "api", "1")),
        ("b/web.yaml", &deployment("shop", "web", "1")),
    ]);
    scene.image("acme/web", "1", "web");
    scene.image("acme/api", "1", "api");
    scene.settle();
    for branch in scene.bot_branches() {
        scene.merge(&branch);
    }
    let history = |words: &[&str]| scene.run(&[&["history"], words, &[&scene.bare()]].concat());
    history(&["shop/web:1"])
        .exits(0)
        .says("`shop` is taken for the environment");
    let run = history(&["shop/web:1", "-o", "json"]).exits(0);
    assert!(
        run.stdout.contains("\"streamTag\": \"team/web:1\""),
        "{run:?}"
    );
    let run = history(&["shop/web:1", "-e", "other", "-o", "json"]).exits(0);
    assert!(
        run.stdout.contains("\"streamTag\": \"shop/web:1\""),
        "{run:?}"
    );
    // Only the namespace has it.
    history(&["shop/api:1"]).exits(0).never_says("is taken for");
    history(&["other/shop/web:1"]).exits(0);
    history(&["nowhere/shop/web:1"])
        .exits(2)
        .says("`nowhere/shop/web:1` is no stream tag")
        .says("environment/namespace/stream:tag");
    history(&["shop/nothing:1"])
        .exits(2)
        .says("no ImageStream is called `shop/nothing:1`")
        .never_says(HOST);
}
