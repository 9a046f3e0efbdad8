//! Branches that a person has touched, deleted, or stands in the way with.

use crate::lifecycle::{WEB, moved, pinned, web};
use crate::support::scene::Scene;

#[test]
fn a_commit_of_a_person_on_the_branch_makes_it_theirs() {
    let scene = moved();
    scene.take(WEB);
    scene
        .person
        .commit_files(&[("apps/extra.yaml", "a: 1\n")], "Also this");
    scene.give(WEB);
    let head = scene.origin.rev(WEB);
    scene.image("acme/web", "1", "third");
    scene
        .reconcile()
        .exits(0)
        .says("headwater/default/dev.web holds somebody's own work")
        .says("\"Also this\"");
    assert_eq!(scene.origin.rev(WEB), head);
    assert_eq!(scene.bot_branch(), WEB);
    scene.is_settled();
}

#[test]
fn an_amended_commit_makes_the_branch_a_persons() {
    for change in ["message", "content"] {
        let scene = moved();
        scene.take(WEB);
        if change == "message" {
            let message = scene.origin.git(&["log", "-1", "--format=%B", WEB]);
            let message = message.replacen("pin ", "deploy ", 1);
            scene
                .person
                .git(&["commit", "-q", "--amend", "-m", &message]);
        } else {
            scene.person.write("apps/web.yaml", "a: 1\n");
            scene
                .person
                .git(&["commit", "-q", "-a", "--amend", "--no-edit"]);
        }
        scene.give(WEB);
        let head = scene.origin.rev(WEB);
        scene.image("acme/web", "1", "third");
        scene.reconcile().exits(0).says("holds somebody's own work");
        assert_eq!(scene.origin.rev(WEB), head, "{change}");
    }
}

#[test]
fn a_rebased_branch_is_still_ours() {
    let scene = moved();
    scene.commit(&[("README.md", "hello\n")], "elsewhere");
    scene.take(WEB);
    scene.person.git(&["rebase", "-q", "main"]);
    scene.give(WEB);
    scene.settle().says("keep headwater/default/dev.web");
    scene.image("acme/web", "1", "third");
    scene.settle();
    assert_eq!(scene.bot_branch(), WEB);
}

/// The base goes on, and is merged into the branch as a forge's "update branch" does; something
/// may be slipped in with it.
fn update_branch(scene: &Scene, note: &str, slipped_in: Option<(&str, &str)>) {
    scene.commit(&[("README.md", note)], "elsewhere");
    scene.take(WEB);
    scene
        .person
        .git(&["merge", "-q", "--no-ff", "--no-commit", "main"]);
    if let Some((path, content)) = slipped_in {
        scene.person.write(path, content);
        scene.person.git(&["add", path]);
    }
    let message = format!("Merge branch 'main' into {WEB}");
    scene.person.git(&["commit", "-q", "-m", &message]);
    scene.give(WEB);
    scene.person.git(&["checkout", "-q", "main"]);
}

