//! What people read of a promotion, in the words that body and commit message share.

mod details;
mod first_screen;
mod message;
mod title;

pub use details::parts;
pub use first_screen::push;
pub use message::{push_background, push_gates, push_introduction, push_since, push_undo};
pub use title::title;

use crate::environment::{Carry, EnvironmentName};
use crate::plan::due::Move;
use crate::plan::promotion::{CarriedConfiguration, Promotion};
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::markdown::Inline;

/// `3 commits, 4 files`; empty where there is nothing beside images.
fn amount(configuration: &CarriedConfiguration) -> Inline {
    let files = configuration.paths.len();
    match (configuration.commit_count, files) {
        (0, 0) => Inline::new(),
        (0, _) => Inline::new().count(files, "file", "files"),
        (commits, 0) => Inline::new().count(commits, "commit", "commits"),
        (commits, _) => Inline::new()
            .count(commits, "commit", "commits")
            .words(", ")
            .count(files, "file", "files"),
    }
}

/// The stream tag of the source, where it has another name.
fn renamed(moved: &Move) -> Option<Inline> {
    let source = moved.promoted_from.as_ref()?;
    (source.tag != moved.tag).then(|| Inline::of_code(Foreign::name(&source.tag.to_string())))
}

/// Why the digests are the right ones; none where no image moves.
fn same_bytes(promotion: &Promotion, moves: &[Move]) -> Option<Inline> {
    let what = match moves.len() {
        0 => return None,
        1 => "the digest is the one that ",
        _ => "each digest is the one that ",
    };
    let line = Inline::of(what).environment(&promotion.from);
    Some(
        line.words(" has at ")
            .code(Foreign::name(&promotion.commit.to_string()))
            .words("; no tag was looked up again"),
    )
}

/// What a revert of the merge does, and what else there is.
fn undo(promotion: &Promotion, moves: &[Move], here: &EnvironmentName) -> Inline {
    let source = &promotion.from;
    let images = match moves.len() {
        0 => None,
        1 => Some("The image goes back, and stays out until "),
        _ => Some("The images go back, and each stays out until "),
    };
    let images = images.map(|words| {
        Inline::of(words)
            .environment(source)
            .words(" moves past it.")
    });
    let configuration = match promotion.carry {
        Carry::Pins => Some("Nothing else changes."),
        Carry::Merge if promotion.configuration.paths.is_empty() => None,
        Carry::Merge => Some(
            "The configuration goes back, and no later promotion brings it again; they name it, and \
             a revert of the revert has it back.",
        ),
    };
    let rollback = Inline::of("One image alone is taken back by `headwater rollback ")
        .environment(here)
        .words("/STREAM:TAG`.");
    let sentences = [
        images,
        configuration.map(Inline::of),
        (!moves.is_empty()).then_some(rollback),
    ];
    let mut undo = Inline::new();
    for sentence in sentences.into_iter().flatten() {
        undo = undo.words(" ").then(sentence);
    }
    undo
}
