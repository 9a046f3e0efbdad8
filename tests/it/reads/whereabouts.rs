use crate::reads::{APART, FIRST, PROMOTED, SECOND, Way, built};
use crate::support::scene::{HOST, Scene, stream};

#[test]
fn a_source_commit_is_found_by_the_bots_trailers() {
    let way = Way::new(APART);
    way.propose("prod", "staging");
    let run = way
        .run(&["where", "--offline", &SECOND[..8]])
        .exits(0)
        .says(way.second.as_str())
        .says(&format!("built from {SECOND}"));
    let merge = &way.in_staging[..7];
    for line in [
        "  dev      runs in shop/web:1 since ",
        &format!("  staging  runs in shop/web:1 since 2023-11-14T22:13:20Z, by Ada in {merge}"),
        &format!(
            "  prod     not in shop/web:1, which has {}",
            way.first.short()
        ),
        "           edited: headwater/prod/from-staging",
    ] {
        assert!(run.stdout.contains(line), "{line}: {run:?}");
    }
    // The first one left dev and staging.
    let run = way
        .run(&["where", "--offline", way.first.as_str()])
        .exits(0);
    assert!(
        run.stdout.contains("  staging  ran in shop/web:1 from "),
        "{run:?}"
    );
    assert!(
        run.stdout.contains("  prod     runs in shop/web:1 since "),
        "{run:?}"
    );
    let run = way
        .run(&["where", "--offline", SECOND, "-o", "json"])
        .exits(0);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let places = &json["images"][0]["places"];
    assert_eq!(places[0]["state"], "runs");
    assert_eq!(places[2]["state"], "absent");
    assert_eq!(places[2]["instead"], way.first.to_string());
}

#[test]
fn registries_are_asked_only_where_no_trailer_tells() {
    let scene = Scene::new();
    let digest = built(&scene, "1", FIRST);
    let image = format!("{HOST}/acme/web@{digest}");
    let recorded = format!(
        "status:\n  tags:\n    - tag: \"1\"\n      items:\n        - created: 2026-01-01T00:00:00Z\n          dockerImageReference: {image}\n          image: {digest}\n"
    );
    scene.commit(
        &[("streams.yaml", &(stream("shop", "web", "1") + &recorded))],
        "pinned by hand",
    );
    let bare = scene.bare();
    scene
        .run(&["where", "--offline", FIRST, &bare])
        .exits(2)
        .says("no registry was asked");
    scene
        .run(&["where", FIRST, &bare])
        .exits(0)
        .says(&format!("built from {FIRST}"))
        .says("  default  runs in shop/web:1 since 2023-11-14T22:13:20Z, by Ada in ");
    scene
        .run(&["where", SECOND, &bare])
        .exits(2)
        .says("org.opencontainers.image.revision");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let way = Way::new(APART);
    for (wanted, said) in [
        ("main", "`main` is neither a commit nor a digest"),
        ("123456", "at least 7 hex digits"),
        ("sha256:xyz", "is neither a commit nor a digest"),
        ("abcdef0123", "no image of any environment is `abcdef0123`"),
    ] {
        way.run(&["where", "--offline", wanted]).exits(2).says(said);
    }
}

#[test]
fn a_target_waits_for_its_source() {
    let way = Way::new(PROMOTED);
    way.run(&["where", "--offline", SECOND])
        .exits(0)
        .says("  staging  runs in shop/web:1")
        .says("           not yet promoted from staging");
}
