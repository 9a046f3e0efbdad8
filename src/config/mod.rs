//! Settings: the repository's own `headwater.yaml`, the operator's server file, and the JSON
//! Schemas of everything that people write.
//!
//! An unknown or wrong field is a problem with its place; a configuration with an error is not
//! used, because a field that was meant to tighten something would be missing.

mod environments;
pub mod events;
mod field;
pub mod forge;
mod gates;
pub mod hooks;
pub mod integrated_registry;
mod promotions;
pub mod pull_secret;
pub mod repository;
pub mod schema;
pub mod serve;
pub mod server;
mod server_schema;
pub mod settings;
mod shape;
pub mod variables;
#[cfg(test)]
mod variables_tests;
