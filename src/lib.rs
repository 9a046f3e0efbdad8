//! Image streams for any Git repository.
//!
//! The house, from the ground up; a module names only lower floors.
//!
//! | floor | modules | what lives there |
//! |---|---|---|
//! | 0 ground | [`image`], [`stream`], [`trigger`], [`lookup`], [`environment`], [`revision`], [`snapshot`], [`field_path`], [`problem`] | names and values |
//! | 1 text | [`yaml`] | bytes to values and back |

pub mod clock;
pub mod environment;
pub mod field_path;
pub mod git;
pub mod image;
pub mod lookup;
pub mod problem;
pub mod revision;
pub mod snapshot;
pub mod stream;
pub mod trigger;
pub mod worktree;
pub mod yaml;
