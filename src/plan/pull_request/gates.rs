//! What gates say of a change, in words. Their own phrases may hold names of others.

use jiff::Timestamp;

use crate::gate::{GateFinding, Verdict};
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::markdown::Inline;

/// Findings of one change that are told.
pub const MOST: usize = 12;

/// `**Gates:** ok soak (…) · **waits for windows** until …`, or nothing where none is asked for.
pub fn line(findings: &[GateFinding]) -> Option<Inline> {
    let (first, rest) = findings.split_first()?;
    let mut line = Inline::of("**Gates:** ").then(in_line(first));
    for finding in rest.iter().take(MOST - 1) {
        line = line.words(" · ").then(in_line(finding));
    }
    Some(match findings.len().checked_sub(MOST) {
        None | Some(0) => line,
        Some(more) => line.words(" · and ").number(more).words(" more"),
    })
}

/// One to a line; what is passed stands as it is, what is not in bold.
pub fn lines(findings: &[GateFinding]) -> impl Iterator<Item = Inline> {
    findings.iter().take(MOST).map(in_line)
}

fn in_line(finding: &GateFinding) -> Inline {
    let verdict = match finding.verdict {
        Verdict::Passed => "ok ",
        Verdict::Waits { .. } => "waits for ",
        Verdict::Failed => "failed ",
    };
    let state = Inline::of(verdict).words(finding.gate.name());
    let line = match finding.is_passed() {
        true => state,
        false => Inline::new().bold(state),
    };
    line.then(background(finding))
}

/// A word for the verdict, and the rest, for a commit message.
pub fn plain(finding: &GateFinding) -> (&'static str, String) {
    let verdict = match finding.verdict {
        Verdict::Passed => "ok",
        Verdict::Waits { .. } => "waits",
        Verdict::Failed => "failed",
    };
    let line = Inline::of(finding.gate.name()).then(background(finding));
    (verdict, line.plain())
}

/// Until when it waits, where its own phrase does not say so.
pub fn time_left_out(finding: &GateFinding) -> Option<Timestamp> {
    let until = finding.until()?;
    (!finding.told.contains(&until.to_string())).then_some(until)
}

/// Until when, and who or what is waited for or was found.
fn background(finding: &GateFinding) -> Inline {
    let line = match time_left_out(finding) {
        Some(until) => Inline::of(" until ").at(until),
        None => Inline::new(),
    };
    match finding.told.is_empty() {
        true => line,
        false => line
            .words(" (")
            .code(Foreign::new(&finding.told))
            .words(")"),
    }
}
