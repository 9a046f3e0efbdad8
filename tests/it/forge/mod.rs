//! Forges: what every one keeps, and what is one's own.

mod contract;
mod description;
mod gitea;
mod github;
mod gitlab;
mod http;
