//! The daemon as operators see it: metrics, health, exit codes.

mod daemon;
mod docs;
mod health;
mod metrics;
