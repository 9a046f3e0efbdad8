//! Stream tag to source: what must be asked, each question once, and what the answers mean.
//!
//! [`follow()`] is a plain function of the streams and of what is answered so far. A question may
//! come of an answer (the tag that a rule chooses from a list), so it is called again until
//! [`Inquiry::open`] names none.

mod access;
mod follow;
mod image;
mod inquiry;
mod keep;
mod link;
mod promoted;
pub mod pushed;
mod schedule;
mod state;
mod whole;

pub use access::permitted;
pub use follow::{Following, StreamIndex, World, follow};
pub use inquiry::Inquiry;
pub use promoted::{Taken, Taking};
pub use schedule::{Checks, Followed, scheduled_checks};
pub use state::{Kept, Outcome, Standing, TagState, Uncopied, Young};
