//! What lies beside the usual way: large files, odd statuses, moved files.

use crate::lifecycle::{WEB, moved, pinned, web};
use crate::support::scene::{HOST, Scene};

const LIMIT: usize = 1 << 20;

/// A manifest of more than the limit.
fn large(head: &str) -> String {
    format!("{head}\n{}", "# filled up\n".repeat(LIMIT / 10))
}

#[test]
fn a_large_file_of_somebody_else_is_a_note() {
    let scene = web();
    let crds = large("kind: CustomResourceDefinition\nspec: {containers: []}");
    scene.commit(&[("crds.yaml", &crds)], "add CRDs");
    let size = crds.len();
    let note = format!("crds.yaml:1:1: note: the file has {size} bytes, more than the {LIMIT}");
    scene.reconcile().exits(0).says(&note);
    let folder = scene.person.path().display().to_string();
    scene.run(&["plan", &folder]).exits(0).says(&note);
}

#[test]
fn a_large_file_of_ours_is_a_problem_and_the_rest_goes_on() {
    let scene = web();
    let text = large("apiVersion: image.openshift.io/v1\nkind: ImageStream");
    scene.commit(&[("streams/large.yaml", &text)], "add");
    scene
        .reconcile()
        .exits(3)
        .says("streams/large.yaml:1:1: error: the file has ")
        .says("create headwater/default/first-pins");
}

#[test]
fn an_image_trigger_to_a_large_file_does_not_stop_the_pass() {
    let scene = web();
    let trigger = "apiVersion: headwater.dev/v1alpha1
kind: ImageTrigger
metadata: {name: values, namespace: dev}
spec:
  from: {kind: ImageStreamTag, name: web:1}
  targets:
    - file: values.yaml
      field: image.tag
";
    let files = [
        ("trigger.yaml", trigger),
        ("values.yaml", &large("image: {tag: \"1\"}")),
    ];
    scene.commit(&files, "add values");
    let problem = "trigger.yaml:7:7: error: values.yaml: the file has ";
    scene
        .reconcile()
        .exits(3)
        .says(problem)
        .says("create headwater/default/first-pins");
    let folder = scene.person.path().display().to_string();
    scene.run(&["plan", &folder]).exits(3).says(problem);
}

#[test]
fn items_of_a_status_that_say_nothing_are_not_written_again() {
    let scene = pinned();
    scene.edit("streams/web.yaml", |text| {
        text.replacen(
            "        - created",
            "        - {by: hand}\n        - 7\n        - created",
            1,
        )
    });
    scene.image("acme/web", "1", "second");
    scene.reconcile().exits(0).says(
        "streams/web.yaml:20:11: warning: status.tags[1].items[0].dockerImageReference is required",
    );
    let status = scene.file(WEB, "streams/web.yaml");
    assert!(!status.contains("\"\""), "{status}");
    assert_eq!(status.matches("created: \"TIME\"").count(), 2, "{status}");
}

#[test]
fn a_plan_for_files_leaves_the_branches_alone() {
    let scene = moved();
    scene.person.git(&["fetch", "-q", "origin"]);
    let branch = format!("origin/{WEB}:refs/heads/{WEB}");
    scene
        .person
        .git(&["fetch", "-q", ".", &format!("refs/remotes/{branch}")]);
    let folder = scene.person.path().display().to_string();
    for command in ["plan", "pin"] {
        scene
            .run(&[command, &folder])
            .exits(0)
            .says(HOST)
            .never_says("delete headwater/");
    }
    scene.person.git(&["rev-parse", "--verify", "-q", WEB]);
}

/// Moves the stream's and the workload's files, as a person tidies up, and edits them as told.
fn move_files(scene: &Scene, edit: &str) {
    for (from, to) in [
        ("streams/web.yaml", "platform/streams.yaml"),
        ("apps/web.yaml", "platform/dev/apps.yaml"),
    ] {
        let folder = scene.person.path().join(to);
        std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
        scene.person.git(&["mv", from, to]);
        let text = std::fs::read_to_string(scene.person.path().join(to)).unwrap();
        scene.person.write(to, &format!("{edit}{text}"));
    }
    scene.person.git(&["add", "-A"]);
    scene.person.git(&["commit", "-q", "-m", "tidy up"]);
    scene.push();
}

