//! A bot commit's message: with no forge it is the pull request's body.

use std::fmt::Write as _;

use crate::environment::EnvironmentName;
use crate::gate::GateFinding;
use crate::plan::due::Move;
use crate::plan::promotion::Promotion;
use crate::plan::pull_request::finding::{Finding, Row};
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::origin::Origin;
use crate::plan::pull_request::title::title;
use crate::plan::pull_request::{Facts, KnownForge, promotion};
use crate::plan::trailer;

/// Columns of a line, where its words allow it.
const WIDTH: usize = 72;
/// Where the second column begins.
const INDENT: usize = 10;
/// Files beyond this many are counted, not named; the commit itself shows them.
pub const MAX_ROWS: usize = 30;
/// Parts of the run-time contract that are told of one image, and of each of several.
const MAX_CONTRACT: usize = 15;
const MAX_CONTRACT_EACH: usize = 3;

/// What is told of the images beside their names.
#[derive(Clone, Copy, Debug)]
pub struct Background<'a> {
    pub facts: &'a Facts,
    pub forges: &'a [KnownForge],
    /// Where they come from another environment.
    pub promotion: Option<&'a Promotion>,
    /// What the environment's gates say; those that hold the merge are not told.
    pub gates: &'a [GateFinding],
}

/// Subject, body and trailers, without the plan's own trailer.
///
/// `seen` gives the time when each move's image was first proposed, RFC 3339.
pub fn message(
    moves: &[Move],
    environment: &EnvironmentName,
    background: Background<'_>,
    seen: &dyn Fn(&Move) -> String,
) -> String {
    let Background {
        facts,
        forges,
        promotion,
        gates,
    } = background;
    let findings = Finding::all(moves, facts, forges, gates);
    let mut text = title(moves, environment, promotion, &findings);
    text.push_str("\n\n");
    if let Some(promotion) = promotion {
        promotion::push_introduction(&mut text, promotion, environment);
    }
    for moved in moves.iter().take(MAX_ROWS) {
        push_names(&mut text, moved);
        match promotion {
            Some(promotion) => promotion::push_since(&mut text, promotion, moved),
            None => push_line(&mut text, "seen", &plain(&seen(moved))),
        }
        push_back(&mut text, moved);
        if let Some(finding) = findings
            .iter()
            .find(|finding| finding.moved.tag == moved.tag)
        {
            push_finding(&mut text, finding, moves.len() == 1);
        }
        text.push('\n');
    }
    if moves.len() > MAX_ROWS {
        let _ = writeln!(text, "And {} more, named below.\n", moves.len() - MAX_ROWS);
    }
    promotion::push_gates(&mut text, gates);
    if let Some(promotion) = promotion {
        promotion::push_background(&mut text, promotion, moves);
    }
    push_files(&mut text, moves);
    match promotion {
        Some(promotion) => promotion::push_undo(&mut text, promotion, moves, environment),
        None => text.push_str(
            "To undo this, revert the commit that merges it: the digest then stays out until the\n\
             tag moves on. A commit of your own on this branch stops its updates.\n\n",
        ),
    }
    text + &trailers(moves, environment, facts, promotion)
}

fn push_names(text: &mut String, moved: &Move) {
    let image = crate::image::Reference {
        digest: None,
        ..moved.image.clone()
    };
    let _ = writeln!(text, "{image}");
    let _ = writeln!(text, "  stream  {}", plain(&moved.tag.to_string()));
    match &moved.previous {
        Some(previous) if Some(previous) == moved.digest() => {}
        Some(previous) => {
            let _ = writeln!(text, "  from    {previous}");
        }
        None => {
            let _ = writeln!(text, "  from    no digest (first pin)");
        }
    }
    let _ = match moved.digest() {
        Some(digest) => writeln!(text, "  to      {digest}"),
        None => writeln!(text, "  to      the name as written (`reference: true`)"),
    };
    if let Some(copy) = &moved.copy {
        let _ = writeln!(text, "  copy    {copy}");
    }
}

fn push_back(text: &mut String, moved: &Move) {
    if let Some(item) = moved.moves_back_to() {
        let _ = writeln!(
            text,
            "  back    it was here before, first seen {}: the tag moves BACK to it",
            plain(&item.created)
        );
    }
}

