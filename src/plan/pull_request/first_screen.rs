//! The first screen of a body: what moves, where, from what to what, why now, the cause, and how to
//! undo it, within fifteen lines.

use std::collections::BTreeSet;

use crate::plan::due::Move;
use crate::plan::pull_request::body::{BodyInputs, MOST_ROWS};
use crate::plan::pull_request::cause::{Class, plain_class};
use crate::plan::pull_request::finding::{Finding, Row, or_same};
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::gates;
use crate::plan::pull_request::markdown::{Document, Inline};

pub const MOST_NOTES: usize = 5;

pub fn one(
    document: &mut Document,
    moved: &Move,
    finding: Option<&Finding<'_>>,
    inputs: &BodyInputs<'_>,
) {
    let mut intro = introduction(moved, inputs);
    if let Some(lost) = finding.and_then(Finding::lost_platforms) {
        let lost = Inline::of("It no longer runs on ").then(lost).words(".");
        intro = intro.words(" ").bold(lost);
    }
    document.paragraph(intro);
    push_comparison(document, moved, finding);
    let mut lines = Vec::new();
    let why_now = why_now(moved, inputs);
    match (finding.map(cause_line), gates::line(inputs.gates)) {
        (None, gates) => lines.extend([Some(why_now), gates].into_iter().flatten()),
        (Some(cause), None) => lines.extend([cause, why_now]),
        // The screen has no line for it but one of theirs.
        (Some(cause), Some(gates)) => lines.extend([cause.words(" ").then(why_now), gates]),
    }
    lines.push(undo(moved));
    lines.extend(inputs.notes.iter().take(MOST_NOTES).cloned());
    document.list(lines);
}

/// What moves, and where to.
fn introduction(moved: &Move, inputs: &BodyInputs<'_>) -> Inline {
    let image = followed(moved)
        .words(" (stream tag ")
        .then(stream_tag(moved))
        .words(")");
    let image = match moved.record.as_ref().and_then(|record| record.selected()) {
        Some(tag) => image
            .words(", by its rule ")
            .code(Foreign::name(tag))
            .words(","),
        None => image,
    };
    let what = if moved.digest().is_none() {
        image.words(" is used by its name, as its stream asks.")
    } else if let Some(item) = moved.moves_back_to() {
        image
            .words(" moves **BACK** to an image that was here before, first seen ")
            .time(&item.created)
            .words(".")
    } else if moved.is_first_pin() {
        image.words(" is pinned for the first time.")
    } else if moved.previous.as_ref() == moved.digest() {
        image.words(" stands as recorded, and files are behind.")
    } else {
        image.words(" now points to another image.")
    };
    let what = match &moved.copy {
        Some(copy) => what
            .words(" It is copied to ")
            .code(Foreign::name(&copy.to_string()))
            .words("."),
        None => what,
    };
    what.words(" This pull request pins it for ")
        .then(destination(std::slice::from_ref(moved), inputs))
}

/// `**dev** on `main` (2 fields in 2 files).`
pub fn destination(moves: &[Move], inputs: &BodyInputs<'_>) -> Inline {
    let fields: usize = moves.iter().map(|moved| moved.fields.len()).sum();
    let place = Inline::new()
        .bold(Inline::new().environment(inputs.environment))
        .words(" on ")
        .code(Foreign::name(inputs.base.as_str()));
    if fields == 0 {
        return place.words(" in the stream's record; no field follows it.");
    }
    let files: BTreeSet<_> = moves
        .iter()
        .flat_map(|moved| &moved.fields)
        .map(|field| &field.trigger.target.document.file)
        .collect();
    place
        .words(" (")
        .count(fields, "field", "fields")
        .words(" in ")
        .count(files.len(), "file", "files")
        .words(").")
}