#[test]
fn taken_back_stays_back_where_the_files_are_moved() {
    for edit in ["", "# moved\n"] {
        let scene = moved();
        let second = scene.image("acme/web", "1", "second");
        let merge = scene.merge(WEB);
        scene.settle();
        scene.revert(&merge, &["-m", "1"]);
        move_files(&scene, edit);
        scene
            .settle()
            .says(&format!("{} was taken back by ", second.short()));
        scene.image("acme/web", "1", "third");
        scene.settle().says("platform/dev/apps.yaml:");
        assert_eq!(scene.bot_branch(), WEB);
    }
}

#[test]
fn moved_files_hold_nothing_back() {
    let scene = pinned();
    move_files(&scene, "");
    scene.settle();
    scene.image("acme/web", "1", "second");
    scene.settle().never_says("taken back");
    assert_eq!(scene.bot_branch(), WEB);
    move_files_back(&scene);
    scene.settle().never_says("taken back");
    scene.merge(WEB);
    scene.settle().never_says("taken back");
}

fn move_files_back(scene: &Scene) {
    scene.person.git(&["revert", "--no-edit", "HEAD"]);
    scene.push();
}

#[test]
fn the_history_follows_a_stream_to_where_its_file_was() {
    let scene = pinned();
    let first = scene.image("acme/web", "old", "first");
    move_files(&scene, "# moved\n");
    let folder = scene.person.path().display().to_string();
    let run = scene.run(&["history", "dev/web:1", &folder]).exits(0);
    assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout);
    assert!(run.stdout.contains(first.short()), "{}", run.stdout);
    assert!(!run.stdout.contains("tidy up"), "{}", run.stdout);
}

#[test]
fn a_repository_without_commits_says_so() {
    let scene = web();
    let empty = crate::support::git::Repo::init();
    for command in ["reconcile", "history"] {
        let folder = empty.path().display().to_string();
        let arguments: &[&str] = match command {
            "history" => &["history", "dev/web:1", &folder],
            _ => &[command, &folder],
        };
        scene.run(arguments).exits(2).says("has no commit yet");
    }
    let bare = empty.bare_clone();
    let folder = bare.path().display().to_string();
    scene
        .run(&["plan", &folder])
        .exits(2)
        .says("has no commit yet");
}

#[test]
fn a_broken_headwater_yaml_says_that_nothing_is_planned() {
    let scene = pinned();
    scene.image("acme/web", "1", "second");
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  pin: {}\n";
    scene.commit(&[("headwater.yaml", config)], "configure");
    scene
        .reconcile()
        .exits(3)
        .says("headwater.yaml:4:3: error: unknown field `pin`")
        .says("so nothing is planned; what is pinned stays");
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn a_broken_credential_file_is_a_warning_where_none_is_needed() {
    let scene = web();
    let folder = scene.home().join(".docker");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.json"), "{bad").unwrap();
    scene
        .reconcile()
        .exits(0)
        .says("warning: the credential file ")
        .says("create headwater/default/first-pins");
}

#[test]
fn a_field_of_a_template_is_named_by_its_line() {
    let scene = web();
    let template = format!(
        "{{{{ if .Values.web }}}}\nimage: {HOST}/acme/web:1 # {{\"$imagestream\": \"dev/web:1\"}}\n{{{{ end }}}}\n"
    );
    scene.commit(&[("chart/templates/web.yaml", &template)], "add a chart");
    scene
        .settle()
        .says("chart/templates/web.yaml:2:8  line 2\n");
    let message = scene.message(&scene.bot_branch());
    assert!(
        message.contains("\n  chart/templates/web.yaml  line 2\n"),
        "{message}"
    );
}
