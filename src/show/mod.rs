//! What `describe` and `get` print, in the layouts of `oc`: pure text, made of what the files
//! and a registry say.
//!
//! | files | what |
//! |---|---|
//! | `tabs`, `ago`, `size` | Go's tabwriter, and go-units' durations and sizes |
//! | `meta`, `stream` | `describe` of a stream |

mod ago;
mod meta;
mod size;
pub mod stream;
#[cfg(test)]
mod stream_tests;
mod tabs;

pub use ago::{ago, human_duration};
pub use size::human_size;
pub use tabs::{Padding, Tabs};
