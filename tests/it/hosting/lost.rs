//! Each write of a pass goes wrong once: done without an answer, done with a wrong one, or not
//! done. Later passes end where it would have ended.

use crate::hosting::Hosted;
use crate::hosting::merging;
use crate::hosting::saved::Saved;
use crate::support::forge::{CheckState, Failure, Interruption, Kind, Rule, What};

const FAILURES: [Failure; 3] = [
    Failure::AnswerLost,
    Failure::DoneButStatus(502),
    Failure::Status(500),
];

/// More than a pass of these scenes has.
const MOST: usize = 20;

/// Leaves the scene behind a pass in which all went well.
fn fails_everywhere(hosted: &Hosted) {
    let begin = Saved::of(hosted);
    let before = hosted.forge.writes().len();
    hosted.reconcile().exits(0);
    let count = hosted.forge.writes().len() - before;
    assert!(count > 0);
    hosted.settle();
    let expected = hosted.outcome();
    for failure in FAILURES {
        for spares in 0..MOST {
            begin.restore(hosted);
            let before = hosted.forge.writes().len();
            hosted.forge.interrupt(Some(Interruption {
                spares,
                what: What::Failure(failure.clone()),
            }));
            let first = hosted.reconcile();
            hosted.forge.interrupt(None);
            if hosted.forge.writes().len() - before <= spares {
                assert_eq!(spares, count);
                break;
            }
            // What came all the same is a success; what did not is said.
            let is_known = first.code == 0 || first.code == 3 && first.stderr.contains("cannot ");
            assert!(is_known, "{failure:?} {spares}: {first:?}");
            hosted.settle();
            let outcome = hosted.outcome();
            let diff = similar::TextDiff::from_lines(&expected, &outcome);
            assert!(
                outcome == expected,
                "{failure:?} {spares}\n{}",
                diff.unified_diff()
            );
        }
    }
    assert_eq!(hosted.forge.violations(), [""; 0]);
}

#[test]
fn fault_12_opening_goes_wrong() {
    let hosted = Hosted::with_people(Kind::Gitea);
    fails_everywhere(&hosted);
    assert_eq!(hosted.open(), [1]);
}

#[test]
fn fault_12_a_change_goes_wrong() {
    let hosted = Hosted::proposed();
    hosted.scene.image("acme/web", "1", "third");
    fails_everywhere(&hosted);
    assert_eq!(hosted.open(), [2]);
}

#[test]
fn fault_12_a_comment_goes_wrong() {
    let hosted = Hosted::proposed();
    hosted.take_over();
    fails_everywhere(&hosted);
    assert_eq!(hosted.remarks(2).len(), 1);
}

#[test]
fn fault_12_closing_goes_wrong() {
    let hosted = Hosted::proposed();
    hosted.scene.image("acme/web", "1", "first");
    fails_everywhere(&hosted);
    assert_eq!(hosted.open(), [0; 0]);
    assert_eq!(hosted.remarks(2).len(), 1);
}

#[test]
fn fault_12_a_merge_goes_wrong() {
    let hosted = merging::moved(false);
    hosted.reconcile().exits(0).says("opened pull request #2");
    merging::set_status(&hosted, CheckState::Passing);
    fails_everywhere(&hosted);
    assert_eq!(hosted.open(), [0; 0]);
}

#[test]
fn fault_12_asking_for_a_merge_goes_wrong() {
    let hosted = merging::moved(true);
    let mut rule = Rule::default();
    rule.checks.insert("ci/test".to_owned());
    hosted.forge.model().protect("main", rule);
    fails_everywhere(&hosted);
    assert!(hosted.forge.model().pull_request(2).scheduled.is_some());
}
