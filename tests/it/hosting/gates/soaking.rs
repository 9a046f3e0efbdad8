//! How long a commit has been in its source, by Git and by the forge.

use headwater::pull_request::MergeMethod;
use jiff::{SignedDuration, Timestamp};

use crate::hosting::Hosted;
use crate::hosting::KINDS;
use crate::hosting::gates::{TO_PROD, plain_shop, shop};
use crate::promotion::on;
use crate::support::forge::{Failure, Kind};
use crate::support::scene::Scene;
use crate::support::wait;

#[test]
fn what_came_now_waits_until_its_time_has_come() {
    let scene = shop("gates: {soak: 2h}");
    scene.reconcile().exits(0);
    scene.reconcile().exits(0).says("waits for soak: 2h");
    scene.is_settled();
    assert_eq!(scene.bot_branches(), [""; 0]);

    // A commit that is old by its own time, where nothing else is known.
    let scene = plain_shop("gates: {soak: 2h}");
    on(&scene, "env/dev");
    scene.commit(&[("apps/config.yaml", "level: info\n")], "less noise");
    scene.reconcile().exits(0);
    assert_eq!(scene.bot_branches(), [TO_PROD]);
    scene.is_settled();
}

/// An old commit whose pull request was merged into `dev` as long ago as that.
fn merged(kind: Kind, ago: SignedDuration) -> Hosted {
    let hosted = Hosted::new(kind, plain_shop("gates: {soak: 2h}"));
    on(&hosted.scene, "env/dev");
    hosted
        .scene
        .person
        .git(&["checkout", "-q", "-b", "less-noise"]);
    hosted
        .scene
        .commit(&[("apps/config.yaml", "level: info\n")], "less noise");
    let mut model = hosted.forge.model();
    model.now = Timestamp::now() - ago;
    let number = model.open("ada", "less-noise", "env/dev", "less noise");
    // All forges of these tests know of what came by a merge.
    model.merge(number, MergeMethod::Merge).unwrap();
    drop(model);
    hosted
}

#[test]
fn an_old_commit_that_was_merged_a_minute_ago_has_not_soaked() {
    for kind in KINDS {
        let hosted = merged(kind, SignedDuration::from_mins(1));
        hosted.reconcile().exits(0).says("waits for soak: 2h");
        hosted.rests();
        assert_eq!(hosted.open(), [0; 0]);
        let hosted = merged(kind, SignedDuration::from_mins(121));
        hosted.reconcile().exits(0).says("opened pull request #2");
        hosted.rests();
    }
}

#[test]
fn where_the_forge_cannot_say_when_it_came_it_has_not_soaked() {
    let hosted = merged(Kind::Gitea, SignedDuration::from_mins(121));
    for _ in 0..8 {
        hosted.forge.fail_next("GET", "/pull", Failure::Status(503));
    }
    hosted
        .reconcile()
        .exits(0)
        .says("waits for soak: when it came to env/dev is not known");
    assert_eq!(hosted.open(), [0; 0]);
    // It is asked again, without anything else having changed.
    wait::until("the forge to be well", || {
        let said = hosted.pass();
        said.contains("opened pull request #2").then_some(())
    });
}

/// Runs Git as the person at that time.
fn at(scene: &Scene, time: Timestamp, arguments: &[&str]) {
    let date = format!("{} +0000", time.as_second());
    let mut command = crate::support::git::command(scene.person.path());
    command.args(arguments).env("GIT_COMMITTER_DATE", date);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

#[test]
fn an_older_commit_is_taken_at_its_time_although_a_newer_one_waits() {
    let scene = plain_shop("gates: {soak: 1h}");
    on(&scene, "env/dev");
    let commit = |text: &str, time: Timestamp| {
        scene.person.write("apps/config.yaml", text);
        scene.person.git(&["add", "-A"]);
        at(&scene, time, &["commit", "-q", "-m", text.trim()]);
        scene.push();
    };
    let now = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    commit("level: info\n", now - hour + SignedDuration::from_secs(12));
    commit("level: warn\n", now - SignedDuration::from_mins(5));
    scene.reconcile().exits(0).says("waits for soak");
    assert_eq!(scene.bot_branches(), [""; 0], "too early");
    wait::until("the older commit to be taken", || {
        scene.reconcile().exits(0);
        (scene.bot_branches() == [TO_PROD]).then_some(())
    });
    assert_eq!(scene.file(TO_PROD, "apps/config.yaml"), "level: info\n");
}

#[test]
fn another_image_disturbs_from_its_commits_time_although_it_was_seen_later() {
    let scene = shop("gates: {soak: {resident: 2h}}");
    scene.reconcile().exits(0);
    scene.image("acme/web", "1", "second");
    scene.reconcile().exits(0);
    // The same, made five and four hours ago; the second is pushed later.
    on(&scene, "env/dev");
    let hours_ago = |hours| {
        let time = Timestamp::now() - SignedDuration::from_hours(hours);
        Timestamp::from_second(time.as_second()).unwrap()
    };
    let (came, went) = (hours_ago(5), hours_ago(4));
    let second = scene.person.rev("HEAD");
    scene.person.git(&["reset", "-q", "--hard", "HEAD~1"]);
    at(&scene, came, &["commit", "-q", "--amend", "--no-edit"]);
    let push = ["push", "-q", "--force", "origin", "env/dev"];
    scene.person.git(&push);
    scene.image("acme/web", "1", "first");
    std::fs::remove_dir_all(scene.home().join("cache")).unwrap();
    scene.reconcile().exits(0);
    assert_eq!(
        scene.bot_branches(),
        [TO_PROD],
        "it was there for five hours"
    );
    at(&scene, went, &["cherry-pick", &second]);
    scene.push();
    scene.image("acme/web", "1", "second");
    scene.reconcile().exits(0).says("waits for soak: 2h");
    assert_eq!(scene.bot_branches(), [""; 0], "it was there for one");
}
