//! YAML and JSON with byte positions: reading, finding a field, and editing it exactly.

mod builder;
mod check;
mod document;
mod edit;
mod flow;
mod insert;
mod layout;
mod locate;
mod on_line;
mod put;
mod render;
mod replace;
mod scalar;
mod second_reader;
mod set;
mod site;
mod splice;

pub use document::{
    Collection, Comment, Document, Fault, MAX_FILE_BYTES, Node, Position, ScalarStyle, Source,
    Value,
};
pub use edit::{Edit, Refusal, edit};
pub use locate::{Located, Way, locate};
pub use render::render;
