//! Which platforms an image is for, in what a reviewer sees first.

use crate::hosting::Hosted;
use crate::lifecycle::web;
use crate::support::forge::Kind;

#[test]
fn fault_29_an_index_that_lost_a_platform_says_so_first() {
    let hosted = Hosted::new(Kind::Gitea, web());
    let registry = &hosted.scene.registry;
    registry.push_index("acme/web", "1", "one", &["linux/amd64", "linux/arm64"]);
    hosted.reconcile().exits(0);
    hosted.merge(1);
    registry.push_index("acme/web", "1", "two", &["linux/amd64"]);
    hosted.reconcile().exits(0).says("opened pull request #2");
    hosted.is_settled();
    let body = hosted.body(2);
    let first_screen: Vec<&str> = body.lines().take(15).collect();
    let first_screen = first_screen.join("\n");
    let says = first_screen
        .lines()
        .any(|line| line.contains("arm64") && line.contains("no longer runs on"));
    assert!(says, "{first_screen}");
    let has_label = |number: u64| {
        let model = hosted.forge.model();
        model
            .pull_request(number)
            .labels
            .contains("platform-change")
    };
    assert!(has_label(2) && !has_label(1));

    // The label goes with what it says.
    registry.push_index("acme/web", "1", "three", &["linux/amd64", "linux/arm64"]);
    hosted.reconcile().exits(0).says("updated pull request #2");
    assert!(!has_label(2), "{}", hosted.body(2));
    hosted.is_settled();
}
