//! Other tools' manifests become streams, markers and triggers. The originals stay, unless their
//! removal is asked for: a comment that marks a field is the one thing that is replaced.
//!
//! | step | by |
//! |---|---|
//! | every manifest of the files, with its place | `scan` |
//! | rules that choose a tag | `rule` |
//! | Flux: ImageRepository, ImagePolicy, setter markers | `flux` |
//! | argocd-image-updater: annotations, ImageUpdater | `argocd`, `argocd_target` |
//! | OpenShift: exported streams; its settings for imports | `openshift`, `settings` |
//! | new files, edited bytes | `write` |

mod argocd;
mod argocd_target;
mod flux;
mod openshift;
mod rule;
mod scan;
mod settings;
mod write;

use crate::plan::migrate::write::Work;
use crate::problem::{Place, Problem};
use crate::snapshot::{FileChange, FilePath, Files};
use crate::stream::ImageStream;

/// What a migration is planned from.
#[derive(Debug)]
pub struct Inputs<'a> {
    pub files: &'a Files,
    /// Those that are there already.
    pub streams: &'a [ImageStream],
    /// None stands for all of them.
    pub from: Option<Origin>,
    /// Where new files are put; empty means the root.
    pub folder: &'a str,
    /// For manifests that name none.
    pub namespace: &'a str,
    /// Whether what became something else is taken out.
    pub remove: bool,
}

/// Whose manifests are migrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Flux,
    Argocd,
    Openshift,
}

/// Everything that is to be written, and what has no counterpart.
#[derive(Debug, Default)]
pub struct Migration {
    pub became: Vec<Became>,
    /// Whether something stands beside what it became.
    pub leaves_originals: bool,
    /// Each file once; those that are new have an empty `before`.
    pub changes: Vec<FileChange>,
    pub problems: Vec<Problem>,
}

/// One thing, and what it became.
#[derive(Debug)]
pub struct Became {
    pub was: String,
    pub place: Place,
    pub is: String,
    pub file: FilePath,
}

/// Plans the migration of all that can be migrated.
pub fn migrate(inputs: &Inputs<'_>) -> Migration {
    let mut work = Work::new(inputs);
    let is_wanted = |origin| inputs.from.is_none_or(|from| from == origin);
    if is_wanted(Origin::Flux) {
        flux::migrate(&mut work);
    }
    if is_wanted(Origin::Argocd) {
        argocd::migrate(&mut work);
    }
    if is_wanted(Origin::Openshift) {
        openshift::migrate(&mut work);
        settings::migrate(&mut work);
    }
    work.finish()
}
