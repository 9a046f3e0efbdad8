//! Adopting a repository as it is: streams for the images that it uses, and a link behind each
//! use.
//!
//! | step | by |
//! |---|---|
//! | which images can be followed, and why the others cannot | `uses` |
//! | one stream for each image repository and namespace, old or new | `streams` |
//! | a marker behind each use, or an annotation where no comment can stand | `links` |
//! | `headwater.yaml` and a CI job | `scaffold` |
//! | what was planned is read again before it is written | [`check()`] |

mod check;
mod links;
mod scaffold;
mod streams;
#[cfg(test)]
mod tests;
mod uses;

pub use check::check;
pub use scaffold::Ci;
pub(crate) use streams::new_stream_manifest;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::Manifests;
use crate::problem::{Place, Problem};
use crate::snapshot::{FileChange, FilePath, Files};
use crate::stream::{DocumentAddress, StreamTagName};

/// What an adoption is planned from.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// One for each environment of the work tree.
    pub manifests: &'a [Manifests],
    pub files: &'a Files,
    /// Where new streams are put; empty means the root.
    pub folder: &'a str,
    /// The CI system that a job is written for.
    pub ci: Option<Ci>,
}

/// Everything that is to be written, and what is left as it is.
#[derive(Debug, Default)]
pub struct Adoption {
    /// Streams that are new or get new tags, by name.
    pub streams: Vec<AdoptedStream>,
    pub uses: Vec<Use>,
    /// How many images a trigger keeps already.
    pub followed: usize,
    /// How many images are left as they are, with a reason among the problems.
    pub left: usize,
    /// Each file once; those that are new have an empty `before`.
    pub changes: Vec<FileChange>,
    pub problems: Vec<Problem>,
}

/// A stream, and what is added to it.
#[derive(Debug)]
pub struct AdoptedStream {
    pub file: FilePath,
    /// `namespace/name`
    pub name: String,
    pub is_new: bool,
    /// The tags that are added.
    pub tags: Vec<String>,
}

/// An image field that gets a link.
#[derive(Debug)]
pub struct Use {
    pub document: DocumentAddress,
    /// Its address, as text.
    pub field: String,
    pub place: Place,
    pub from: StreamTagName,
    pub link: Link,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Marker,
    Annotation,
}

/// Plans the adoption of all that can be adopted.
pub fn adopt(inputs: &Inputs<'_>) -> Adoption {
    let mut adoption = Adoption::default();
    let found = uses::find(inputs.manifests, inputs.files, &mut adoption);
    let named = streams::name(&found, inputs.manifests, &mut adoption.problems);
    adoption.left += found.len() - named.uses.len();
    let mut edited = BTreeMap::new();
    links::add(&named, inputs.files, &mut edited, &mut adoption);
    streams::write(&named, inputs, &mut edited, &mut adoption);
    scaffold::write(inputs, &mut edited, &mut adoption.problems);
    adoption.changes = changes(inputs.files, edited);
    adoption.problems.sort();
    adoption.problems.dedup();
    adoption
}

/// Files by their new content.
type Edited = BTreeMap<FilePath, Vec<u8>>;

fn changes(files: &Files, edited: Edited) -> Vec<FileChange> {
    edited
        .into_iter()
        .map(|(path, after)| FileChange {
            before: files.get(&path).map_or_else(|| Arc::from([]), Arc::clone),
            path,
            after: after.into(),
        })
        .filter(|change| change.before != change.after)
        .collect()
}
