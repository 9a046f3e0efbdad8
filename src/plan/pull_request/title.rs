//! The title of a pull request, which is the subject of its commit.

use jiff::Timestamp;

use crate::environment::EnvironmentName;
use crate::image::Digest;
use crate::plan::due::Move;
use crate::plan::promotion::Promotion;
use crate::plan::pull_request::cause::Class;
use crate::plan::pull_request::finding::Finding;
use crate::plan::pull_request::foreign::{is_unseen, without_github_keys};
use crate::plan::pull_request::promotion;

pub const MOST: usize = 72;
/// A name that would be cut shorter for the cause is more to people than the cause.
pub const LEAST_NAME: usize = 24;

/// At most 72 characters, with the digest where there is one image, and the cause where it is
/// known and fits. A name brings nothing with it that a forge acts on: `[skip ci]`, `@all`, `#1`.
pub fn title(
    moves: &[Move],
    environment: &EnvironmentName,
    promotion: Option<&Promotion>,
    findings: &[Finding<'_>],
) -> String {
    let cause = cause_words(findings);
    if let Some(promotion) = promotion {
        return promotion::title(promotion, moves, environment, &cause);
    }
    let title = match moves {
        [moved] => one(moved, environment, &cause),
        _ => {
            let count = moves.len();
            if moves.iter().all(Move::is_first_pin) {
                format!("pin {count} images for the first time in {environment}")
            } else {
                let start = format!("pin {count} images in {environment}");
                let endings = [cause.as_str(), " (several causes)"];
                let fits = |ending: &&str| (start.chars().count() + ending.chars().count()) <= MOST;
                let ending = endings.into_iter().find(fits).unwrap_or_default();
                format!("{start}{ending}")
            }
        }
    };
    title.chars().take(MOST).collect()
}

fn one(moved: &Move, environment: &EnvironmentName, cause: &str) -> String {
    let digest = moved.digest().map_or("its name", shorter);
    // What a rule chose is what people know the image by.
    let selected = moved.record.as_ref().and_then(|record| record.selected());
    let digest = match selected {
        Some(tag) => format!("{} ({digest})", harmless(tag)),
        None => digest.to_owned(),
    };
    let (verb, ending) = match moved.moves_back_to() {
        None => ("pin", format!(" to {digest} in {environment}")),
        Some(item) => {
            let since = match item.created.parse::<Timestamp>() {
                Ok(time) => format!(" (first seen {})", time.strftime("%Y-%m-%d")),
                Err(_) => String::new(),
            };
            ("move", format!(" BACK to {digest} in {environment}{since}"))
        }
    };
    let cause = if verb == "pin" { cause } else { "" };
    let tag = harmless(&moved.tag.to_string());
    let room = |ending: &str| MOST.saturating_sub(ending.chars().count() + verb.len() + 1);
    let with_cause = format!("{ending}{cause}");
    let is_roomy = room(&with_cause) >= tag.chars().count().min(LEAST_NAME);
    let ending = if is_roomy { with_cause } else { ending };
    format!("{verb} {}{ending}", end_of(&tag, room(&ending)))
}

/// ` (source changed)`, ` (3 source changed, 2 rebuild)`, or nothing.
fn cause_words(findings: &[Finding<'_>]) -> String {
    let mut counts: Vec<(Class, usize)> = Vec::new();
    for finding in findings {
        let class = finding.cause.class;
        match counts.iter_mut().find(|(known, _)| *known == class) {
            Some((_, count)) => *count += 1,
            None => counts.push((class, 1)),
        }
    }
    counts.sort_unstable();
    match counts.as_slice() {
        [] => String::new(),
        [(class, _)] => format!(" ({})", class.in_title()),
        _ => {
            let parts: Vec<String> = counts
                .iter()
                .map(|(class, count)| format!("{count} {}", class.in_title()))
                .collect();
            format!(" ({})", parts.join(", "))
        }
    }
}

/// A name's end says more than its beginning.
pub fn end_of(name: &str, room: usize) -> String {
    let length = name.chars().count();
    if length <= room {
        return name.to_owned();
    }
    let rest = name
        .chars()
        .skip(length.saturating_sub(room.saturating_sub(1)));
    std::iter::once('…').chain(rest).collect()
}

/// What a name may bring into a title: letters, digits and the marks of image names, and those
/// not as `://` or `GH-1`.
pub fn harmless(name: &str) -> String {
    let mut safe = String::new();
    for character in name.chars().filter(|character| !is_unseen(*character)) {
        let is_mark = match character {
            '/' => !safe.ends_with('/'),
            _ => matches!(character, '.' | '_' | '-' | ':' | '+'),
        };
        let is_kept = character.is_alphanumeric() || is_mark;
        safe.push(if is_kept { character } else { '_' });
    }
    without_github_keys(&safe, "_")
}

pub fn shorter(digest: &Digest) -> &str {
    digest.encoded().get(..7).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_bring_nothing_that_acts() {
        for (name, expected) in [
            ("payments/api:1.8", "payments/api:1.8"),
            ("[skip ci]/x:1", "_skip_ci_/x:1"),
            ("@all/#1:\u{202e}x", "_all/_1:x"),
            ("https://x:gh-1", "https:/_x:gh_1"),
        ] {
            assert_eq!(harmless(name), expected);
        }
        assert_eq!(end_of("abcdef", 4), "…def");
        assert_eq!(end_of("abcd", 4), "abcd");
    }
}
