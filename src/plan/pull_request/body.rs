//! What a reviewer reads: the first screen, and below it what is folded.

use std::collections::BTreeSet;

use crate::environment::EnvironmentName;
use crate::gate::GateFinding;
use crate::plan::due::Move;
use crate::plan::promotion::Promotion;
use crate::plan::pull_request::comparison::KnownForge;
use crate::plan::pull_request::details;
use crate::plan::pull_request::facts::Facts;
use crate::plan::pull_request::finding::Finding;
use crate::plan::pull_request::first_screen::{one, several, stream_tag};
use crate::plan::pull_request::markdown::{Document, Inline, Mark};
use crate::plan::pull_request::promotion;
use crate::plan::pull_request::reading::{HoldBox, RebuildBox};
use crate::plan::pull_request::title::title;
use crate::plan::pull_request::way::{Way, way};
use crate::revision::BranchName;

/// Bytes of a body. GitHub takes 65,536 characters and a MySQL column of Gitea as many bytes; the
/// marker and what people write below it need room too.
pub const MAX_BODY: usize = 60_000;
/// Rows of a table, and lines of a list.
pub const MOST_ROWS: usize = 30;
/// Boxes that hold a tag: more would be a page of boxes.
const MOST_HOLDS: usize = 10;

/// The beginning of the line that opens the history.
pub const HISTORY: &str = "<details><summary>History of this pull request";

/// What a pull request is to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestText {
    /// One line, the commit's subject.
    pub title: String,
    /// Markdown, `\n` at its end; the marker line comes behind it.
    pub body: String,
    pub labels: BTreeSet<String>,
}

/// Something that happened to a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// RFC 3339.
    pub time: String,
    /// A few words; shown as they are.
    pub text: String,
}

#[derive(Clone, Copy)]
pub struct BodyInputs<'a> {
    /// At least one, but for a promotion that brings configuration only.
    pub moves: &'a [Move],
    pub environment: &'a EnvironmentName,
    /// The branch that the pull request goes to.
    pub base: &'a BranchName,
    pub facts: &'a Facts,
    /// When each move's image was first proposed, RFC 3339.
    pub seen: &'a dyn Fn(&Move) -> String,
    /// The environments that images pass, this one among them; empty where there is no order.
    pub path: &'a Way,
    /// Oldest first.
    pub history: &'a [HistoryEntry],
    /// What else a reviewer must know, a sentence each.
    pub notes: &'a [Inline],
    /// The operator's own forges, beside those that everybody knows.
    pub forges: &'a [KnownForge],
    /// Where the images come from another environment.
    pub promotion: Option<&'a Promotion>,
    /// What the environment's gates say; empty where it has none.
    pub gates: &'a [GateFinding],
}

impl std::fmt::Debug for BodyInputs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodyInputs")
            .field("moves", &self.moves.len())
            .field("environment", self.environment)
            .finish_non_exhaustive()
    }
}

/// Title, body and labels of the pull request for one group of moves. The same inputs give the
/// same bytes; there is no age in them.
pub fn text(inputs: &BodyInputs<'_>) -> PullRequestText {
    let findings = Finding::all(inputs.moves, inputs.facts, inputs.forges, inputs.gates);
    let mut document = Document::new();
    match (inputs.promotion, inputs.moves) {
        (Some(promotion), _) => promotion::push(&mut document, promotion, &findings, inputs),
        (None, [moved]) => one(&mut document, moved, findings.first(), inputs),
        (None, _) => several(&mut document, &findings, inputs),
    }
    details::push(&mut document, inputs, &findings);
    let way = way(inputs.path, inputs.environment, None);
    // A promotion's first screen has it.
    if !way.is_empty() && inputs.promotion.is_none() {
        document.paragraph(Inline::of("**Way to production:** ").then(way));
    }
    push_boxes(&mut document, inputs);
    PullRequestText {
        title: title(
            inputs.moves,
            inputs.environment,
            inputs.promotion,
            &findings,
        ),
        body: document.markdown(MAX_BODY),
        labels: labels(inputs, &findings),
    }
}

fn labels(inputs: &BodyInputs<'_>, findings: &[Finding<'_>]) -> BTreeSet<String> {
    let kind = match inputs.promotion {
        Some(_) => "promotion",
        None => "image-pin",
    };
    let mut labels = BTreeSet::from([kind.to_owned(), format!("env/{}", inputs.environment)]);
    for finding in findings {
        labels.insert(format!("cause/{}", finding.cause.class.label()));
        if !finding.platforms.is_empty() {
            labels.insert("platform-change".to_owned());
        }
    }
    if inputs
        .moves
        .iter()
        .any(|moved| moved.moves_back_to().is_some())
    {
        labels.insert("rollback".to_owned());
    }
    labels
}

fn push_boxes(document: &mut Document, inputs: &BodyInputs<'_>) {
    document.rule();
    let holds: Vec<(Inline, HoldBox)> = inputs
        .moves
        .iter()
        .filter(|moved| moved.previous.is_some() && moved.previous.as_ref() != moved.digest())
        .take(MOST_HOLDS)
        .filter_map(|moved| {
            let text = Inline::of("Hold ")
                .then(stream_tag(moved))
                .words(" at the current digest");
            Some((text, HoldBox::of(&moved.tag)?))
        })
        .collect();
    let rebuild = Inline::of(
        "Rebuild this pull request on the current base (discards other commits on this branch)",
    );
    let mut tasks: Vec<(Inline, &dyn Mark)> = vec![(rebuild, &RebuildBox)];
    tasks.extend(
        holds
            .iter()
            .map(|(text, mark)| (text.clone(), mark as &dyn Mark)),
    );
    document.tasks(tasks);
    let closed = match (inputs.promotion, inputs.moves) {
        (None, _) => "these digests are not proposed again; newer ones are.\n",
        (Some(_), []) => "this commit is not promoted again; newer ones are.\n",
        (Some(_), _) => {
            "neither this commit nor these digests are proposed again; newer ones are.\n"
        }
    };
    document.paragraph(
        Inline::of(
            "Push a commit, and headwater stops editing this branch.\n\
             Close this pull request, and ",
        )
        .words(closed)
        .words("Tick a box, and headwater does it on its next pass."),
    );
}
