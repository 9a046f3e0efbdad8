//! Gates: what a change passes before it enters an environment.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::image::PublicKey;
use crate::window::Windows;

/// What an environment asks of every change, beside the forge's own demands. The default asks for
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    pub soak: Option<Soak>,
    /// Names of commit statuses that have to pass on the source environment's commit.
    pub checks: BTreeSet<String>,
    /// Each digest is signed by one of these; empty: it need not be.
    pub signed_by: Vec<PublicKey>,
    /// How old an image is at least, by its own words.
    pub minimum_age: Duration,
    /// How many accounts approve the pull request.
    pub approvals: u32,
    /// When it may be merged.
    pub windows: Windows,
}

/// How long a commit has been in the source environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soak {
    /// Since it entered.
    Since(Duration),
    /// Without another image in between that would have moved.
    Resident(Duration),
}

/// A time in which an environment takes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freeze {
    /// None: from the beginning.
    pub from: Option<Timestamp>,
    /// From this time on it is over; none: until it is taken out.
    pub until: Option<Timestamp>,
    pub reason: Option<String>,
}

impl Freeze {
    pub fn is_on(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    /// The next time after `now` at which it begins or ends.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let times = [self.from, self.until].into_iter().flatten();
        times.filter(|time| *time > now).min()
    }
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("frozen")?;
        if let Some(until) = self.until {
            write!(f, " until {until}")?;
        }
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

/// A rule that a change passes or waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Gate {
    Freeze,
    Hold,
    /// What the source environment took back is not promoted.
    Source,
    Soak,
    Checks,
    MinimumAge,
    Signature,
    Approvals,
    Windows,
}

impl Gate {
    /// As configurations and reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Hold => "hold",
            Self::Source => "source",
            Self::Soak => "soak",
            Self::Checks => "checks",
            Self::MinimumAge => "minimumAge",
            Self::Signature => "signature",
            Self::Approvals => "approvals",
            Self::Windows => "windows",
        }
    }

    /// Whether it holds the merge, as against choosing what is proposed.
    pub fn holds_merge(self) -> bool {
        matches!(self, Self::Approvals | Self::Windows)
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What one gate says of one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateFinding {
    pub gate: Gate,
    pub verdict: Verdict,
    /// Who or what is waited for, or what was found: one phrase, with absolute times.
    pub told: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    Passed,
    /// It may pass later; `until` where time alone decides.
    Waits {
        until: Option<Timestamp>,
    },
    /// It never passes: another change has to come.
    Failed,
}

impl GateFinding {
    pub fn passed(gate: Gate, told: impl Into<String>) -> Self {
        Self {
            gate,
            verdict: Verdict::Passed,
            told: told.into(),
        }
    }

    pub fn waits(gate: Gate, until: Option<Timestamp>, told: impl Into<String>) -> Self {
        Self {
            gate,
            verdict: Verdict::Waits { until },
            told: told.into(),
        }
    }

    pub fn failed(gate: Gate, told: impl Into<String>) -> Self {
        Self {
            gate,
            verdict: Verdict::Failed,
            told: told.into(),
        }
    }

    pub fn is_passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// When time alone changes the verdict.
    pub fn until(&self) -> Option<Timestamp> {
        match self.verdict {
            Verdict::Waits { until } => until,
            Verdict::Passed | Verdict::Failed => None,
        }
    }
}

impl fmt::Display for GateFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Passed => "ok",
            Verdict::Waits { .. } => "waits for",
            Verdict::Failed => "failed",
        };
        write!(f, "{verdict} {}: {}", self.gate, self.told)
    }
}
