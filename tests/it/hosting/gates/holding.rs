//! Holds that people tick on a pull request: they keep things out, so no gate is in their way.

use crate::hosting::Hosted;
use crate::hosting::KINDS;
use crate::hosting::gates::{TO_PROD, closed_window, configuration, shop};
use crate::promotion::{image_in, on};
use crate::support::forge::{CheckState, Kind};
use crate::support::scene::{deployment, stream};

const HOLD: &str = "headwater/prod/hold.shop.web@1";

/// The first images are in `prod`, and newer ones of `web` and of `api` are proposed by the second
/// pull request.
fn proposed(kind: Kind, prod: &str) -> Hosted {
    let scene = shop(prod);
    scene.image("acme/api", "1", "first");
    for branch in ["env/dev", "env/prod"] {
        on(&scene, branch);
        let api = [
            ("streams/api.yaml", stream("shop", "api", "1")),
            ("apps/api.yaml", deployment("shop", "api", "1")),
        ];
        let api = api.each_ref().map(|(path, text)| (*path, text.as_str()));
        scene.commit(&api, "the api");
    }
    let hosted = Hosted::new(kind, scene);
    hosted.pass();
    hosted.pass();
    on(&hosted.scene, "env/prod");
    hosted.scene.merge(TO_PROD);
    hosted.pass();
    hosted.scene.image("acme/web", "1", "second");
    hosted.scene.image("acme/api", "1", "second");
    hosted.pass();
    hosted.pass();
    assert_eq!(hosted.open(), [2]);
    hosted
}

/// The hold is the third pull request, and no gate speaks of it.
#[track_caller]
fn is_held(hosted: &Hosted) {
    assert_eq!(hosted.open(), [2, 3]);
    assert_eq!(hosted.pull(3).head, HOLD);
    let said = hosted.gates_of(HOLD).0;
    assert!(
        said.as_ref()
            .is_none_or(|(state, _)| *state == CheckState::Passing),
        "{said:?}"
    );
    let body = hosted.body(3);
    assert!(!body.contains("waits for"), "{body}");
    let text = hosted.scene.file(HOLD, "streams/web.yaml");
    assert!(text.contains("headwater.dev/hold"), "{text}");
}

fn ticked_passes_gates(kind: Kind, carry: &str) {
    let window = closed_window();
    let gates = format!("carry: {carry}, gates: {{approvals: 1, windows: [{window}]}}");
    let hosted = proposed(kind, &gates);
    let current = image_in(&hosted.scene, "env/prod");
    assert_ne!(image_in(&hosted.scene, TO_PROD), current);
    hosted.forge.model().tick(2, "Hold `shop/web:1`");
    hosted.rests();
    is_held(&hosted);
    // The others wait still, without the image.
    hosted.waits_for("0 of 1");
    assert_eq!(image_in(&hosted.scene, TO_PROD), current);
    let api = |revision| hosted.scene.file(revision, "apps/api.yaml");
    assert_ne!(api(TO_PROD), api("env/prod"));
}

#[test]
fn a_ticked_hold_passes_gates_that_a_merge_waits_for() {
    for kind in KINDS {
        ticked_passes_gates(kind, "merge");
    }
}

#[test]
fn a_ticked_hold_passes_gates_that_pins_wait_for() {
    ticked_passes_gates(Kind::Gitea, "pins");
}

#[test]
fn a_ticked_hold_passes_a_freeze() {
    for carry in ["merge", "pins"] {
        let carry = format!("carry: {carry}");
        let hosted = proposed(Kind::Gitea, &carry);
        let head = hosted.scene.origin.rev(TO_PROD);
        hosted.scene.person.git(&["checkout", "-q", "main"]);
        let frozen = configuration(&format!("{carry}, freeze: {{until: 2099-01-01T00:00:00Z}}"));
        let frozen = [("headwater.yaml", frozen.as_str())];
        hosted.scene.commit(&frozen, "freeze");
        hosted.forge.model().tick(2, "Hold `shop/web:1`");
        hosted.rests();
        is_held(&hosted);
        assert_eq!(hosted.scene.origin.rev(TO_PROD), head, "it is frozen");
    }
}