pub fn push_comparison(document: &mut Document, moved: &Move, finding: Option<&Finding<'_>>) {
    let Some(digest) = moved.digest() else { return };
    let rows = finding.map(Finding::rows).unwrap_or_default();
    let linked = |row: &Row, cell: Inline| match row.link.clone() {
        Some(link) => cell.words(", ").link("compare", link),
        None => cell,
    };
    let previous = moved
        .previous
        .as_ref()
        .filter(|previous| *previous != digest);
    let Some(previous) = previous else {
        let mut table = vec![vec![Inline::of("digest"), Inline::new().digest(digest)]];
        table.extend(
            rows.into_iter()
                .map(|row| vec![Inline::of(row.name), row.after]),
        );
        document.table(vec![Inline::new(), Inline::of("image")], table);
        return;
    };
    let mut table = vec![vec![
        Inline::of("digest"),
        Inline::new().digest(previous),
        Inline::new().digest(digest),
    ]];
    table.extend(rows.iter().map(|row| {
        let after = linked(row, or_same(row));
        vec![Inline::of(row.name), row.before.clone(), after]
    }));
    let head = vec![Inline::new(), Inline::of("before"), Inline::of("after")];
    document.table(head, table);
}

pub fn cause_line(finding: &Finding<'_>) -> Inline {
    let line = Inline::of("**Cause:** ")
        .words(finding.cause.class.words())
        .words(": ")
        .then(finding.cause.reason.clone())
        .words(".");
    match (finding.contract_count(), finding.cause.class) {
        (0, _) => line,
        (count, Class::ConfigurationOnly) => line
            .words(" ")
            .count(count, "change is", "changes are")
            .words(" listed below."),
        (count, _) => line
            .words(" Its run-time contract has ")
            .count(count, "change", "changes")
            .words(", listed below."),
    }
}

fn why_now(moved: &Move, inputs: &BodyInputs<'_>) -> Inline {
    let seen = (inputs.seen)(moved);
    let line = Inline::of("**Why now:** ");
    let line = if moved.moves_back_to().is_some() {
        line.words("somebody moved the tag back; seen ")
    } else if moved.is_first_pin() {
        line.words("a stream follows it now; first seen ")
    } else if moved.previous.as_ref() == moved.digest() {
        line.words("a field was found behind its stream; seen ")
    } else {
        line.words("the tag moved; first seen ")
    };
    line.time(&seen).words(".")
}

fn undo(moved: &Move) -> Inline {
    let line = Inline::of("**Undo:** revert the merge, with the forge's button or `git revert`; ");
    let line = line.then(stream_tag(moved));
    match &moved.previous {
        Some(previous) if Some(previous) != moved.digest() => line
            .words(" then stays at ")
            .digest(previous)
            .words(" until the tag moves on."),
        _ => line.words(" is then left as it was until the tag moves on."),
    }
}

