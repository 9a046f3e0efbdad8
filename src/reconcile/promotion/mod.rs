//! What environments take from others: gathered for planning.
//!
//! | file | what |
//! |---|---|
//! | `landing` | promotions that a target has had |
//! | `line` | the commits of a source that may be taken, and since when each is there |
//! | `choose` | which of them is, by the target's gates |
//! | `asking` | what gates ask registries and the forge |
//! | `merge` | the source's commit merged into the target, without the bot's bytes |
//! | `taken` | all choices of a pass, and what they mean for resolving |
//! | `lost` | what a promotion brought and somebody took back |

mod asking;
mod choose;
mod landing;
mod line;
mod lost;
mod merge;
mod moving;
mod taken;

pub use asking::{Asking, Image};
pub use choose::{Chooser, Request, Side};
pub use landing::{Landing, landing};
pub use merge::{Merged, configuration, difference, merge};
pub use taken::{Choices, Ground};
