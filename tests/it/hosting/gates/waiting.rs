//! Windows, and what stands on a pull request that waits.

use crate::hosting::Hosted;
use crate::hosting::KINDS;
use crate::hosting::gates::{TO_PROD, closed_window};
use crate::support::forge::Kind;

#[test]
fn a_closed_window_keeps_the_commit_and_holds_the_merge() {
    for kind in KINDS {
        let window = closed_window();
        let hosted = Hosted::promoting(kind, &format!("gates: {{windows: [{window}]}}"));
        hosted.waits_for("opens at 2");
        hosted.rests();
        let head = hosted.scene.origin.rev(TO_PROD);
        let newer = hosted.change("env/dev", "info");
        hosted.pass();
        hosted.rests();
        assert_eq!(hosted.scene.origin.rev(TO_PROD), head);
        let body = hosted.body(1);
        assert!(body.contains(&newer[..7]), "{body}");

        // Without the window it moves on, and its new head is told of.
        hosted.scene.person.git(&["checkout", "-q", "main"]);
        hosted.scene.edit("headwater.yaml", |text| {
            let (before, _) = text.split_once(", gates").unwrap();
            format!("{before}, gates: {{windows: [Mon-Sun]}}}}\n")
        });
        hosted.rests();
        assert_ne!(hosted.scene.origin.rev(TO_PROD), head);
        hosted.has_passed();
        assert_eq!(hosted.gates_of(TO_PROD).1, 1);
        hosted.rests();
    }
}

#[test]
fn holidays_close_every_window() {
    let today = jiff::Timestamp::now().in_tz("UTC").unwrap().date();
    let last = today + jiff::ToSpan::days(2);
    let gates = format!("gates: {{windows: [Mon-Sun], holidays: [{today}..{last}]}}");
    let hosted = Hosted::promoting(Kind::Gitea, &gates);
    hosted.waits_for("waits for windows");
    hosted.rests();
}

#[test]
fn a_quiet_pass_asks_only_for_what_is_open_and_what_is_said_of_it() {
    let window = closed_window();
    let gates = format!("gates: {{approvals: 1, windows: [{window}], checks: [ci/e2e]}}");
    let hosted = Hosted::promoting(Kind::Gitea, &gates);
    hosted.check(
        "env/dev",
        "ci/e2e",
        crate::support::forge::CheckState::Passing,
    );
    hosted.rests();
    let before = hosted.requests();
    hosted.reconcile().exits(0).says("nothing to do");
    let asked: Vec<String> = hosted
        .forge
        .requests()
        .split_off(before)
        .iter()
        .map(|seen| format!("{} {}", seen.method, seen.path))
        .collect();
    let is_known = |line: &String| {
        let known = ["/pulls?", "/status", "/reviews", "/pulls/1", "/user"];
        line.starts_with("GET ") && known.iter().any(|part| line.contains(part))
    };
    assert!(asked.iter().all(is_known), "{asked:#?}");
    assert!(asked.len() <= 12, "{asked:#?}");
}

#[test]
fn title_labels_and_body_tell_of_the_promotion() {
    for kind in KINDS {
        let hosted = Hosted::promoting(kind, "gates: {approvals: 2}");
        let pull = hosted.pull(1);
        assert_eq!(pull.base, "env/prod");
        assert!(pull.title.contains("prod"), "{}", pull.title);
        assert!(pull.title.contains("dev"), "{}", pull.title);
        let commit = hosted.scene.origin.rev("env/dev");
        for text in [&commit[..7], "**Gates:**", "approvals", "shop/web:1"] {
            assert!(pull.body.contains(text), "{text}\n{}", pull.body);
        }
        let message = hosted.scene.message(TO_PROD);
        assert!(
            message.contains(&format!("Promoted-Commit: {commit}")),
            "{message}"
        );
    }
}
