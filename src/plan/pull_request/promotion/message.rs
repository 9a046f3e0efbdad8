//! What a commit message says of a promotion: the same as the body of a pull request, without what
//! changes while it waits to be merged.
//!
//! Text of others stands in indented lines only.

use crate::environment::{Carry, EnvironmentName};
use crate::gate::GateFinding;
use crate::plan::due::Move;
use crate::plan::message::{MAX_ROWS, push_line, push_more, push_paragraph};
use crate::plan::promotion::{Newer, Promotion};
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::gates;
use crate::plan::pull_request::markdown::Inline;
use crate::plan::pull_request::promotion::{amount, same_bytes, undo};

/// Above the images.
pub fn push_introduction(text: &mut String, promotion: &Promotion, here: &EnvironmentName) {
    let line = Inline::of("Brings what ")
        .environment(&promotion.from)
        .words(" runs at ")
        .code(Foreign::name(&promotion.commit.to_string()))
        .words(", there since ")
        .at(promotion.entered)
        .words(", to ")
        .environment(here);
    let amount = amount(&promotion.configuration);
    let line = match (promotion.carry, amount.is_empty()) {
        (Carry::Merge, true) => line.words(". No configuration comes along (carry: merge)."),
        (Carry::Merge, false) => line
            .words(". Configuration comes along (carry: merge): ")
            .then(amount)
            .words("."),
        (Carry::Pins, _) => line.words(". Nothing but images comes along (carry: pins)."),
    };
    push_paragraph(text, &line.plain());
}

/// Which stream tag of the source an image comes from, where it has another name, and since when
/// the source runs it.
pub fn push_since(text: &mut String, promotion: &Promotion, moved: &Move) {
    let source = &promotion.from;
    if let Some(tag) = moved.promoted_from.as_ref().map(|source| &source.tag)
        && *tag != moved.tag
    {
        let tag = Foreign::cut(&tag.to_string(), 300).bare();
        push_line(text, "as", &format!("{tag} in {source}"));
    }
    let since = match promotion.in_source_since.get(&moved.tag) {
        Some(since) => format!("{since} in {source}"),
        None => format!("not known in {source}"),
    };
    push_line(text, "since", &since);
}

/// What gates say that choose what is proposed. Those that hold the merge change while it waits,
/// and stand in the pull request alone.
pub fn push_gates(text: &mut String, findings: &[GateFinding]) {
    let mut findings = findings
        .iter()
        .filter(|finding| !finding.gate.holds_merge())
        .peekable();
    if findings.peek().is_none() {
        return;
    }
    text.push_str("Gates:\n");
    for finding in findings.take(gates::MOST) {
        push_finding(text, finding);
    }
    text.push('\n');
}

fn push_finding(text: &mut String, finding: &GateFinding) {
    let (verdict, rest) = gates::plain(finding);
    push_line(text, verdict, &rest);
}

/// Below the images.
pub fn push_background(text: &mut String, promotion: &Promotion, moves: &[Move]) {
    if let Some(line) = same_bytes(promotion, moves) {
        push_paragraph(text, &format!("Same bytes: {}.", line.plain()));
    }
    push_configuration(text, promotion);
    push_lost(text, promotion);
    if let Some(newer) = &promotion.newer {
        push_newer(text, newer, &promotion.from);
    }
}

fn push_configuration(text: &mut String, promotion: &Promotion) {
    let configuration = &promotion.configuration;
    if amount(configuration).is_empty() {
        return;
    }
    text.push_str(match promotion.carry {
        Carry::Merge => "Configuration that comes along:\n",
        Carry::Pins => "Configuration that differs and does not come along:\n",
    });
    for commit in configuration.commits.iter().take(MAX_ROWS) {
        let (subject, author) = (Foreign::new(&commit.subject), Foreign::name(&commit.author));
        let line = format!("{} ({})", subject.bare(), author.bare());
        push_line(text, &commit.commit.short(), &line);
    }
    let shown = configuration.commits.len().min(MAX_ROWS);
    push_more(
        text,
        configuration.commit_count.saturating_sub(shown),
        "commit",
    );
    for path in configuration.paths.iter().take(MAX_ROWS) {
        push_line(text, "file", &Foreign::cut(path.as_str(), 300).bare());
    }
    push_more(
        text,
        configuration.paths.len().saturating_sub(MAX_ROWS),
        "file",
    );
    text.push('\n');
}

fn push_lost(text: &mut String, promotion: &Promotion) {
    if promotion.lost.is_empty() {
        return;
    }
    text.push_str("Taken out before, and not coming back:\n");
    for lost in promotion.lost.iter().take(MAX_ROWS) {
        let line = Inline::of_code(Foreign::cut(lost.path.as_str(), 300))
            .words(" by ")
            .commit(lost.commit)
            .words(" of ")
            .code(Foreign::name(&lost.author))
            .words(", ")
            .at(lost.time);
        push_line(text, "file", &line.plain());
    }
    push_more(text, promotion.lost.len().saturating_sub(MAX_ROWS), "file");
    text.push('\n');
}

/// As it was when the commit was made.
fn push_newer(text: &mut String, newer: &Newer, source: &EnvironmentName) {
    text.push_str(&format!("Newer in {source}, and not taken:\n"));
    push_line(text, "commit", &newer.commit.to_string());
    let mut findings = newer.findings.iter().take(gates::MOST).peekable();
    if findings.peek().is_none() {
        push_line(
            text,
            "why",
            "the one that is proposed has an approval, or waits for its window",
        );
    }
    for finding in findings {
        push_finding(text, finding);
    }
    text.push('\n');
}

/// The last paragraph before the trailers.
pub fn push_undo(text: &mut String, promotion: &Promotion, moves: &[Move], here: &EnvironmentName) {
    let undo = undo(promotion, moves, here).plain();
    push_paragraph(
        text,
        &format!(
            "To undo this, revert the commit that merges it (with `-m 1`, where it is a merge).{undo} \
             A commit of your own on this branch stops its updates."
        ),
    );
}
