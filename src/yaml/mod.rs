//! YAML and JSON with byte positions: reading, finding a field, and editing it exactly.
//!
//! An edit becomes splices of the text (`set`, `put`) and, apart from them, a change that is
//! wanted of a node; `check` parses the spliced text again, with a second reader too, and
//! compares it with the nodes before and the changes. No byte is written that no splice names.
//!
//! | files | what |
//! |---|---|
//! | `document`, `builder` | text to nodes with spans; limits |
//! | `json` | a node's value |
//! | `locate`, `site` | a path's node; why it cannot be edited |
//! | `set`, `scalar` | one scalar, its quotes, a comment behind it |
//! | `put`, `insert`, `replace`, `layout`, `flow`, `render` | whole values, in the file's style |
//! | `remove` | members, items and documents that go |
//! | `edit`, `splice`, `check`, `second_reader` | all edits of a text at once, and reading back |

mod builder;
mod check;
mod document;
mod edit;
mod flow;
mod insert;
mod json;
mod layout;
mod locate;
mod on_line;
mod put;
mod remove;
mod render;
mod replace;
mod scalar;
mod second_reader;
mod set;
mod site;
mod splice;

pub(crate) use document::is_utf16;
pub use document::{
    Collection, Comment, Document, Fault, MAX_FILE_BYTES, Node, Position, ScalarStyle, Source,
    Value,
};
pub use edit::{Edit, Refusal, edit};
pub use json::to_json;
pub use locate::{Located, Way, locate};
pub use render::render;
