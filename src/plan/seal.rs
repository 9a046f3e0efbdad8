//! `Headwater-Plan`: a hash of a commit's edits and message, by which the bot knows its own work.

use similar::{Algorithm, DiffTag};

use crate::image::Digest;
use crate::plan::trailer;
use crate::snapshot::FileChange;

/// Puts the trailer behind `message`, whose last paragraph is trailers.
pub fn seal(message: &str, changes: &[FileChange]) -> String {
    let message = message.trim_end();
    format!("{message}\n{}: {}\n", trailer::PLAN, hash(message, changes))
}

/// Whether `message` carries a plan trailer that recomputes from itself and the changes.
///
/// The hash is over the edits, not over whole files: a commit that is rebased onto another base
/// by the forge is still known.
pub fn is_sealed(message: &str, changes: &[FileChange]) -> bool {
    let message = message.trim_end();
    let Some((rest, last)) = message.rsplit_once('\n') else {
        return false;
    };
    last.split_once(": ")
        .is_some_and(|(key, value)| key == trailer::PLAN && value == hash(rest, changes))
}

fn hash(message: &str, changes: &[FileChange]) -> String {
    let mut text = b"headwater plan 1\n".to_vec();
    text.extend(message.trim_end().bytes());
    let mut changes: Vec<&FileChange> = changes.iter().collect();
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    for change in changes {
        text.extend(b"\n\0");
        text.extend(change.path.as_str().bytes());
        push_edits(&mut text, change);
    }
    Digest::of(&text).encoded().to_owned()
}

/// The removed and added lines, without their positions.
fn push_edits(text: &mut Vec<u8>, change: &FileChange) {
    let before: Vec<&[u8]> = change
        .before
        .split_inclusive(|byte| *byte == b'\n')
        .collect();
    let after: Vec<&[u8]> = change
        .after
        .split_inclusive(|byte| *byte == b'\n')
        .collect();
    for operation in similar::capture_diff_slices(Algorithm::Myers, &before, &after) {
        let (tag, old, new) = operation.as_tag_tuple();
        if tag == DiffTag::Equal {
            continue;
        }
        text.extend(b"\n\0");
        for (mark, lines) in [(b'-', before.get(old)), (b'+', after.get(new))] {
            for line in lines.into_iter().flatten() {
                text.push(mark);
                text.extend(*line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: &str, after: &str) -> FileChange {
        FileChange {
            path: "a.yaml".parse().unwrap(),
            before: before.as_bytes().into(),
            after: after.as_bytes().into(),
        }
    }

    #[test]
    fn a_seal_survives_another_base_and_nothing_else() {
        let changes = [change("a\nimage: x\nb\n", "a\nimage: y\nb\n")];
        let message = seal("pin\n\nEnvironment: dev", &changes);
        assert!(is_sealed(&message, &changes));
        let rebased = [change("new\na\nimage: x\nb\n", "new\na\nimage: y\nb\n")];
        assert!(is_sealed(&message, &rebased));

        let amended = [change("a\nimage: x\nb\n", "a\nimage: z\nb\n")];
        let more = [change("a\nimage: x\nb\n", "a\nimage: y\nb\nc\n")];
        assert!(
            !is_sealed(&message, &amended)
                && !is_sealed(&message, &more)
                && !is_sealed(&message, &[])
        );
        assert!(!is_sealed(&message.replace("pin", "pim"), &changes));
        assert!(!is_sealed("pin\n\nEnvironment: dev\n", &changes));
    }
}
