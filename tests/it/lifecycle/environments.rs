//! Several environments: on branches, and on one branch by paths and namespaces.

use crate::support::scene::{HOST, Scene, deployment, stream};

fn configuration(environments: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments:\n{environments}"
    )
}

#[test]
fn commits_go_straight_to_an_environment_that_wants_them() {
    let scene = Scene::of(&[
        (
            "headwater.yaml",
            &configuration("    - {name: dev, delivery: commit}\n"),
        ),
        ("streams/web.yaml", &stream("dev", "web", "1")),
        ("streams/api.yaml", &stream("dev", "api", "1")),
        ("apps/web.yaml", &deployment("dev", "web", "1")),
        ("apps/api.yaml", &deployment("dev", "api", "1")),
    ]);
    scene.image("acme/web", "1", "web");
    scene.image("acme/api", "1", "api");
    let begin = scene.origin.rev("main");
    scene.settle().says("wrote main at ");
    assert_eq!(scene.bot_branches(), [""; 0]);
    assert_eq!(
        scene
            .origin
            .git(&["rev-list", "--count", &format!("{begin}..main")]),
        "1"
    );

    let web = scene.image("acme/web", "1", "web 2");
    let api = scene.image("acme/api", "1", "api 2");
    scene.settle();
    assert!(scene.file("main", "apps/web.yaml").contains(web.as_str()));
    assert!(scene.file("main", "apps/api.yaml").contains(api.as_str()));
    assert_eq!(
        scene
            .origin
            .git(&["rev-list", "--count", &format!("{begin}..main")]),
        "3"
    );

    // A person's revert of it holds.
    scene.person.git(&["pull", "-q", "--ff-only"]);
    scene.revert("HEAD", &[]);
    scene.settle().says("was taken back by Ada");
}

#[test]
fn environments_on_branches_of_their_own_are_pinned_apart() {
    let scene = Scene::of(&[
        (
            "headwater.yaml",
            &configuration(
                "    - {name: dev, branch: env/dev}\n    - {name: prod, branch: env/prod}\n",
            ),
        ),
        ("streams/web.yaml", &stream("shop", "web", "1")),
        ("apps/web.yaml", &deployment("shop", "web", "1")),
    ]);
    let first = scene.image("acme/web", "1", "web");
    scene
        .reconcile()
        .exits(3)
        .says("headwater.yaml names the branch env/dev for dev, and there is none")
        .says("git push origin main:refs/heads/env/dev")
        .says("git push origin main:refs/heads/env/prod");
    assert_eq!(scene.bot_branches(), [""; 0]);
    for branch in ["env/dev", "env/prod"] {
        scene
            .person
            .git(&["push", "-q", "origin", &format!("main:refs/heads/{branch}")]);
    }
    // The file on the default branch alone counts.
    scene.person.git(&["fetch", "-q"]);
    scene.person.git(&["checkout", "-q", "env/prod"]);
    scene.commit(
        &[
            ("headwater.yaml", "spec: {of: another tool}\n"),
            (
                "apps/web.yaml",
                &deployment("shop", "web", "1").replace("kind: D", "kind:  D"),
            ),
        ],
        "prod is a little different",
    );
    scene.settle();
    let branches = ["headwater/dev/first-pins", "headwater/prod/first-pins"];
    assert_eq!(scene.bot_branches(), branches);
    let pin = deployment("shop", "web", "1").replace("web:1 #", &format!("web:1@{first} #"));
    assert_eq!(scene.file(branches[0], "apps/web.yaml"), pin);
    assert_eq!(
        scene.file(branches[1], "apps/web.yaml"),
        pin.replace("kind: D", "kind:  D")
    );
    assert_eq!(
        scene.origin.rev(&format!("{}^", branches[1])),
        scene.origin.rev("env/prod")
    );

    // prod takes its pins, and dev's stay open.
    scene.merge(branches[1]);
    scene.settle();
    assert_eq!(scene.bot_branches(), [branches[0]]);
    scene.image("acme/web", "1", "web 2");
    scene.settle();
    assert_eq!(
        scene.bot_branches(),
        [branches[0], "headwater/prod/shop.web"]
    );
}

