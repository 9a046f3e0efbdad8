//! One pass: read, ask, plan, apply. The only place where deciding meets doing.
//!
//! | step | by |
//! |---|---|
//! | the files at the tip of each branch, from the cache where nothing changed | [`read_tree`] |
//! | streams, triggers, problems | [`crate::manifest::assemble`] |
//! | what comes from other environments, by their gates | `promotion` |
//! | what must be asked, each question once | [`crate::resolve::follow`] |
//! | the answers | [`Ask`] |
//! | what differs | [`crate::plan::due`] |
//! | history, bot branches, and what is held for them | `evidence`, `holding` |
//! | what to write, and why not | [`crate::plan::plan`] |
//! | commits and branches, by compare and swap | [`apply()`] |

mod across;
mod adopting;
mod apply;
mod bot_branch;
mod cache;
mod close;
mod command;
mod configuration;
mod creating;
mod desk;
mod drift;
mod earlier;
mod entry;
mod environment_pass;
mod evidence;
mod gather;
mod holding;
mod hosting;
mod migrating;
mod pass;
mod promoting;
mod promotion;
mod propose;
mod pruning;
mod publish;
mod quiet;
mod read;
mod running;
mod subject;
mod survey;
mod timeline;
mod told;

pub use across::{OpenBranch, open_branches, sought, status};
pub use adopting::{Adopting, adopt_in_place};
pub use apply::{Applied, AppliedPlan, Outcome, apply};
pub use bot_branch::{Merged, Proposed, Way, changes, merge, proposed};
pub use cache::Cache;
pub use close::{Closed, close};
pub use command::{Carried, Fault, carry_out, scene};
pub use configuration::Configuration;
pub use desk::{Desk, InPlace};
pub use drift::drift;
pub use earlier::memory;
pub use entry::{Entry, PromotedFrom};
pub use evidence::branch_prefix;
pub use gather::Ask;
pub use hosting::{AskFacts, Hosting, Prose};
pub use migrating::{Migrating, Wanted as WantedMigration, migrate_in_place};
pub use pass::{Failure, Pass, Planned, Scope};
pub use promotion::{Landing, Request, landing};
pub use propose::{Proposal, propose, proposed_at, tip_files};
pub use pruning::Grounds;
pub use publish::{Published, Publishing};
pub use quiet::{Quiet, identity, state};
pub use read::{CONFIG_FILE, MAX_SEARCHED_BYTES, Reading, is_read, read_files, read_tree};
pub use running::{Sought, entries};
pub use survey::{Survey, Surveyed};
pub use timeline::{Event, timeline};
pub use told::{Told, of as told_by, told};
