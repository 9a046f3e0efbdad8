//! Many streams at once, and limits in the middle of them.

use crate::hosting::Hosted;
use crate::support::forge::{Failure, Interruption, Kind, What};
use crate::support::scene::{Scene, deployment, stream};

/// Streams that follow one image, so that one push moves them all; their first pins are merged.
pub(in crate::hosting) fn many(count: usize, settings: &str) -> Hosted {
    let scene = Scene::new();
    let config = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  pullRequests: {{groupBy: stream{settings}}}\n"
    );
    let mut files = vec![("headwater.yaml".to_owned(), config)];
    for number in 0..count {
        let name = format!("s{number:02}");
        let stream = stream("dev", &name, "1").replace(&format!("acme/{name}"), "acme/all");
        files.push((format!("{name}.yaml"), stream));
    }
    let files: Vec<_> = files
        .iter()
        .map(|(path, content)| (path.as_str(), content.as_str()))
        .collect();
    scene.commit(&files, "begin");
    scene.image("acme/all", "1", "first");
    let hosted = Hosted::new(Kind::Gitea, scene);
    hosted.reconcile().exits(0);
    hosted.merge(1);
    hosted.scene.image("acme/all", "1", "second");
    hosted
}

#[test]
fn fault_46_a_hundred_moves_come_ten_at_a_time() {
    let hosted = many(100, "");
    let run = hosted.reconcile().exits(0);
    assert_eq!(run.stdout.matches("\nopened pull request #").count(), 10);
    let waits = "10 bot branches are open, the limit of pullRequests.maxOpen";
    assert_eq!(run.stdout.matches(waits).count(), 90, "{}", run.stdout);
    hosted.is_settled();
    // Where one goes, the next comes.
    hosted.merge(4);
    let run = hosted.reconcile().exits(0);
    assert_eq!(run.stdout.matches("\nopened pull request #").count(), 1);
    assert_eq!(hosted.open().len(), 10);
    hosted.is_settled();
}

#[test]
fn fault_46_so_many_an_hour_and_the_queue_is_named() {
    let hosted = many(6, ", maxPerHour: 2");
    hosted.forge.model().now = jiff::Timestamp::now();
    let run = hosted.reconcile().exits(0);
    assert_eq!(run.stdout.matches("\nopened pull request #").count(), 2);
    let waits = "the limit of pullRequests.maxPerHour";
    assert_eq!(run.stdout.matches(waits).count(), 4, "{}", run.stdout);
    for number in 2..6 {
        assert!(
            run.stdout
                .contains(&format!("headwater/default/dev.s{number:02} waits"))
        );
    }
    hosted.is_settled();
}

#[test]
fn fault_13_a_limit_in_the_middle_leaves_the_rest_to_a_later_pass() {
    let hosted = many(10, "");
    let before = hosted.forge.writes().len();
    hosted.forge.interrupt(Some(Interruption {
        spares: 4,
        what: What::Failure(Failure::Limited(3600)),
    }));
    let run = hosted.reconcile().exits(3);
    let opened = hosted.open();
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(30);
    let words = "asks to wait until ";
    let said = run
        .stderr
        .split(words)
        .nth(1)
        .unwrap_or_else(|| panic!("{run:?}"));
    let said: String = said.chars().take_while(|c| !c.is_whitespace()).collect();
    assert!(said.parse::<jiff::Timestamp>().unwrap() > until, "{run:?}");
    assert_eq!(run.stderr.matches(words).count(), 1, "{run:?}");
    // It asks for nothing more.
    assert_eq!(hosted.forge.writes().len(), before + 5);
    assert!(!opened.is_empty() && opened.len() < 10, "{opened:?}");
    let run = hosted.reconcile().exits(0);
    let rest = run.stdout.matches("\nopened pull request #").count();
    assert_eq!(rest + opened.len(), 10);
    assert_eq!(hosted.forge.model().pulls.len(), 11);
    assert_eq!(hosted.scene.bot_branches().len(), 10);
    hosted.is_settled();
}

#[test]
fn a_promotion_of_200_images_is_one_commit_and_one_pull_request() {
    let config = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments:
    - {name: dev, branch: env/dev, delivery: commit}
    - {name: prod, branch: env/prod, promotedFrom: dev}
";
    let mut files = vec![("headwater.yaml".to_owned(), config.to_owned())];
    for number in 0..200 {
        let name = format!("s{number:03}");
        let (stream, workload) = (stream("shop", &name, "1"), deployment("shop", &name, "1"));
        let text = format!("{stream}---\n{workload}").replace(&format!("acme/{name}"), "acme/all");
        files.push((format!("{name}.yaml"), text));
    }
    let scene = Scene::new();
    let files: Vec<_> = files.iter().map(|(path, it)| (&**path, &**it)).collect();
    scene.commit(&files, "begin");
    for branch in ["HEAD:refs/heads/env/dev", "HEAD:refs/heads/env/prod"] {
        scene.person.git(&["push", "-q", "origin", branch]);
    }
    scene.image("acme/all", "1", "first");
    let hosted = Hosted::new(Kind::Gitea, scene);
    hosted.reconcile().exits(0);
    hosted.reconcile().exits(0).says("opened pull request #1");
    assert_eq!(hosted.open().len(), 1);
    assert_eq!(hosted.scene.bot_branches(), ["headwater/prod/from-dev"]);
    let git = |arguments: &[&str]| hosted.scene.origin.git(arguments);
    let range = "env/prod..headwater/prod/from-dev";
    let commits = git(&["rev-list", "--first-parent", "--count", range]);
    assert_eq!(commits, "1");
    let changed = git(&["diff", "--name-only", range]);
    assert_eq!(changed.lines().count(), 200);
    hosted.is_settled();
}
