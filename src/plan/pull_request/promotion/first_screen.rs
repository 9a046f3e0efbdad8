//! The first screen of a promotion, within fifteen lines.

use crate::environment::{Carry, EnvironmentName};
use crate::plan::promotion::Promotion;
use crate::plan::pull_request::body::{BodyInputs, MOST_ROWS};
use crate::plan::pull_request::finding::Finding;
use crate::plan::pull_request::first_screen::{
    MOST_NOTES, cause_line, causes, dangers, destination, row_of,
};
use crate::plan::pull_request::gates;
use crate::plan::pull_request::markdown::{Document, Inline};
use crate::plan::pull_request::promotion::{amount, renamed, same_bytes, undo};
use crate::plan::pull_request::way::way;

const MOST_LINES: usize = 15;

pub fn push(
    document: &mut Document,
    promotion: &Promotion,
    findings: &[Finding<'_>],
    inputs: &BodyInputs<'_>,
) {
    let screen = Screen::of(promotion, findings, inputs);
    document.paragraph(introduction(promotion, inputs));
    push_table(document, promotion, findings, inputs, screen.rows);
    document.list(screen.lines);
}

/// What stands below the introduction.
pub struct Screen {
    /// So many images have room in the table.
    pub rows: usize,
    lines: Vec<Inline>,
}

impl Screen {
    pub fn of(promotion: &Promotion, findings: &[Finding<'_>], inputs: &BodyInputs<'_>) -> Self {
        let moves = inputs.moves;
        let mut lines = dangers(findings, moves);
        lines.extend(lost(promotion, inputs.environment));
        let mut facts = Vec::new();
        facts.extend(gates::line(inputs.gates));
        if let Some(line) = same_bytes(promotion, moves) {
            facts.push(Inline::of("**Same bytes:** ").then(line).words("."));
        }
        facts.push(Inline::of("**Path:** ").then(path(promotion, inputs)));
        let undo = undo(promotion, moves, inputs.environment);
        facts.push(
            Inline::of(
                "**Undo:** revert the merge, with the forge's button or `git revert` (`-m 1` of a merge commit).",
            )
            .then(undo),
        );
        facts.extend(inputs.notes.iter().take(MOST_NOTES).cloned());
        // The introduction, the table's head, what counts the images, and empty lines between.
        let room = MOST_LINES.saturating_sub(lines.len() + facts.len() + 6);
        let rows = moves.len().min(room.max(1));
        if !moves.is_empty() {
            lines.extend(images(promotion, findings, moves.len(), rows));
        }
        lines.extend(facts);
        Self { rows, lines }
    }
}

/// The first `most` images.
pub fn push_table(
    document: &mut Document,
    promotion: &Promotion,
    findings: &[Finding<'_>],
    inputs: &BodyInputs<'_>,
    most: usize,
) {
    if inputs.moves.is_empty() {
        return;
    }
    let head = vec![
        Inline::of("image"),
        Inline::new().environment(inputs.environment).words(" now"),
        Inline::of("after"),
        Inline::of("source"),
        Inline::of("cause"),
        Inline::of("in ")
            .environment(&promotion.from)
            .words(" since"),
    ];
    let rows = inputs.moves.iter().take(most.min(MOST_ROWS)).map(|moved| {
        let mut findings = findings.iter();
        let finding = findings.find(|finding| finding.moved.tag == moved.tag);
        let mut row = row_of(moved, finding);
        if let (Some(name), Some(cell)) = (renamed(moved), row.first_mut()) {
            *cell = cell.clone().words(" from ").then(name);
        }
        row.push(match promotion.in_source_since.get(&moved.tag) {
            Some(since) => Inline::new().at(*since),
            None => Inline::of("not known"),
        });
        row
    });
    document.table(head, rows.collect());
}

/// What comes, from where, since when it is there, and where to.
fn introduction(promotion: &Promotion, inputs: &BodyInputs<'_>) -> Inline {
    let line = Inline::of("Promotes what ")
        .bold(Inline::new().environment(&promotion.from))
        .words(" runs at ")
        .commit(promotion.commit)
        .words(" (there since ")
        .at(promotion.entered)
        .words(") to ");
    let line = if inputs.moves.is_empty() {
        line.bold(Inline::new().environment(inputs.environment))
            .words(": no image.")
    } else {
        line.then(destination(inputs.moves, inputs))
    };
    let amount = amount(&promotion.configuration);
    let line = match (promotion.carry, amount.is_empty()) {
        (Carry::Merge, true) => line.words(" No configuration comes along (carry: merge)."),
        (Carry::Merge, false) => line
            .words(" Configuration comes along: ")
            .then(amount)
            .words(" (carry: merge)."),
        (Carry::Pins, true) => line.words(" Nothing else comes along (carry: pins)."),
        (Carry::Pins, false) => line.words(
            " Nothing else comes along (carry: pins); what differs beside images is listed below.",
        ),
    };
    match &promotion.newer {
        None => line,
        Some(newer) => line
            .words(" A newer commit, ")
            .commit(newer.commit)
            .words(", is not taken; below is why."),
    }
}

/// How many there are, and why they are others; of one image, the reason.
fn images(
    promotion: &Promotion,
    findings: &[Finding<'_>],
    count: usize,
    shown: usize,
) -> Option<Inline> {
    let unchanged = match promotion.unchanged {
        0 => None,
        1 => Some(" One other is the same already."),
        _ => Some(" others are the same already."),
    };
    let unchanged = unchanged.map(|words| match promotion.unchanged {
        1 => Inline::of(words),
        many => Inline::of(" ").number(many).words(words),
    });
    let unchanged = unchanged.unwrap_or_default();
    if count == 1 {
        let cause = findings.first().map(cause_line).unwrap_or_default();
        let line = cause.then(unchanged);
        return (!line.is_empty()).then_some(line);
    }
    let line = Inline::of("**Images:** ").number(count).words(" move");
    let line = match shown < count {
        true => line.words(", ").number(shown).words(" shown, more below."),
        false => line.words("."),
    };
    let line = line.then(unchanged);
    Some(match findings.is_empty() {
        true => line,
        false => line.words(" ").then(causes(findings)),
    })
}

fn lost(promotion: &Promotion, here: &EnvironmentName) -> Option<Inline> {
    let count = promotion.lost.len();
    (count > 0).then(|| {
        Inline::of("**Not coming back:** ")
            .count(count, "file", "files")
            .words(" that an earlier promotion brought and somebody took out of ")
            .environment(here)
            .words("; listed below.")
    })
}

/// The environments in order; where that is not known, the two of this promotion.
fn path(promotion: &Promotion, inputs: &BodyInputs<'_>) -> Inline {
    let here = inputs.environment;
    let is_known = |name: &EnvironmentName| inputs.path.iter().flatten().any(|one| one == name);
    if is_known(here) && is_known(&promotion.from) {
        return way(inputs.path, here, Some(promotion));
    }
    let steps = [vec![promotion.from.clone()], vec![here.clone()]];
    way(&steps, here, Some(promotion))
}
