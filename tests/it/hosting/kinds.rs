//! The same pull requests, whichever forge it is.

use crate::hosting::Hosted;
use crate::support::forge::Kind;

/// Opened, moved on, closed and proposed again newer: what is there after each.
fn life(kind: Kind) -> Vec<String> {
    let hosted = Hosted::with_people(kind);
    let mut seen = Vec::new();
    let mut pass = |says: &str| {
        hosted.reconcile().exits(0).says(says);
        hosted.is_settled();
        seen.push(hosted.outcome());
    };
    pass("opened ");
    hosted.scene.image("acme/web", "1", "second");
    pass("updated ");
    hosted.forge.model().close(1);
    pass("was closed");
    hosted.scene.image("acme/web", "1", "third");
    pass("opened ");
    seen
}

#[test]
fn every_forge_has_the_same_pull_requests() {
    let [gitea, others @ ..] = std::thread::scope(|scope| {
        [Kind::Gitea, Kind::Forgejo, Kind::GitHub, Kind::GitLab]
            .map(|kind| (kind, scope.spawn(move || life(kind))))
            .map(|(kind, life)| (kind, life.join().unwrap()))
    });
    for (kind, life) in others {
        for (number, (own, expected)) in life.iter().zip(&gitea.1).enumerate() {
            let diff = similar::TextDiff::from_lines(expected, own);
            assert!(
                own == expected,
                "{kind:?} {number}\n{}",
                diff.unified_diff()
            );
        }
    }
}

/// All at once: between two writes to GitHub is a second.
macro_rules! together_at {
    ($kind:ident $($module:ident :: $test:ident)*) => {
        std::thread::scope(|scope| {
            $(scope.spawn(|| crate::hosting::$module::$test(Kind::$kind));)*
        })
    };
}

#[test]
fn github_has_what_all_forges_share() {
    shared!(together_at, GitHub);
}