pub fn several(document: &mut Document, findings: &[Finding<'_>], inputs: &BodyInputs<'_>) {
    let moves = inputs.moves;
    let intro = Inline::new().count(moves.len(), "image moves", "images move");
    let intro = if moves.iter().all(Move::is_first_pin) {
        Inline::new()
            .count(moves.len(), "image is", "images are")
            .words(" pinned for the first time")
    } else {
        intro
    };
    let intro = intro
        .words(". This pull request pins them for ")
        .then(destination(moves, inputs));
    document.paragraph(match copied(moves) {
        Some(copied) => intro.words(" ").then(copied),
        None => intro,
    });
    let mut lines = dangers(findings, moves);
    if !findings.is_empty() {
        lines.push(causes(findings));
    }
    lines.push(seen_between(inputs));
    lines.extend(gates::line(inputs.gates));
    lines.push(Inline::of(
        "**Undo:** revert the merge, with the forge's button or `git revert`; each digest then \
         stays out until its tag moves on.",
    ));
    lines.extend(inputs.notes.iter().take(MOST_NOTES).cloned());
    document.list(lines);
    let head = ["image", "before", "after", "source", "cause"];
    let rows = moves.iter().take(MOST_ROWS).map(|moved| {
        let finding = findings
            .iter()
            .find(|finding| finding.moved.tag == moved.tag);
        row_of(moved, finding)
    });
    document.table(head.map(Inline::of).to_vec(), rows.collect());
    push_more(document, moves.len());
}

/// How many fields name copies, and in which registry.
fn copied(moves: &[Move]) -> Option<Inline> {
    let copies: Vec<_> = moves
        .iter()
        .filter_map(|moved| moved.copy.as_ref())
        .collect();
    let host = copies.first()?.repository.endpoint().host;
    let line = Inline::new()
        .count(copies.len(), "image is", "images are")
        .words(" copied to ")
        .code(Foreign::name(&host));
    Some(line.words("."))
}

/// Says how many there are beyond a table's rows.
pub fn push_more(document: &mut Document, count: usize) {
    if count > MOST_ROWS {
        let more = Inline::of("And ").number(count - MOST_ROWS).words(" more.");
        document.paragraph(more);
    }
}

/// What a glance must not miss.
pub fn dangers(findings: &[Finding<'_>], moves: &[Move]) -> Vec<Inline> {
    const MOST: usize = 5;
    let mut lines = Vec::new();
    let losers = findings.iter().filter_map(|finding| {
        let lost = finding.lost_platforms()?;
        Some(stream_tag(finding.moved).words(" (").then(lost).words(")"))
    });
    let losers: Vec<Inline> = losers.collect();
    if !losers.is_empty() {
        lines.push(
            Inline::of("**Platforms lost:** ")
                .list(losers, MOST)
                .words("."),
        );
    }
    let back: Vec<Inline> = moves
        .iter()
        .filter(|moved| moved.moves_back_to().is_some())
        .map(stream_tag)
        .collect();
    if !back.is_empty() {
        lines.push(
            Inline::of("**Moved BACK** to an earlier image: ")
                .list(back, MOST)
                .words("."),
        );
    }
    lines
}

pub fn causes(findings: &[Finding<'_>]) -> Inline {
    let classes: BTreeSet<Class> = findings.iter().map(|finding| finding.cause.class).collect();
    let parts = classes.into_iter().map(|class| {
        let count = findings
            .iter()
            .filter(|finding| finding.cause.class == class)
            .count();
        Inline::of(class.words())
            .words(" (")
            .number(count)
            .words(")")
    });
    let line = Inline::of("**Cause:** ").list(parts, usize::MAX).words(".");
    let changed = findings
        .iter()
        .filter(|finding| finding.contract_count() > 0)
        .count();
    match changed {
        0 => line,
        count => line
            .words(" The run-time contract of ")
            .count(count, "image changes", "images changes")
            .words(", listed below."),
    }
}

fn seen_between(inputs: &BodyInputs<'_>) -> Inline {
    let times: BTreeSet<String> = inputs
        .moves
        .iter()
        .map(|moved| (inputs.seen)(moved))
        .collect();
    let line = Inline::of("**Why now:** tags moved; first seen ");
    match (times.first(), times.last()) {
        (Some(first), Some(last)) if first != last => {
            line.time(first).words(" to ").time(last).words(".")
        }
        (Some(only), _) => line.time(only).words("."),
        _ => line.words("at an unknown time."),
    }
}

pub fn row_of(moved: &Move, finding: Option<&Finding<'_>>) -> Vec<Inline> {
    let previous = moved
        .previous
        .as_ref()
        .filter(|previous| Some(*previous) != moved.digest());
    let before = match previous {
        Some(previous) => Inline::new().digest(previous),
        None if moved.is_first_pin() => Inline::of("none"),
        None => Inline::of("same"),
    };
    let after = match moved.digest() {
        Some(digest) if moved.moves_back_to().is_some() => {
            Inline::new().digest(digest).words(" **(back)**")
        }
        Some(digest) => Inline::new().digest(digest),
        None => Inline::of("its name"),
    };
    let rows = finding.map(Finding::rows).unwrap_or_default();
    let source = rows.into_iter().find(|row| row.name == "source");
    let source = match source {
        Some(row) => match (row.link.clone(), moved.is_first_pin()) {
            (Some(link), _) => row
                .before
                .words(" → ")
                .then(row.after)
                .words(", ")
                .link("compare", link),
            (None, true) => row.after,
            (None, false) if row.before == row.after => row.after,
            (None, false) => row.before.words(" → ").then(row.after),
        },
        None => Inline::of("not known"),
    };
    let class = finding.map(|finding| finding.cause.class);
    let class = class.or_else(|| plain_class(moved));
    let cause = class.map_or("not looked at", Class::words);
    vec![stream_tag(moved), before, after, source, Inline::of(cause)]
}

/// The image as it is followed, without its digest.
fn followed(moved: &Move) -> Inline {
    let image = crate::image::Reference {
        digest: None,
        ..moved.image.clone()
    };
    Inline::of_code(Foreign::name(&image.to_string()))
}

pub fn stream_tag(moved: &Move) -> Inline {
    Inline::of_code(Foreign::name(&moved.tag.to_string()))
}
