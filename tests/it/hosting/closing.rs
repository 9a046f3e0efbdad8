//! What ends, by a person or by the bot.

use crate::hosting::Hosted;
use crate::lifecycle::WEB;
use crate::support::forge::Kind;

pub fn fault_10_closed_is_not_proposed_again_and_a_newer_digest_is(kind: Kind) {
    let hosted = Hosted::proposed_on(kind);
    hosted.forge.model().close(2);
    hosted
        .reconcile()
        .exits(0)
        .says("its pull request #2 was closed")
        .says(&format!("deleted {WEB}"));
    hosted.is_settled();
    assert_eq!(hosted.open(), [0; 0]);

    hosted.scene.image("acme/web", "1", "third");
    hosted.reconcile().exits(0).says("opened pull request #3");
    hosted.is_settled();
}

pub fn fault_10_a_closed_one_comes_back_when_it_is_asked_for(kind: Kind) {
    let hosted = Hosted::proposed_on(kind);
    hosted.forge.model().close(2);
    hosted.forge.model().reopen(2);
    hosted.reconcile().exits(0).never_says("was closed");
    hosted.is_settled();
    assert_eq!(hosted.open(), [2]);

    hosted.forge.model().close(2);
    hosted.reconcile().exits(0).says("was closed");
    hosted.forge.model().set_label(2, "propose-again");
    hosted.reconcile().exits(0).says("opened pull request #3");
    hosted.is_settled();
}

pub fn nothing_left_to_do_is_said_and_declines_nothing(kind: Kind) {
    let hosted = Hosted::proposed_on(kind);
    let scene = &hosted.scene;
    let second = scene.image("acme/web", "1", "second");
    // The tag goes back to where it was, and comes again.
    scene.image("acme/web", "1", "first");
    hosted
        .reconcile()
        .exits(0)
        .says("close pull request #2: nothing is left to do")
        .says("closed pull request #2")
        .says(&format!("deleted {WEB}"));
    assert!(!hosted.is_open(2));
    let remarks = hosted.remarks(2);
    assert_eq!(remarks.len(), 1);
    assert!(remarks[0].contains("nothing is left to do"), "{remarks:?}");
    hosted.is_settled();

    assert_eq!(scene.image("acme/web", "1", "second"), second);
    hosted.reconcile().exits(0).says("opened pull request #3");
    hosted.is_settled();
}

pub fn pinned_by_hand_ends_it(kind: Kind) {
    let hosted = Hosted::proposed_on(kind);
    hosted.scene.squash(WEB);
    hosted
        .reconcile()
        .exits(0)
        .says("closed pull request #2")
        .says("all that it proposed is merged");
    hosted.is_settled();
}

pub fn fault_44_merged_by_squash_or_rebase_is_seen_by_content(kind: Kind) {
    use headwater::pull_request::MergeMethod;
    let mut methods = kind.merge_methods();
    methods.retain(|method| *method != MergeMethod::Merge);
    for method in methods {
        let hosted = Hosted::proposed_on(kind);
        hosted.forge.model().merge(2, method).unwrap();
        hosted
            .reconcile()
            .exits(0)
            .never_says("opened")
            .says(&format!("deleted {WEB}"));
        hosted.is_settled();
        assert_eq!(hosted.remarks(2), [""; 0], "a merged one needs no words");
    }
}

pub fn a_deleted_branch_is_made_again_where_its_pull_request_is_open(kind: Kind) {
    let hosted = Hosted::proposed_on(kind);
    let branch = format!("refs/heads/{WEB}");
    hosted.scene.origin.git(&["update-ref", "-d", &branch]);
    hosted.reconcile().exits(0);
    hosted.is_settled();
    let open = hosted.open();
    assert!(open == [2] || open.is_empty(), "{open:?}");
}
