//! Why an image is another one than before.
//!
//! The order of the questions: was anything pinned; is it another image; is the source another;
//! is what it is built on; are its layers; is its configuration. What the images do not say is
//! unknown, and nothing is guessed from it.

use crate::image::Description;
use crate::plan::due::Move;
use crate::plan::pull_request::contract::ContractChange;
use crate::plan::pull_request::facts::{LayerChange, Told};
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::markdown::Inline;
use crate::plan::pull_request::origin::{Named, Origin, is_same_revision};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub class: Class,
    /// One clause that says from what this is concluded.
    pub reason: Inline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    SourceChanged,
    SourceAndBase,
    BaseRebuilt,
    ConfigurationOnly,
    Rebuild,
    FirstPin,
    /// The image stands already; files are behind.
    FilesOnly,
    Unknown,
}

impl Class {
    pub fn words(self) -> &'static str {
        match self {
            Self::SourceChanged => "source changed",
            Self::SourceAndBase => "source and base changed",
            Self::BaseRebuilt => "base image rebuilt",
            Self::ConfigurationOnly => "configuration only",
            Self::Rebuild => "rebuild",
            Self::FirstPin => "first pin",
            Self::FilesOnly => "files only",
            Self::Unknown => "unknown",
        }
    }

    /// As the title says it.
    pub fn in_title(self) -> &'static str {
        match self {
            Self::SourceAndBase => "source + base",
            Self::BaseRebuilt => "base rebuilt",
            Self::Unknown => "cause unknown",
            _ => self.words(),
        }
    }

    /// The label of the pull request, behind `cause/`.
    pub fn label(self) -> &'static str {
        match self {
            Self::SourceChanged => "source-changed",
            Self::SourceAndBase => "source-and-base",
            Self::BaseRebuilt => "base-rebuilt",
            Self::ConfigurationOnly => "configuration-only",
            Self::Rebuild => "rebuild",
            Self::FirstPin => "first-pin",
            Self::FilesOnly => "files-only",
            Self::Unknown => "unknown",
        }
    }
}

/// What needs no facts.
pub fn plain_class(moved: &Move) -> Option<Class> {
    if moved.is_first_pin() {
        Some(Class::FirstPin)
    } else {
        (moved.previous.as_ref() == moved.digest()).then_some(Class::FilesOnly)
    }
}

pub fn cause(moved: &Move, told: &Told<'_>, contract: &[ContractChange]) -> Cause {
    if let Some(class) = plain_class(moved) {
        let reason = match class {
            Class::FirstPin => "nothing was pinned here before",
            _ => "the image is the one that is recorded, and files do not name it yet",
        };
        return Cause::new(class, reason);
    }
    let Some((before, after)) = told.both() else {
        let reason = match (told.before, told.after) {
            (Some(_), None) => "the registry did not describe the new image",
            (None, Some(_)) => "the registry did not describe the image that stood before",
            _ => "the registry described neither image",
        };
        return Cause::new(Class::Unknown, reason);
    };
    if let Some(cause) = one_of_an_index(before, after) {
        return cause;
    }
    let evidence = Evidence {
        before: Origin::of(before),
        after: Origin::of(after),
        layers: told.layers(),
        changes_contract: contract.iter().any(|change| !change.is_label()),
    };
    match (evidence.before.revision, evidence.after.revision) {
        (Some(old), Some(new)) if !is_same_revision(old.value, new.value) => {
            evidence.other_source(old, new)
        }
        (Some(old), Some(_)) => evidence.same_source(old),
        _ => evidence.no_source(),
    }
}

impl Cause {
    fn new(class: Class, reason: &'static str) -> Self {
        Self {
            class,
            reason: Inline::of(reason),
        }
    }

    fn with(class: Class, reason: Inline) -> Self {
        Self { class, reason }
    }
}

/// A pin that goes from one platform's image to the whole index that holds it, or back: the same
/// bytes (dependabot#8609).
fn one_of_an_index(before: &Description, after: &Description) -> Option<Cause> {
    let holds = |index: &Description, image: &Description| {
        let found = index.images.iter().find(|it| it.digest == image.digest)?;
        found.platform.clone()
    };
    let (platform, words) = match (holds(after, before), holds(before, after)) {
        (Some(platform), _) => (platform, "the image before is this index's own one for "),
        (None, Some(platform)) => (platform, "it is the image of the index before for "),
        (None, None) => return None,
    };
    let name = Foreign::name(&platform.to_string());
    Some(Cause::with(Class::Rebuild, Inline::of(words).code(name)))
}

