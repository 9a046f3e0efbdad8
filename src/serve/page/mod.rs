//! The status page: what the daemon knows, as HTML, JSON and SVG. It only shows.
//!
//! | files | what |
//! |---|---|
//! | `address` | a path and a query → which page |
//! | `history` | what is asked of Git while a page is made |
//! | `overview`, `streams`, `stream`, `promotions`, `requests`, `hosts`, `problems`, `activity`, `catalog` | the daemon's state → the values of one page, which are its JSON as well |
//! | `pages`, `frame`, `templates/` | values → HTML |
//! | `words`, `text` | times, digests, links; text from elsewhere made safe to show |
//! | `paging` | so much of a list that a page stays small |
//! | `graph`, `badge` | SVG |
//! | `listener`, `token` | HTTP, and who may read |

mod activity;
mod address;
mod answer;
mod badge;
mod catalog;
mod frame;
mod graph;
mod history;
mod hosts;
mod listener;
mod overview;
mod pages;
mod paging;
mod problems;
mod promotions;
mod requests;
mod stream;
mod streams;
mod text;
mod token;
mod words;

pub use address::Address;
pub use answer::{Answer, Form};
pub use history::{Histories, History, Timelines};
pub use listener::{Now, States, StatusPage};
pub use pages::{MAX_BYTES, PageError, Pages};