#[test]
fn environments_in_folders_of_one_branch_are_pinned_apart() {
    let scene = Scene::of(&[
        (
            "headwater.yaml",
            &configuration(
                "    - {name: dev, paths: [\"dev/**\"], namespaces: [shop-dev]}\n    - {name: prod, paths: [\"prod/**\"]}\n",
            ),
        ),
        ("dev/streams.yaml", &stream("shop-dev", "web", "1")),
        ("dev/web.yaml", &deployment("shop-dev", "web", "1")),
        ("prod/streams.yaml", &stream("shop-prod", "web", "2")),
        ("prod/web.yaml", &deployment("shop-prod", "web", "2")),
        ("elsewhere/web.yaml", &deployment("shop-dev", "web", "1")),
    ]);
    scene.image("acme/web", "1", "web 1");
    scene.image("acme/web", "2", "web 2");
    scene.settle();
    let branches = ["headwater/dev/first-pins", "headwater/prod/first-pins"];
    assert_eq!(scene.bot_branches(), branches);
    assert_eq!(
        scene.changed(branches[0]),
        ["dev/streams.yaml", "dev/web.yaml"]
    );
    assert_eq!(
        scene.changed(branches[1]),
        ["prod/streams.yaml", "prod/web.yaml"]
    );
    for branch in branches {
        scene.merge(branch);
    }
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);
    scene.image("acme/web", "2", "web 2.1");
    scene.settle();
    assert_eq!(scene.bot_branch(), "headwater/prod/shop-prod.web");
}

#[test]
fn environments_on_one_branch_can_be_told_apart_by_namespaces_alone() {
    let both = |tag| {
        format!(
            "{}---\n{}",
            stream("shop-dev", "web", tag),
            stream("shop-prod", "web", tag)
        )
    };
    let scene = Scene::of(&[
        (
            "headwater.yaml",
            &configuration(
                "    - {name: dev, namespaces: [shop-dev]}\n    - {name: prod, namespaces: [shop-prod]}\n",
            ),
        ),
        ("streams.yaml", &both("1")),
        ("dev.yaml", &deployment("shop-dev", "web", "1")),
        ("prod.yaml", &deployment("shop-prod", "web", "1")),
    ]);
    scene.image("acme/web", "1", "web 1");
    scene.settle();
    let branches = ["headwater/dev/first-pins", "headwater/prod/first-pins"];
    assert_eq!(scene.bot_branches(), branches);
    assert_eq!(scene.changed(branches[0]), ["dev.yaml", "streams.yaml"]);
    scene.merge(branches[0]);
    scene.settle();
    scene.merge(branches[1]);
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn a_kustomize_base_that_two_environments_reach_is_refused_with_advice() {
    let overlay = "resources: [../base]\nnamespace: NAME\n";
    let scene = Scene::of(&[
        (
            "headwater.yaml",
            &configuration(
                "    - {name: dev, namespaces: [dev]}\n    - {name: prod, namespaces: [prod]}\n",
            ),
        ),
        ("dev/kustomization.yaml", &overlay.replace("NAME", "dev")),
        ("prod/kustomization.yaml", &overlay.replace("NAME", "prod")),
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        (
            "base/web.yaml",
            &format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n    - image: {HOST}/acme/web:1 # {{\"$imagestream\": \"web:1\"}}\n"
            ),
        ),
        ("streams/dev.yaml", &stream("dev", "web", "1")),
        ("streams/prod.yaml", &stream("prod", "web", "1")),
    ]);
    scene.image("acme/web", "1", "web 1");
    scene
        .reconcile()
        .exits(3)
        .says("base/web.yaml:6:")
        .says("both reach this file")
        .says("pin in the `images` of each environment's kustomization");
    for branch in scene.bot_branches() {
        assert!(!scene.changed(&branch).contains(&"base/web.yaml".to_owned()));
    }
}

#[test]
fn many_environments_commit_to_one_branch_in_one_pass() {
    let names: Vec<String> = (0..7).map(|number| format!("e{number}")).collect();
    let environments: String = names
        .iter()
        .map(|name| format!("    - {{name: {name}, namespaces: [{name}], delivery: commit}}\n"))
        .collect();
    let streams: Vec<String> = names.iter().map(|name| stream(name, "web", "1")).collect();
    let scene = Scene::of(&[
        ("headwater.yaml", &configuration(&environments)),
        // Two of them share a file: the second one is planned again.
        ("streams.yaml", &streams[..2].join("---\n")),
        ("more.yaml", &streams[2]),
        ("e3/web.yaml", &streams[3]),
        ("e4/web.yaml", &streams[4]),
        ("e5/web.yaml", &streams[5]),
        ("e6/web.yaml", &streams[6]),
    ]);
    scene.image("acme/web", "1", "web");
    let begin = scene.origin.rev("main");
    scene.settle();
    let range = format!("{begin}..main");
    assert_eq!(scene.origin.git(&["rev-list", "--count", &range]), "7");
    assert_eq!(
        scene
            .file("main", "streams.yaml")
            .matches("status:")
            .count(),
        2
    );
}

