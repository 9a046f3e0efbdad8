use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::environment::Environment;
use crate::git;
use crate::manifest::Manifests;
use crate::namespace::current_namespace;
use crate::plan::migrate::{self, Inputs, Migration, Origin};
use crate::policy::OperatorPolicy;
use crate::problem::{Problem, Severity};
use crate::reconcile::desk::Desk;
use crate::snapshot::Files;

/// A migration of a work tree.
#[derive(Debug)]
pub struct Migrating {
    pub migration: Migration,
    /// Errors that the files have only after it: with any, nothing may be written.
    pub faults: Vec<Problem>,
}

/// What is migrated, and how.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// None stands for all of them.
    pub from: Option<Origin>,
    /// Where new files are put; empty means the root.
    pub folder: &'a str,
    /// Whether what became something else is taken out.
    pub remove: bool,
}

/// Plans the migration of `files`; `chosen` picks the environments that the work tree stands for.
pub fn migrate_in_place(
    files: &Files,
    chosen: &dyn Fn(&[Environment]) -> Vec<Environment>,
    operator: &OperatorPolicy,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Result<Migrating, git::Error> {
    let before = Desk::new(files.clone(), Vec::new(), chosen, None, operator);
    let manifests = before.manifests();
    let streams: Vec<_> = manifests
        .iter()
        .flat_map(|(_, Manifests { streams, .. })| streams.iter().cloned())
        .collect();
    let namespace = current_namespace(
        manifests.iter().map(|(environment, _)| *environment),
        streams.iter().map(|stream| &stream.name),
    );
    let migration = migrate::migrate(&Inputs {
        files,
        streams: &streams,
        from: wanted.from,
        folder: wanted.folder,
        namespace: &namespace,
        remove: wanted.remove,
    });
    let mut edited = files.clone();
    for change in &migration.changes {
        if change.after.is_empty() {
            edited.remove(&change.path);
        } else {
            edited.insert(change.path.clone(), change.after.clone());
        }
    }
    let after = Desk::new(edited, Vec::new(), chosen, None, operator);
    let known = errors(&before, now)?;
    let known: BTreeSet<&str> = known.iter().map(|it| it.message.as_str()).collect();
    let mut faults = errors(&after, now)?;
    // Lines move; what is said does not.
    faults.retain(|problem| !known.contains(problem.message.as_str()));
    Ok(Migrating { migration, faults })
}

fn errors(desk: &Desk<'_>, now: Timestamp) -> Result<Vec<Problem>, git::Error> {
    let mut found = desk.lint(now)?;
    found.retain(|problem| problem.severity == Severity::Error);
    Ok(found)
}
