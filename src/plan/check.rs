//! A second, independent reader of a finished proposal: it knows nothing of how it was made.

use std::collections::BTreeSet;

use crate::plan::due::Move;
use crate::snapshot::FileChange;

/// Why a proposal must not be applied.
///
/// Every digest that the files gain is one of the moves' digests, every move's digest is in some
/// file, and no file is emptied or written back unchanged.
pub fn fault(moves: &[Move], changes: &[FileChange]) -> Option<String> {
    let allowed: BTreeSet<String> = moves
        .iter()
        .flat_map(|moved| {
            let adopted = moved
                .record
                .iter()
                .flat_map(|record| record.before.iter().map(|item| item.image.clone()));
            moved
                .digest()
                .map(ToString::to_string)
                .into_iter()
                .chain(adopted)
        })
        .collect();
    let mut present = BTreeSet::new();
    for change in changes {
        if change.before == change.after || change.after.is_empty() {
            return Some(format!(
                "{} would be written without a change, or emptied",
                change.path
            ));
        }
        let before = digests(&change.before);
        let after = digests(&change.after);
        if let Some(stranger) = after
            .difference(&before)
            .find(|digest| !allowed.contains(*digest))
        {
            return Some(format!(
                "{} would gain {stranger}, which no move names",
                change.path
            ));
        }
        present.extend(after);
    }
    moves
        .iter()
        .filter(|moved| writes_a_digest(moved))
        .filter_map(Move::digest)
        .find(|digest| !present.contains(digest.as_str()))
        .map(|digest| format!("{digest} is to be pinned, and no file would hold it"))
}

/// A move of tag or name fields alone writes none.
fn writes_a_digest(moved: &Move) -> bool {
    moved.record.is_some()
        || moved
            .fields
            .iter()
            .any(|field| crate::plan::value::digest_in(&field.value).is_some())
}

/// Every `sha256:` and `sha512:` digest in a file, wherever it stands.
fn digests(bytes: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = BTreeSet::new();
    for (algorithm, length) in [("sha256:", 64), ("sha512:", 128)] {
        for (at, _) in text.match_indices(algorithm) {
            let end = at + algorithm.len() + length;
            if let Some(digest) = text.get(at..end)
                && digest.parse::<crate::image::Digest>().is_ok()
            {
                found.insert(digest.to_owned());
            }
        }
    }
    found
}
