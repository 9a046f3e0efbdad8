//! YAML and JSON with byte positions: reading, finding a field, and editing it exactly.

mod document;

pub use document::{
    Collection, Comment, Document, Fault, MAX_FILE_BYTES, Node, Position, ScalarStyle, Source,
    Value,
};
