//! What a person's command changes: from the manifests and the words of the command to edits.
//!
//! Each command is a pure function of a [`Scene`] to a [`Draft`]; messages and errors are oc's.
//! Status and pinned fields are not written here: they follow from planning the edited files.
//!
//! | command | file |
//! |---|---|
//! | `tag` | `tag`, the SOURCE in `source` |
//! | `import-image` | `import` |
//! | `create`, `delete` | `create`, `delete` |
//! | `set triggers`, `set image-lookup` | `triggers`, `lookup` |
//! | `new-app` | `app`: which stream tag is meant, the objects, what is said |
//! | `expose` | `expose`; where new objects are put: `beside` |
//! | `policy` | `role` |
//! | `rollback` | `rollback` |
//! | `hold`, `release` | `hold` |
//! | `image mirror`, `image info` | `mirror`, `platform_filter` |
//! | `prune images` | `prune`: what files name, what Git says of streams, what stays and goes |
//! | the `ENVIRONMENT/STREAM:TAG` of these | `environment_tag` |
//! | the commit of `--pull-request` | `message` |

mod app;
mod beside;
mod create;
mod delete;
mod draft;
mod environment_tag;
mod expose;
mod hold;
mod import;
mod labels;
mod lookup;
mod message;
pub mod mirror;
mod object;
mod platform_filter;
pub mod prune;
mod role;
mod rollback;
mod scene;
mod source;
mod spec_tag;
mod tag;
mod triggers;

pub use app::{App, NewApp, NewAppDraft, find_apps, new_app};
pub use create::{CreateTag, create_stream, create_tag};
pub use delete::{Named, delete};
pub use draft::{Draft, Written, new_stream, stream_files, stream_folder};
pub use environment_tag::{EnvironmentTag, EnvironmentTagError};
pub use expose::{Expose, expose};
pub use hold::{Holding, Note, hold, release};
pub use import::{Import, import_image};
pub use lookup::{Lookup, set_image_lookup};
pub use message::{command_trailer, group, message};
pub use object::{Kind, Object, Selection};
pub use platform_filter::{PlatformFilter, PlatformFilterError};
pub use role::{RoleChange, Target, change_role};
pub use rollback::{Earlier, Memory, Moved, Rollback, destination, rollback};
pub use scene::{Realm, Scene};
pub use tag::{Tag, delete_tags, tag};
pub use triggers::{Show, Triggers, Webhook, set_triggers};

/// A command that cannot be done: one sentence, in oc's words where oc has it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Refused {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
