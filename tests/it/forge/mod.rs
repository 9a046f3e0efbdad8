//! Forges: what every one keeps, and what is one's own.

mod contract;
mod gitlab;
mod http;