struct Evidence<'a> {
    before: Origin<'a>,
    after: Origin<'a>,
    layers: Option<LayerChange>,
    changes_contract: bool,
}

impl Evidence<'_> {
    /// Whether the base image is another one, by the digests that both name.
    fn is_named_base_other(&self) -> Option<bool> {
        Some(self.before.base_digest? != self.after.base_digest?)
    }

    fn other_source(&self, old: Named<'_>, new: Named<'_>) -> Cause {
        let reason = Inline::of("the source revision went from ")
            .code(short(old.value))
            .words(" to ")
            .code(short(new.value))
            .words(" (")
            .code(Foreign::name(new.key))
            .words(")");
        match self.is_named_base_other() {
            Some(true) => Cause::with(
                Class::SourceAndBase,
                reason.words(", and the base image is another"),
            ),
            Some(false) => Cause::with(
                Class::SourceChanged,
                reason.words("; the base image is the same"),
            ),
            None if self.layers.is_some_and(|layers| layers.is_same) => {
                Cause::with(Class::SourceChanged, reason.words("; no layer changed"))
            }
            None => Cause::with(Class::SourceChanged, reason),
        }
    }

    fn same_source(&self, revision: Named<'_>) -> Cause {
        let same = Inline::of("the source revision ")
            .code(short(revision.value))
            .words(" is the same");
        match (self.is_named_base_other(), self.layers) {
            (Some(true), _) => Cause::with(
                Class::BaseRebuilt,
                same.words(", and the base image's digest is another"),
            ),
            (None, Some(layers)) if layers.is_lowest_same == Some(false) => Cause::with(
                Class::BaseRebuilt,
                same.words(", and the lowest layer, the base's, is another"),
            ),
            (_, Some(layers)) if layers.is_same => self.same_layers(layers, same.words(", ")),
            (_, Some(layers)) => {
                Cause::with(Class::Rebuild, new_layers(same.words(", and "), layers))
            }
            (_, None) => Cause::with(
                Class::Unknown,
                same.words(", and the layers cannot be compared"),
            ),
        }
    }

    fn no_source(&self) -> Cause {
        if let Some(layers) = self.layers.filter(|layers| layers.is_same) {
            return self.same_layers(layers, Inline::new());
        }
        let reason = match (self.before.revision, self.after.revision) {
            (Some(_), None) => "the new image names no source revision",
            (None, Some(_)) => "the image before named no source revision",
            _ => "the images name no source revision",
        };
        let reason = Inline::of(reason);
        let reason = match (self.is_named_base_other(), self.layers) {
            (Some(true), _) => reason.words("; the base image is another"),
            (_, Some(layers)) => new_layers(reason.words("; "), layers),
            _ => reason,
        };
        Cause::with(Class::Unknown, reason)
    }

    fn same_layers(&self, layers: LayerChange, reason: Inline) -> Cause {
        let reason = match layers.count {
            1 => reason.words("the one layer is the same"),
            count => reason
                .words("all ")
                .number(count)
                .words(" layers are the same"),
        };
        if self.changes_contract {
            Cause::with(
                Class::ConfigurationOnly,
                reason.words(", and the run-time contract differs"),
            )
        } else {
            Cause::with(
                Class::Rebuild,
                reason.words(", and nothing visible changed"),
            )
        }
    }
}

/// `3 of 9 layers are new`
fn new_layers(reason: Inline, layers: LayerChange) -> Inline {
    reason
        .number(layers.new)
        .words(" of ")
        .count(layers.count, "layer", "layers")
        .words(if layers.new == 1 {
            " is new"
        } else {
            " are new"
        })
}

/// A commit by its first digits, anything else as it is.
pub fn short(revision: &str) -> Foreign {
    let is_id = revision.len() >= 7 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    let end = if is_id { 7 } else { revision.len() };
    Foreign::cut(revision.get(..end).unwrap_or(revision), 40)
}
