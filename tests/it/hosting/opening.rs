//! What is opened, and how it moves on.

use crate::hosting::Hosted;
use crate::lifecycle::{FIRST_PINS, WEB, web};
use crate::support::forge::Kind;

pub fn a_moved_tag_is_a_pull_request_that_moves_on_with_it(kind: Kind) {
    let hosted = Hosted::new(kind, web());
    hosted
        .reconcile()
        .exits(0)
        .says("open a pull request")
        .says("opened pull request #1");
    hosted.is_settled();
    {
        let model = hosted.forge.model();
        let first = model.pull_request(1);
        assert_eq!(
            (first.head.as_str(), first.base.as_str()),
            (FIRST_PINS, "main")
        );
        assert!(first.labels.contains("image-pin") && first.labels.contains("env/default"));
    }
    hosted.merge(1);
    hosted.reconcile().exits(0);
    hosted.is_settled();

    let second = hosted.scene.image("acme/web", "1", "second");
    hosted.reconcile().exits(0).says("opened pull request #2");
    hosted.is_settled();
    assert_eq!(hosted.forge.model().pull_request(2).head, WEB);
    assert!(
        hosted.title(2).contains(&second.encoded()[..7]),
        "{}",
        hosted.title(2)
    );

    let third = hosted.scene.image("acme/web", "1", "third");
    let before = hosted.title(2);
    hosted.reconcile().exits(0).says("updated pull request #2");
    hosted.is_settled();
    assert!(hosted.title(2).contains(&third.encoded()[..7]));
    assert!(hosted.body(2).contains(third.as_str()));
    assert!(
        hosted.body(2).contains(&before),
        "its history: {}",
        hosted.body(2)
    );
    assert_eq!(hosted.remarks(2), [""; 0]);
    assert_eq!(hosted.open(), [2]);
}

pub fn labels_reviewers_assignees_and_drafts_are_set_once(kind: Kind) {
    let hosted = Hosted::new(kind, web());
    let config = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  pullRequests: {labels: [images, team a], reviewers: [ada], assignees: [ben, nobody-of-this-name], draft: true}
";
    hosted
        .scene
        .commit(&[("headwater.yaml", config)], "configure");
    hosted
        .reconcile()
        .exits(0)
        .says("opened pull request #1")
        .says("nobody-of-this-name");
    {
        let mut model = hosted.forge.model();
        let opened = model.pull_request(1);
        assert!(opened.is_draft);
        assert!(opened.labels.contains("images") && opened.labels.contains("team a"));
        assert!(opened.reviewers.contains("ada") && opened.assignees.contains("ben"));
        // What a person changes stays.
        model.remove_label(1, "images");
        model.edit(1, |open| {
            open.is_draft = false;
            open.reviewers.clear();
        });
    }
    hosted.is_settled();
    hosted.scene.image("acme/web", "1", "second");
    hosted.reconcile().exits(0).says("updated pull request #1");
    let model = hosted.forge.model();
    let moved = model.pull_request(1);
    assert!(!moved.is_draft && moved.reviewers.is_empty() && !moved.labels.contains("images"));
}

pub fn a_branch_from_before_the_forge_was_named_gets_its_pull_request(kind: Kind) {
    let hosted = Hosted::new(kind, web());
    hosted.scene.run(&["reconcile", &hosted.git.url()]).exits(0);
    let before = hosted.scene.origin.rev(FIRST_PINS);
    hosted
        .reconcile()
        .exits(0)
        .says("keep headwater/default/first-pins")
        .says("opened pull request #1");
    assert_eq!(hosted.scene.origin.rev(FIRST_PINS), before);
    hosted.is_settled();
}

pub fn what_a_person_opened_or_wrote_below_stays(kind: Kind) {
    let hosted = Hosted::new(kind, web());
    hosted.scene.run(&["reconcile", &hosted.git.url()]).exits(0);
    hosted
        .forge
        .model()
        .open("ada", FIRST_PINS, "main", "my pins");
    hosted
        .forge
        .model()
        .edit(1, |open| open.body = "please look".to_owned());
    hosted.reconcile().exits(0).says("updated pull request #1");
    assert!(hosted.body(1).trim_end().ends_with("please look"));
    assert!(hosted.title(1).starts_with("pin "));
    hosted.is_settled();
    hosted.scene.image("acme/web", "1", "second");
    hosted.reconcile().exits(0);
    assert!(hosted.body(1).trim_end().ends_with("please look"));
    assert_eq!(hosted.body(1).matches("please look").count(), 1);
    hosted.is_settled();
}

