//! Which moves share a branch, and how many branches there may be.

use crate::support::scene::{Scene, deployment, stream};

fn grouped(group_by: &str) -> Scene {
    let scene = Scene::new();
    let configuration = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  pullRequests: {{groupBy: {group_by}}}\n"
    );
    let two_tags = stream("one", "web", "1").replace(
        "spec:\n  tags:\n",
        "spec:\n  tags:\n    - name: \"2\"\n      from: {kind: DockerImage, name: registry.example:5000/acme/web:2}\n      importPolicy: {scheduled: true}\n",
    );
    scene.commit(
        &[
            ("headwater.yaml", &configuration),
            ("web.yaml", &two_tags),
            ("api.yaml", &stream("one", "api", "1")),
            ("db.yaml", &stream("two", "db", "1")),
            ("apps.yaml", &deployment("two", "db", "1")),
        ],
        "add",
    );
    push(&scene, "first");
    scene.reconcile().exits(0);
    assert_eq!(scene.bot_branches(), ["headwater/default/first-pins"]);
    scene.merge("headwater/default/first-pins");
    push(&scene, "second");
    scene.settle();
    scene
}

fn push(scene: &Scene, seed: &str) {
    for (name, tag) in [("web", "1"), ("web", "2"), ("api", "1"), ("db", "1")] {
        scene.image(
            &format!("acme/{name}"),
            tag,
            &format!("{seed} {name} {tag}"),
        );
    }
}

#[test]
fn branches_hold_a_stream_a_namespace_or_an_environment_each() {
    for (group_by, branches) in [
        ("stream", vec!["one.api", "one.web", "two.db"]),
        ("namespace", vec!["one", "two"]),
        ("environment", vec!["images"]),
        // Two tags of one stream are recorded in one document: they are joined.
        ("tag", vec!["one.api@1", "one.web@1", "two.db@1"]),
    ] {
        let scene = grouped(group_by);
        let expected: Vec<_> = branches
            .iter()
            .map(|name| format!("headwater/default/{name}"))
            .collect();
        assert_eq!(scene.bot_branches(), expected, "{group_by}");
        for branch in scene.bot_branches() {
            scene.merge(&branch);
        }
        scene.settle();
        assert_eq!(scene.bot_branches(), [""; 0], "{group_by}");
    }
}

#[test]
fn groups_that_edit_one_document_are_one_branch() {
    let pod = "apiVersion: v1
kind: Pod
metadata: {name: both, namespace: dev}
spec:
  containers:
    - image: registry.example:5000/acme/web:1 # {\"$imagestream\": \"dev/web:1\"}
    - image: registry.example:5000/acme/api:1 # {\"$imagestream\": \"dev/api:1\"}
";
    let scene = Scene::of(&[
        ("web.yaml", &stream("dev", "web", "1")),
        ("api.yaml", &stream("dev", "api", "1")),
        ("pod.yaml", pod),
    ]);
    for seed in ["first", "second"] {
        let web = scene.image("acme/web", "1", seed);
        let api = scene.image("acme/api", "1", &format!("api {seed}"));
        scene.settle();
        let branch = scene.bot_branch();
        let expected = pod
            .replace("web:1 #", &format!("web:1@{web} #"))
            .replace("api:1 #", &format!("api:1@{api} #"));
        assert_eq!(scene.file(&branch, "pod.yaml"), expected);
        scene.merge(&branch);
    }
    scene.settle();
    // One of them alone moves under its own name.
    scene.image("acme/web", "1", "third");
    scene.settle();
    assert_eq!(scene.bot_branch(), "headwater/default/dev.web");
}

#[test]
fn more_branches_than_may_be_open_wait_by_name() {
    let scene = Scene::new();
    let names: Vec<String> = (0..11).map(|number| format!("s{number:02}")).collect();
    let push = |seed: &str| {
        for name in &names {
            scene.image(&format!("acme/{name}"), "1", &format!("{seed} {name}"));
        }
    };
    let files: Vec<_> = names
        .iter()
        .map(|name| (format!("{name}.yaml"), stream("dev", name, "1")))
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    scene.commit(&files, "add");
    push("first");
    scene.reconcile().exits(0);
    scene.merge("headwater/default/first-pins");
    push("second");
    scene
        .settle()
        .says("headwater/default/dev.s10 waits: 10 bot branches are open, the limit of pullRequests.maxOpen");
    assert_eq!(scene.bot_branches().len(), 10);
    // Room for the one that waits.
    scene.merge("headwater/default/dev.s03");
    scene.settle().never_says("waits: ");
    assert_eq!(scene.bot_branches().len(), 10);
    assert!(
        scene
            .bot_branches()
            .contains(&"headwater/default/dev.s10".to_owned())
    );
}
