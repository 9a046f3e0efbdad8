//! Image streams for any Git repository.
//!
//! The house, from the ground up; a module names only lower floors.
//!
//! | floor | modules | what lives there |
//! |---|---|---|
//! | 0 ground | [`image`], [`stream`], [`trigger`], [`lookup`], [`environment`], [`revision`], [`snapshot`], [`field_path`], [`problem`], [`plain`] | names and values |
//! | 1 text | [`yaml`] | bytes to values and back |
//! | 5 roof | [`cli`], [`telemetry`] | the command line and its log |

pub mod cli;
pub mod environment;
pub mod field_path;
pub mod image;
pub mod lookup;
pub mod plain;
pub mod problem;
pub mod revision;
pub mod snapshot;
pub mod stream;
pub mod telemetry;
pub mod trigger;
pub mod yaml;