#[test]
fn leftover_branches_go_when_an_environment_turns_to_commits() {
    let scene = Scene::of(&[("web.yaml", &stream("dev", "web", "1"))]);
    scene.image("acme/web", "1", "web");
    scene.reconcile().exits(0);
    assert_eq!(scene.bot_branch(), "headwater/default/first-pins");
    scene.commit(
        &[(
            "headwater.yaml",
            &configuration("    - {name: default, delivery: commit}\n"),
        )],
        "turn",
    );
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);
    assert!(scene.file("main", "web.yaml").contains("status:"));
}

#[test]
fn a_branch_of_one_environment_is_closed_for_that_one_alone() {
    let scene = Scene::of(&[
        (
            "headwater.yaml",
            &configuration(
                "    - {name: dev, branch: env/dev}\n    - {name: prod, branch: env/prod}\n",
            ),
        ),
        ("web.yaml", &stream("shop", "web", "1")),
    ]);
    scene.image("acme/web", "1", "web");
    for branch in ["env/dev", "env/prod"] {
        scene
            .person
            .git(&["push", "-q", "origin", &format!("main:refs/heads/{branch}")]);
    }
    scene.reconcile().exits(0);
    let branches = ["headwater/dev/first-pins", "headwater/prod/first-pins"];
    assert_eq!(scene.bot_branches(), branches);
    scene
        .run(&["pr", "close", branches[1], &scene.bare()])
        .exits(0);
    scene
        .settle()
        .says("keep headwater/dev/first-pins")
        .says("closed on headwater/prod/first-pins");
    assert_eq!(scene.changed(branches[0]), ["web.yaml"]);
    assert_eq!(scene.changed(branches[1]), [""; 0]);
}

#[test]
fn only_what_moved_is_planned_for_an_environment_that_is_quiet() {
    let scene = Scene::of(&[
        (
            "headwater.yaml",
            &configuration(
                "    - {name: dev, namespaces: [dev]}\n    - {name: prod, namespaces: [prod]}\n",
            ),
        ),
        ("dev.yaml", &stream("dev", "web", "1")),
        ("prod.yaml", &stream("prod", "web", "2")),
    ]);
    scene.image("acme/web", "1", "web");
    scene
        .reconcile()
        .exits(3)
        .says("prod/web:2  prod.yaml:8:7  missing");
    scene.merge("headwater/dev/first-pins");
    scene.reconcile().exits(3);
    scene
        .reconcile()
        .exits(3)
        .says("prod/web:2  prod.yaml:8:7  missing");
    scene.image("acme/web", "2", "web 2");
    scene.settle();
    assert_eq!(scene.bot_branch(), "headwater/prod/first-pins");
}

#[test]
fn what_headwater_yaml_says_of_environments_is_checked_offline() {
    let scene = Scene::of(&[(
        "headwater.yaml",
        &configuration(
            "    - name: dev\n    - name: staging\n      promotedFrom: prod\n    - name: prod\n      promotedFrom: staging\n      gates: {soak: 24h}\n    - name: live\n      promotedFrom: prod\n    - name: lab\n      gates: {checks: [ci/e2e]}\n      freeze: {until: tomorrow}\n",
        ),
    )]);
    let folder = scene.person.path().to_str().unwrap();
    scene
        .run(&["validate", folder])
        .exits(1)
        .says("headwater.yaml:7:21: error: these environments are promoted in a circle, so all of them are left alone: staging -> prod -> staging\n  hint: remove `promotedFrom` of the first one, which imports by itself\n")
        .says("headwater.yaml:12:21: error: the environment `live` is left alone, since `prod`, which it is promoted from, is\n")
        .says("headwater.yaml:15:23: error: `until`: `tomorrow` is no time, such as 2026-12-20T18:00:00+01:00\n")
        .says("headwater.yaml:14:23: warning: `checks` asks about a commit of the environment that images come from, and there is no `promotedFrom`\n")
        .says("1 file read: 3 errors, 1 warning, 0 notes");
}