/// The same facts as in a pull request's body.
fn push_finding(text: &mut String, finding: &Finding<'_>, is_one: bool) {
    let cause = &finding.cause;
    let line = format!("{}: {}", cause.class.words(), cause.reason.plain());
    push_line(text, "cause", &line);
    if let Some(link) = &finding.comparison {
        // Alone on its line, so that nothing is taken for a part of it.
        let _ = writeln!(text, "{:INDENT$}{}", "", link.as_str());
    }
    if let Some(lost) = finding.lost_platforms() {
        push_line(
            text,
            "LOST",
            &format!("{}: it no longer runs there", lost.plain()),
        );
    }
    for row in finding.rows() {
        push_row(text, &row, finding.moved.is_first_pin());
    }
    let most = if is_one {
        MAX_CONTRACT
    } else {
        MAX_CONTRACT_EACH
    };
    let contract = finding.contract.iter().filter(|change| !change.is_label());
    for change in contract.take(most) {
        let (name, before) = (change.title().plain(), change.before.plain());
        push_line(
            text,
            "run",
            &format!("{name}: {before} -> {}", change.after.plain()),
        );
    }
    let count = finding.contract_count();
    if count > most {
        push_line(text, "run", &format!("and {} more changes", count - most));
    }
}

fn push_row(text: &mut String, row: &Row, is_first: bool) {
    // Seven letters, as the lines above have them.
    let name = match row.name {
        "base image" => "base",
        "platforms" => "runs on",
        "signature" => "signed",
        name => name,
    };
    let (before, after) = (row.before.plain(), row.after.plain());
    let line = if is_first || before == after {
        after
    } else {
        format!("{before} -> {after}")
    };
    push_line(text, name, &line);
}

/// A line in two columns; what does not fit goes on below, never at the beginning of a line.
pub fn push_line(text: &mut String, name: &str, content: &str) {
    let start = format!("  {name:<width$}", width = INDENT - 2);
    push_wrapped(text, start, INDENT, content);
}

/// Lines from the beginning, and an empty one: words of ours alone.
pub fn push_paragraph(text: &mut String, content: &str) {
    push_wrapped(text, String::new(), 0, content);
    text.push('\n');
}

/// Says how many there are beyond a list's rows.
pub fn push_more(text: &mut String, count: usize, what: &str) {
    let plural = if count == 1 { "" } else { "s" };
    if count > 0 {
        let _ = writeln!(text, "  and {count} more {what}{plural}");
    }
}

fn push_wrapped(text: &mut String, start: String, indent: usize, content: &str) {
    let mut line = start;
    let mut is_empty = true;
    for word in content.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{}", line.trim_end());
            line = " ".repeat(indent);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

fn push_files(text: &mut String, moves: &[Move]) {
    let mut lines: Vec<String> = Vec::new();
    for moved in moves {
        for field in &moved.fields {
            let target = &field.trigger.target;
            lines.push(format!(
                "  {}  {}",
                plain(target.document.file.as_str()),
                plain(&field.trigger.field_name())
            ));
        }
    }
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "Fields:");
    for line in lines.iter().take(MAX_ROWS) {
        let _ = writeln!(text, "{line}");
    }
    if lines.len() > MAX_ROWS {
        let _ = writeln!(text, "  and {} more", lines.len() - MAX_ROWS);
    }
    text.push('\n');
}

/// One a line, in the order in which [`trailer::named_images`] reads them.
pub fn trailers(
    moves: &[Move],
    environment: &EnvironmentName,
    facts: &Facts,
    promotion: Option<&Promotion>,
) -> String {
    let mut text = String::new();
    for moved in moves {
        let _ = writeln!(
            text,
            "{}: {}",
            trailer::IMAGE_STREAM,
            value(&moved.tag.to_string())
        );
        let _ = writeln!(text, "{}: {}", trailer::IMAGE, moved.image);
        if let Some(previous) = &moved.previous
            && Some(previous) != moved.digest()
        {
            let _ = writeln!(text, "{}: {previous}", trailer::IMAGE_PREVIOUS);
        }
    }
    let _ = writeln!(text, "{}: {environment}", trailer::ENVIRONMENT);
    if let Some(commit) = source_revision(moves, facts) {
        let _ = writeln!(text, "{}: {commit}", trailer::SOURCE_REVISION);
    }
    if let Some(promotion) = promotion {
        text.push_str(&promotion.promoted().trailers());
    }
    text
}

/// The commit that the one image was built from, by its own words.
fn source_revision(moves: &[Move], facts: &Facts) -> Option<String> {
    let [moved] = moves else { return None };
    let told = crate::plan::pull_request::facts::Told::of(moved, facts)?;
    Origin::of(&told.after?.description).commit()
}

/// One short line, whatever the manifest says: no text of ours may be forged by a name.
fn plain(text: &str) -> String {
    Foreign::cut(text, 300).bare()
}

/// As it is read back: no name that Kubernetes or a registry allows is changed.
fn value(text: &str) -> String {
    Foreign::cut(text, 300).as_str().trim().to_owned()
}