pub fn so_many_in_an_hour_and_the_rest_wait(kind: Kind) {
    let hosted = Hosted::new(kind, crate::support::scene::Scene::new());
    let config = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  pullRequests: {groupBy: stream, maxPerHour: 1}
";
    let scene = &hosted.scene;
    let mut files = vec![("headwater.yaml".to_owned(), config.to_owned())];
    for name in ["web", "api"] {
        let stream = crate::support::scene::stream("dev", name, "1");
        files.push((format!("{name}.yaml"), stream));
        scene.image(&format!("acme/{name}"), "1", "first");
    }
    let files: Vec<_> = files
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    scene.commit(&files, "begin");
    hosted.reconcile().exits(0);
    hosted.merge(1);
    for name in ["web", "api"] {
        scene.image(&format!("acme/{name}"), "1", "second");
    }
    // The forge's clock is another one than ours: what it opens now was opened just now.
    hosted.forge.model().now = jiff::Timestamp::now();
    hosted
        .reconcile()
        .exits(0)
        .says("opened pull request #2")
        .says("headwater/default/dev.web waits until ")
        .says("1 were opened within an hour, the limit of pullRequests.maxPerHour")
        .never_says("#3");
    hosted.is_settled();
}

pub fn outside_its_schedule_nothing_is_made_or_moved(kind: Kind) {
    let hosted = Hosted::new(kind, web());
    // Two minutes of the week, five and six days away.
    let day = jiff::Zoned::now()
        .with_time_zone(jiff::tz::TimeZone::UTC)
        .checked_add(jiff::SignedDuration::from_hours(5 * 24))
        .unwrap();
    let config = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  pullRequests: {{schedule: [\"{} 09:00-09:01 UTC\"]}}\n",
        day.strftime("%a")
    );
    hosted
        .scene
        .commit(&[("headwater.yaml", &config)], "office hours");
    hosted
        .reconcile()
        .exits(0)
        .says(&format!("{FIRST_PINS} waits until "))
        .says("T09:00:00Z, when the next window of pullRequests.schedule opens");
    hosted.is_settled();
    assert_eq!(hosted.scene.bot_branches(), [""; 0]);
    hosted.scene.edit("headwater.yaml", |text| {
        text.replace("09:00-09:01 UTC", "")
            .replace(&day.strftime("%a").to_string(), "Mon-Sun")
    });
    hosted.reconcile().exits(0).says("opened pull request #1");
}

pub fn templates_make_title_and_message_and_a_broken_one_is_named(kind: Kind) {
    let hosted = Hosted::moved_on(kind);
    let config = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  pullRequests:
    title: \"chore(images): {{ stream }} to {{ shortDigest }}\"
    commitMessage: |
      chore(images): {{ stream }}:{{ tag }}

      {{ subject }}
";
    hosted
        .scene
        .commit(&[("headwater.yaml", config)], "templates");
    hosted.reconcile().exits(0).says("opened pull request #2");
    hosted.is_settled();
    assert!(
        hosted.title(2).starts_with("chore(images): dev/web to "),
        "{}",
        hosted.title(2)
    );
    let message = hosted.scene.message(WEB);
    assert!(
        message.starts_with("chore(images): dev/web:1\n\npin dev/web:1 to "),
        "{message}"
    );
    let plans =
        hosted
            .scene
            .origin
            .git(&["log", "-1", "--format=%(trailers:key=Headwater-Plan)", WEB]);
    assert!(plans.starts_with("Headwater-Plan: "), "{message}");

    hosted.scene.edit("headwater.yaml", |text| {
        text.replace("{{ stream }} to", "{{ nonsense }} to")
    });
    hosted
        .reconcile()
        .exits(3)
        .says("headwater.yaml:5:12: error: ")
        .says("nonsense");
}
