//! Tag to digest, against real registries and hostile ones.

mod real;

use std::collections::{BTreeMap, BTreeSet};

use headwater::image::Reference;
use headwater::lookup::{Lookup, Wanted};
use headwater::stream::ImportMode;

/// A question about a reference as people write it.
fn lookup(reference: &str) -> Lookup {
    let reference: Reference = reference.parse().unwrap();
    Lookup {
        wanted: match (reference.digest, reference.tag) {
            (Some(digest), _) => Wanted::Digest(digest),
            (None, Some(tag)) => Wanted::Tag(tag),
            (None, None) => Wanted::Tag(headwater::image::Tag::latest()),
        },
        repository: reference.repository,
        import_mode: ImportMode::PreserveOriginal,
        platforms: Vec::new(),
        insecure: false,
        known: BTreeSet::new(),
        chosen: BTreeMap::new(),
    }
}
