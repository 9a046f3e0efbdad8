use std::fmt;

use crate::environment::EnvironmentName;
use crate::gate::GateFinding;
use crate::lookup::Resolution;
use crate::plan::hold::Held;
use crate::plan::pull_request::{Declined, PROPOSE_AGAIN, STOP_UPDATING};
use crate::problem::Place;
use crate::resolve::{Standing, Uncopied, Young};
use crate::revision::{BranchName, CommitId};
use crate::stream::StreamTagName;
use crate::trigger::Trigger;

/// Something that is not done in this pass, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub tag: StreamTagName,
    pub place: Place,
    /// The field that waits; none where the whole stream tag does.
    pub field: Option<String>,
    pub reason: Reason,
}

/// Why nothing is done: data, neither an error nor a log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The registry's answer gives no digest.
    Unresolved(Resolution),
    /// The image is not in the registry that is to keep it.
    Uncopied(Uncopied),
    /// The tag's rule chooses no tag of the repository.
    Unchosen(String),
    /// The image is not old enough yet.
    Young(Young),
    /// The tag is not one that is asked for.
    NotFollowed(Standing),
    /// The trigger is paused, or not automatic.
    Paused,
    /// Another trigger of the same object has no image yet.
    Incomplete,
    /// The digest stood here, and somebody took it out.
    TakenBack(TakenBack),
    /// Somebody's hold is against it.
    Held(Box<Held>),
    /// Gates do not let it in.
    Gated(Gated),
    /// Its bot branch was closed.
    Closed(BranchName),
    /// Its pull request was closed.
    Declined(Declined),
    /// What was pushed is not to become a stream or a tag: the same two.
    NotCreated(Box<Reason>),
    /// A person changed the bot branch.
    Foreign { branch: BranchName, reason: String },
    /// As many bot branches are open as may be.
    TooManyOpen { branch: BranchName, limit: usize },
    /// As many pull requests were opened as may be within an hour; `until` is RFC 3339.
    TooManyNew {
        branch: BranchName,
        limit: usize,
        until: String,
    },
    /// No window of `pullRequests.schedule` is open; the next one opens at `until`, RFC 3339.
    OffSchedule {
        branch: BranchName,
        until: Option<String>,
    },
    /// A label on its pull request asks to leave it alone.
    Stopped { branch: BranchName, url: String },
    /// The forge cannot be asked whether somebody closed it before.
    Outage { branch: BranchName, reason: String },
}

/// What does not pass the gates of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gated {
    /// The source environment and its commit; none: it comes from a registry.
    pub from: Option<(EnvironmentName, CommitId)>,
    /// Those that were not passed.
    pub findings: Vec<GateFinding>,
}

/// Where a digest was taken out of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBack {
    pub digest: crate::image::Digest,
    pub commit: crate::revision::CommitId,
    pub author: String,
    /// RFC 3339, UTC.
    pub time: String,
}

impl Waiting {
    pub fn stream_tag(tag: &StreamTagName, place: &Place, reason: Reason) -> Self {
        Self {
            tag: tag.clone(),
            place: place.clone(),
            field: None,
            reason,
        }
    }

    pub fn field(trigger: &Trigger, reason: Reason) -> Self {
        Self {
            tag: trigger.from.clone(),
            place: trigger.target.place.clone(),
            field: Some(trigger.field_name()),
            reason,
        }
    }
}