#[test]
fn fault_9_a_branch_that_the_forge_brought_up_to_date_is_still_ours() {
    let scene = moved();
    update_branch(&scene, "hello\n", None);
    scene.settle().says("keep headwater/default/dev.web");
    // And once more, after the base has gone on again.
    update_branch(&scene, "hello again\n", None);
    scene.settle().says("keep headwater/default/dev.web");
    let third = scene.image("acme/web", "1", "third");
    scene.settle().says("rebuild headwater/default/dev.web");
    assert!(scene.file(WEB, "apps/web.yaml").contains(third.as_str()));
    assert_eq!(scene.changed(WEB), ["apps/web.yaml", "streams/web.yaml"]);
    scene.merge(WEB);
    scene.settle();
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn what_was_slipped_into_a_merge_is_a_persons() {
    for slipped_in in [("apps/extra.yaml", "a: 1\n"), ("README.md", "hello you\n")] {
        let scene = moved();
        update_branch(&scene, "hello\n", Some(slipped_in));
        let head = scene.origin.rev(WEB);
        scene.image("acme/web", "1", "third");
        scene
            .reconcile()
            .exits(0)
            .says("holds somebody's own work")
            .says("\"Merge branch 'main' into headwater/default/dev.web\"");
        assert_eq!(scene.origin.rev(WEB), head);
        scene.is_settled();
    }
}

#[test]
fn a_link_slipped_into_a_merge_is_a_persons() {
    let scene = moved();
    update_branch(&scene, "hello\n", None);
    scene.person.git(&["checkout", "-q", "mine"]);
    std::os::unix::fs::symlink("apps", scene.person.path().join("link")).unwrap();
    scene.person.git(&["add", "link"]);
    scene.person.git(&["commit", "-q", "--amend", "--no-edit"]);
    scene.give(WEB);
    let head = scene.origin.rev(WEB);
    scene.image("acme/web", "1", "third");
    scene.reconcile().exits(0).says("holds somebody's own work");
    assert_eq!(scene.origin.rev(WEB), head);
}

#[test]
fn a_merge_of_another_branch_than_the_base_is_a_persons() {
    let scene = moved();
    scene.person.git(&["checkout", "-q", "-b", "feature"]);
    scene
        .person
        .commit_files(&[("apps/feature.yaml", "a: 1\n")], "a feature");
    scene.take(WEB);
    scene
        .person
        .git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
    scene.give(WEB);
    let head = scene.origin.rev(WEB);
    scene.image("acme/web", "1", "third");
    scene.reconcile().exits(0).says("holds somebody's own work");
    assert_eq!(scene.origin.rev(WEB), head);
}

#[test]
fn a_deleted_branch_is_proposed_again() {
    let scene = moved();
    scene
        .person
        .git(&["push", "-q", "origin", &format!(":refs/heads/{WEB}")]);
    scene.settle();
    assert_eq!(scene.bot_branch(), WEB);
}

#[test]
fn a_branch_named_headwater_stands_in_the_way_and_is_named() {
    let scene = web();
    scene
        .person
        .git(&["push", "-q", "origin", "HEAD:refs/heads/headwater"]);
    let head = scene.origin.rev("headwater");
    scene
        .reconcile()
        .exits(3)
        .says("error: the branch headwater stands where branches like headwater/default/… are to be made")
        .says("git push origin origin/headwater:refs/heads/old-headwater :refs/heads/headwater");
    assert_eq!(scene.origin.rev("headwater"), head);
}

#[test]
fn a_branch_without_commits_of_its_own_is_no_proposal() {
    let scene = pinned();
    scene.give(WEB);
    scene.settle().says("it is merged");
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn two_passes_at_the_same_time_make_one_branch() {
    let scene = web();
    for seed in ["second", "third", "fourth"] {
        scene.image("acme/web", "1", seed);
        let mut runs: Vec<_> = ["a", "b", "c"]
            .into_iter()
            .map(|cache| {
                let mut command = scene.command(&["reconcile", &scene.bare()]);
                command
                    .env("XDG_CACHE_HOME", scene.home().join(cache))
                    .stdout(std::process::Stdio::piped())
                    .stderr(std::process::Stdio::piped());
                command.spawn().unwrap()
            })
            .map(|child| std::thread::spawn(move || child.wait_with_output().unwrap()))
            .collect();
        for run in runs.drain(..) {
            scene.ended(&run.join().unwrap()).exits(0);
        }
        let branch = scene.bot_branch();
        let range = format!("main..{branch}");
        assert_eq!(scene.origin.git(&["rev-list", "--count", &range]), "1");
        scene.is_settled();
    }
}

#[test]
fn a_persons_branch_among_the_bots_is_left_alone() {
    let scene = pinned();
    scene
        .person
        .git(&["checkout", "-q", "-b", "headwater/default/notes"]);
    scene.commit(&[("NOTES.md", "mine\n")], "notes");
    let head = scene.origin.rev("headwater/default/notes");
    scene.settle();
    scene.image("acme/web", "1", "second");
    scene.settle();
    assert_eq!(scene.origin.rev("headwater/default/notes"), head);
    assert_eq!(scene.bot_branches(), [WEB, "headwater/default/notes"]);
}

#[test]
fn a_stream_that_is_removed_takes_its_open_branch_along() {
    let scene = moved();
    scene
        .person
        .git(&["rm", "-q", "streams/web.yaml", "apps/web.yaml"]);
    scene.commit(&[], "no more web");
    scene.settle().says("nothing is left to do");
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn a_stream_that_cannot_be_read_keeps_its_open_branch() {
    let scene = moved();
    let head = scene.origin.rev(WEB);
    scene.commit(
        &[("streams/web.yaml", "kind: ImageStream\n bad: [\n")],
        "oops",
    );
    scene.reconcile().exits(3).says("streams/web.yaml:");
    assert_eq!(scene.origin.rev(WEB), head);
}
