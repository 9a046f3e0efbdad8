//! A promotion by a merge: what is planned on the merged tree, and what comes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::environment::EnvironmentName;
use crate::plan::due::Due;
use crate::plan::history::Spot;
use crate::plan::hold::HoldsInForce;
use crate::plan::waiting::TakenBack;
use crate::problem::Problem;
use crate::resolve::TagState;
use crate::revision::{CommitId, TreeId};
use crate::snapshot::{FileChange, FilePath, Files};
use crate::stream::ImageStream;

/// What is planned from beside [`crate::plan::Inputs`], on the tree that a merge gave: there the
/// bot's bytes are those of the base still.
#[derive(Debug)]
pub struct CarriedPart<'a> {
    pub from: EnvironmentName,
    pub tree: CarriedTree,
    /// Against the base.
    pub changes: &'a [FileChange],
    pub streams: &'a [ImageStream],
    pub tags: &'a [TagState],
    pub due: Due,
    pub problems: Vec<Problem>,
    pub files: &'a Files,
    pub taken_back: &'a BTreeMap<Spot, TakenBack>,
    pub holds: &'a HoldsInForce,
}

/// The tree that a merge gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedTree {
    pub tree: TreeId,
    /// The source's commit, where the base has it not yet and gets all of it: the second parent.
    pub source: Option<CommitId>,
    /// The bot's own changes, against `tree`.
    pub edits: Vec<FileChange>,
}

/// `first` and then `second`, each file once; files that end as they began are left out.
pub fn composed(first: &[FileChange], second: &[FileChange]) -> Vec<FileChange> {
    let mut all: BTreeMap<&FilePath, FileChange> = first
        .iter()
        .map(|change| (&change.path, change.clone()))
        .collect();
    for change in second {
        all.entry(&change.path)
            .and_modify(|known| known.after = Arc::clone(&change.after))
            .or_insert_with(|| change.clone());
    }
    let changes = all.into_values();
    changes
        .filter(|change| change.before != change.after)
        .collect()
}