impl Reason {
    /// One word for tables and JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unresolved(resolution) => resolution.kind(),
            Self::Uncopied(Uncopied::Failed(_)) => "uncopied",
            Self::Uncopied(Uncopied::UnderWay) => "copying",
            Self::Unchosen(_) => "unchosen",
            Self::Young(_) => "young",
            Self::NotFollowed(_) => "notFollowed",
            Self::Paused => "paused",
            Self::Incomplete => "incomplete",
            Self::TakenBack(_) => "takenBack",
            Self::Held(_) => "held",
            Self::Gated(_) => "gated",
            Self::Closed(_) | Self::Declined(_) | Self::NotCreated(_) => "closed",
            Self::Foreign { .. } => "foreign",
            Self::TooManyOpen { .. } => "tooManyOpen",
            Self::TooManyNew { .. } => "tooManyNew",
            Self::OffSchedule { .. } => "offSchedule",
            Self::Stopped { .. } => "stopped",
            Self::Outage { .. } => "outage",
        }
    }

    /// The bot branch that this is about.
    pub fn branch(&self) -> Option<&BranchName> {
        match self {
            Self::Closed(branch)
            | Self::Foreign { branch, .. }
            | Self::TooManyOpen { branch, .. }
            | Self::TooManyNew { branch, .. }
            | Self::OffSchedule { branch, .. }
            | Self::Stopped { branch, .. }
            | Self::Outage { branch, .. } => Some(branch),
            Self::NotCreated(reason) => reason.branch(),
            _ => None,
        }
    }

    /// Why it is declined, whether it would have been an image or was pushed.
    pub fn refusal(&self) -> &Self {
        match self {
            Self::NotCreated(reason) => reason,
            other => other,
        }
    }

    /// Whether it ends by itself, without anything in Git or at a registry changing.
    pub fn depends_on_time(&self) -> bool {
        matches!(self, Self::TooManyNew { .. } | Self::OffSchedule { .. })
    }

    /// Whether somebody does not want it.
    pub fn is_declined(&self) -> bool {
        matches!(
            self,
            Self::TakenBack(_)
                | Self::Held(_)
                | Self::Closed(_)
                | Self::Declined(_)
                | Self::NotCreated(_)
        )
    }

    /// Whether something failed, as against being as it should be.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::Unresolved(_)
                | Self::Uncopied(Uncopied::Failed(_))
                | Self::Unchosen(_)
                | Self::Outage { .. }
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved(resolution) => match resolution.fault() {
                Some(fault) => write!(f, "{}: {fault}", resolution.kind()),
                None => f.write_str(resolution.kind()),
            },
            Self::Uncopied(Uncopied::Failed(resolution)) => match resolution.fault() {
                Some(fault) => write!(f, "not copied to the integrated registry: {fault}"),
                None => f.write_str("not copied to the integrated registry"),
            },
            Self::Uncopied(Uncopied::UnderWay) => f.write_str(
                "being copied to the integrated registry; it is proposed when that is done",
            ),
            Self::Unchosen(why) => f.write_str(why),
            Self::Young(young) => write!(f, "{young}"),
            Self::NotFollowed(standing) => write!(f, "{standing}"),
            Self::Paused => f.write_str("the trigger is paused"),
            Self::Incomplete => f.write_str(
                "another image of this object is not known yet; all of its triggers wait for it",
            ),
            Self::TakenBack(back) => write!(
                f,
                "{} was taken back by {} in {} on {}; held until the source moves past it",
                back.digest.short(),
                back.author,
                back.commit.short(),
                back.time
            ),
            Self::Held(held) => write!(f, "{held}"),
            Self::Gated(gated) => write!(f, "{gated}"),
            Self::Closed(branch) => write!(
                f,
                "closed on {branch}; held until the source moves past it (delete that branch to propose it again)"
            ),
            Self::Declined(Declined { number, url }) => write!(
                f,
                "its pull request #{number} was closed ({url}); held until the source moves past it (reopen it, or label it `{PROPOSE_AGAIN}`, to have it proposed)"
            ),
            Self::NotCreated(reason) => match &**reason {
                Self::Closed(branch) => write!(
                    f,
                    "closed on {branch}; it does not come again (delete that branch to propose it again)"
                ),
                Self::Declined(Declined { number, url }) => write!(
                    f,
                    "its pull request #{number} was closed ({url}); it does not come again (reopen it, or label it `{PROPOSE_AGAIN}`, to have it proposed)"
                ),
                other => write!(f, "{other}"),
            },
            Self::TooManyNew {
                branch,
                limit,
                until,
            } => write!(
                f,
                "{branch} waits until {until}: {limit} were opened within an hour, the limit of pullRequests.maxPerHour"
            ),
            Self::OffSchedule { branch, until } => match until {
                Some(until) => write!(
                    f,
                    "{branch} waits until {until}, when the next window of pullRequests.schedule opens"
                ),
                None => write!(
                    f,
                    "{branch} waits: no window of pullRequests.schedule opens"
                ),
            },
            Self::Stopped { branch, url } => write!(
                f,
                "{branch} is not moved on: its pull request ({url}) has the label `{STOP_UPDATING}`"
            ),
            Self::Outage { branch, reason } => write!(
                f,
                "{branch} waits for the forge, where somebody may have closed it before: {reason}"
            ),
            Self::Foreign { branch, reason } => write!(
                f,
                "{branch} holds somebody's own work ({reason}) and is not touched; merge it, or delete it to have it made anew"
            ),
            Self::TooManyOpen { branch, limit } => write!(
                f,
                "{branch} waits: {limit} bot branches are open, the limit of pullRequests.maxOpen"
            ),
        }
    }
}

impl fmt::Display for Gated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((environment, commit)) = &self.from {
            write!(f, "{} of {environment} ", commit.short())?;
        }
        if self.findings.is_empty() {
            return f.write_str("comes after the one that is proposed");
        }
        for (number, finding) in self.findings.iter().enumerate() {
            let comma = if number == 0 { "" } else { "; " };
            write!(f, "{comma}{finding}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ImportedOnce => {
                f.write_str("imported once; add `importPolicy: {scheduled: true}` to follow it")
            }
            Self::ListedOnce => f.write_str(
                "the repository's tags were imported once; `headwater import-image --all` asks for them again, `imports.follow: all` follows them",
            ),
            Self::Digest => f.write_str("the source is a digest, which cannot move"),
            Self::SwitchedOff => {
                f.write_str("imported once: `imports.scheduled` is false in headwater.yaml")
            }
            Self::NoSource => {
                f.write_str("tag without source image: filled by pushes to an integrated registry")
            }
            Self::SourceEmpty(name) => write!(f, "{name} has no image yet"),
            Self::Elsewhere(name) => write!(
                f,
                "{name} is in another environment, which is not read here"
            ),
            Self::Unlisted => f.write_str(
                "its repository does not list it, or only beyond imports.bulkPerRepository; what is recorded stays",
            ),
            Self::Promoted(source) => {
                write!(f, "it comes from {source}, of which no image has passed the gates yet")
            }
            Self::NotDue(next) => write!(f, "looked at again at {next}"),
            Self::Faulty => f.write_str("its source cannot be used"),
        }
    }
}

impl fmt::Display for Young {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = self.digest.short();
        match (&self.created, &self.until) {
            (Some(created), Some(until)) => write!(
                f,
                "{digest} was created at {created} and is not old enough; taken at {until}"
            ),
            _ => write!(
                f,
                "{digest} does not say when it was created, so its age cannot be told; it waits for minimum-age"
            ),
        }
    }
}
