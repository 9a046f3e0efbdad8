//! Real servers and repositories for the tests, and scripted ones for what no real one does; on
//! loopback, gone when they are dropped.

pub mod browser;
pub mod forge;
pub mod git;
pub mod layout;
pub mod oci;
pub mod own_tests;
pub mod png;
pub mod registry;
pub mod scene;
pub mod scripted;
pub mod signer;
pub mod token_server;
pub mod wait;
