//! A bot commit's message: with no forge it is the pull request's body.

use std::fmt::Write as _;

use crate::environment::EnvironmentName;
use crate::image::Digest;
use crate::plan::due::Move;
use crate::plan::trailer;

const MAX_SUBJECT: usize = 72;
/// Files beyond this many are counted, not named; the commit itself shows them.
const MAX_ROWS: usize = 30;

/// Subject, body and trailers, without the plan's own trailer.
///
/// `seen` gives the time when each move's image was first proposed, RFC 3339.
pub fn message(
    moves: &[Move],
    environment: &EnvironmentName,
    seen: &dyn Fn(&Move) -> String,
) -> String {
    let mut text = subject(moves, environment);
    text.push_str("\n\n");
    for moved in moves.iter().take(MAX_ROWS) {
        push_move(&mut text, moved, &seen(moved));
    }
    if moves.len() > MAX_ROWS {
        let _ = writeln!(text, "And {} more, named below.\n", moves.len() - MAX_ROWS);
    }
    push_files(&mut text, moves);
    text.push_str(
        "To undo this, revert the commit that merges it: the digest then stays out until the\n\
         tag moves on. A commit of your own on this branch stops its updates.\n",
    );
    push_trailers(&mut text, moves, environment);
    text
}

/// At most 72 characters, with the digest where there is one image.
pub fn subject(moves: &[Move], environment: &EnvironmentName) -> String {
    let all_first = moves.iter().all(Move::is_first_pin);
    let count = moves.len();
    let subject = match moves {
        [moved] => {
            let digest = moved.digest().map_or("its name", shorter);
            // What a rule chose is what people know the image by.
            let selected = moved.record.as_ref().and_then(|record| record.selected());
            let digest = match selected {
                Some(tag) => format!("{} ({digest})", plain(tag)),
                None => digest.to_owned(),
            };
            let tag = plain(&moved.tag.to_string());
            let (verb, ending) = match moved.moves_back_to() {
                None => ("pin", format!(" to {digest} in {environment}")),
                Some(item) => {
                    let day = item.created.split('T').next().unwrap_or_default();
                    let since = format!("first seen {}", plain(day));
                    let ending = format!(" BACK to {digest} in {environment} ({since})");
                    ("move", ending)
                }
            };
            let room = MAX_SUBJECT.saturating_sub(ending.chars().count() + verb.len() + 1);
            let tag: String = if tag.chars().count() > room {
                let end: Vec<char> = tag.chars().rev().take(room.saturating_sub(1)).collect();
                std::iter::once('…').chain(end.into_iter().rev()).collect()
            } else {
                tag
            };
            format!("{verb} {tag}{ending}")
        }
        _ if all_first => format!("pin {count} images for the first time in {environment}"),
        _ => format!("pin {count} images in {environment}"),
    };
    subject.chars().take(MAX_SUBJECT).collect()
}

fn push_move(text: &mut String, moved: &Move, seen: &str) {
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
    let _ = writeln!(text, "  seen    {}", plain(seen));
    if let Some(item) = moved.moves_back_to() {
        let _ = writeln!(
            text,
            "  back    it was here before, first seen {}: the tag moves BACK to it",
            plain(&item.created)
        );
    }
    text.push('\n');
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

fn push_trailers(text: &mut String, moves: &[Move], environment: &EnvironmentName) {
    text.push('\n');
    for moved in moves {
        let _ = writeln!(
            text,
            "{}: {}",
            trailer::IMAGE_STREAM,
            plain(&moved.tag.to_string())
        );
        let _ = writeln!(text, "{}: {}", trailer::IMAGE, moved.image);
        if let Some(previous) = &moved.previous
            && Some(previous) != moved.digest()
        {
            let _ = writeln!(text, "{}: {previous}", trailer::IMAGE_PREVIOUS);
        }
    }
    let _ = writeln!(text, "{}: {environment}", trailer::ENVIRONMENT);
}

fn shorter(digest: &Digest) -> &str {
    digest.encoded().get(..7).unwrap_or_default()
}

/// One short line, whatever the manifest says: no text of ours may be forged by a name.
fn plain(text: &str) -> String {
    crate::plain::plain(text).chars().take(300).collect()
}
