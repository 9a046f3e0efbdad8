//! One forge's API over HTTP: blocking, limited, and with no way to another origin.

mod answer;
mod client;
mod etags;
mod options;
mod renewed;
mod request;

pub use answer::Answer;
pub use client::{Client, Listing};
pub use options::{Dialect, Options, Timeouts, Token, TokenHeader};
pub use renewed::{Minted, Renewed};
pub use request::Request;
