//! What goes wrong at a forge.

use crate::hosting::Hosted;
use crate::lifecycle::{FIRST_PINS, WEB, web};
use crate::support::forge::{Failure, Kind};

#[test]
fn fault_15_while_the_forge_is_down_branches_move_on_and_new_ones_wait() {
    let hosted = Hosted::proposed();
    let first = hosted.scene.origin.rev(WEB);
    hosted.scene.image("acme/web", "1", "third");
    for _ in 0..3 {
        hosted
            .forge
            .fail_next("GET", "/pulls", Failure::Status(503));
    }
    hosted
        .reconcile()
        .exits(3)
        .says("the forge cannot be asked for pull requests")
        .says(&format!("wrote {WEB}"));
    assert_ne!(hosted.scene.origin.rev(WEB), first);
    hosted.reconcile().exits(0).says("updated pull request #2");
    hosted.is_settled();

    let hosted = Hosted::new(Kind::Gitea, web());
    for _ in 0..3 {
        hosted
            .forge
            .fail_next("GET", "/pulls", Failure::Status(503));
    }
    hosted
        .reconcile()
        .exits(3)
        .says(&format!("{FIRST_PINS} waits for the forge"));
    assert_eq!(hosted.scene.bot_branches(), [""; 0]);
    hosted.reconcile().exits(0).says("opened pull request #1");
}

#[test]
fn a_wrong_token_is_named_and_shown_nowhere() {
    let hosted = Hosted::new(Kind::Gitea, web());
    std::fs::write(hosted.token_file(), "wrong-s3cret\n").unwrap();
    hosted
        .reconcile()
        .exits(3)
        .says("refuses the token")
        .never_says("wrong-s3cret");
    // A token that rotates is read anew.
    std::fs::write(hosted.token_file(), hosted.forge.token()).unwrap();
    hosted.reconcile().exits(0).says("opened pull request #1");
}

#[test]
fn cve_2026_40161_a_repository_cannot_name_an_api() {
    let hosted = Hosted::new(Kind::Gitea, web());
    let config = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  forges: [{kind: gitea, url: \"https://evil.example\", api: \"https://evil.example\"}]
";
    hosted.scene.commit(&[("headwater.yaml", config)], "mine");
    hosted.reconcile().exits(3).says("unknown field `forges`");
    assert!(hosted.forge.writes().is_empty());
}

#[test]
fn somebody_elses_mark_counts_for_nothing_with_a_key() {
    let hosted = Hosted::moved();
    std::fs::write(hosted.scene.home().join("key"), "0123456789abcdef").unwrap();
    let key = format!(
        "  markerKeyFile: {}\n",
        hosted.scene.home().join("key").display()
    );
    hosted.write_server_file(&key);
    hosted.reconcile().exits(0).says("opened pull request #2");
    hosted.is_settled();
    let body = hosted.body(2);
    hosted.forge.model().close(2);
    // With the key it is known as the bot's own, so it declines.
    hosted.reconcile().exits(0).says("was closed");
    // Without a mark that the key has made, nothing is declined.
    let forged = body.replace("headwater:v1 ", "headwater:v1 e");
    hosted.forge.model().edit(2, |closed| closed.body = forged);
    hosted.reconcile().exits(0).says("opened pull request #3");
    hosted.is_settled();
}
