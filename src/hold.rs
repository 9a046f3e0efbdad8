//! Holds: what an environment does not take, who says so, why and until when.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::environment::EnvironmentName;
use crate::image::Digest;

/// On a tag: its holds, a JSON object, or an array of them for several environments.
pub const HOLD: &str = "headwater.dev/hold";

/// One environment takes no new image of a stream tag, or not a certain one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub environment: EnvironmentName,
    /// The image that is not taken; any other one is. None: no new one is taken.
    pub rejected: Option<Digest>,
    pub by: Option<String>,
    pub reason: Option<String>,
    /// From this time on it is as if it were not there.
    pub until: Option<Timestamp>,
}

/// What cannot be read as a hold. It holds all the same: nobody knows what was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultyHold {
    /// None: that cannot be read either, so it holds everywhere.
    pub environment: Option<EnvironmentName>,
    pub fault: String,
}

/// The holds of one stream tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// At most one for each environment, in the order of the file.
    pub sound: Vec<Hold>,
    pub faulty: Vec<FaultyHold>,
}

/// A hold that counts now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InForce {
    Sound(Hold),
    Faulty(FaultyHold),
}

impl Hold {
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl Holds {
    pub fn is_empty(&self) -> bool {
        self.sound.is_empty() && self.faulty.is_empty()
    }

    /// The one for an environment, in force or over.
    pub fn of(&self, environment: &EnvironmentName) -> Option<&Hold> {
        self.sound
            .iter()
            .find(|hold| hold.environment == *environment)
    }

    /// What counts in `environment`: what cannot be read before all else.
    pub fn in_force(&self, environment: &EnvironmentName, now: Timestamp) -> Option<InForce> {
        let faulty = self.faulty.iter().find(|hold| {
            hold.environment
                .as_ref()
                .is_none_or(|own| own == environment)
        });
        let sound = || self.of(environment).filter(|hold| !hold.is_over(now));
        match faulty {
            Some(faulty) => Some(InForce::Faulty(faulty.clone())),
            None => sound().cloned().map(InForce::Sound),
        }
    }
}

impl InForce {
    /// The one image that is not taken; none: no new one is.
    pub fn rejected(&self) -> Option<&Digest> {
        match self {
            Self::Sound(hold) => hold.rejected.as_ref(),
            Self::Faulty(_) => None,
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rejected {
            Some(digest) => write!(f, "{} was rejected", digest.short())?,
            None => f.write_str("held")?,
        }
        if let Some(by) = &self.by {
            write!(f, " by {by}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        match (&self.rejected, self.until) {
            (Some(_), None) => f.write_str("; held until the source moves past it"),
            (Some(_), Some(until)) => {
                write!(f, "; held until the source moves past it, or until {until}")
            }
            (None, Some(until)) => write!(f, " until {until}"),
            (None, None) => f.write_str(" until the hold is taken out"),
        }
    }
}

impl fmt::Display for FaultyHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "held, since {HOLD} cannot be read: {}", self.fault)
    }
}

impl fmt::Display for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sound(hold) => write!(f, "{hold}"),
            Self::Faulty(hold) => write!(f, "{hold}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(environment: &str, until: Option<&str>) -> Hold {
        Hold {
            environment: environment.parse().unwrap(),
            rejected: None,
            by: None,
            reason: None,
            until: until.map(|until| until.parse().unwrap()),
        }
    }

    #[test]
    fn a_hold_counts_in_its_environment_until_its_time() {
        let now: Timestamp = "2026-09-01T08:00:00Z".parse().unwrap();
        let prod: EnvironmentName = "prod".parse().unwrap();
        for (sound, counts) in [
            (hold("prod", None), true),
            (hold("dev", None), false),
            (hold("prod", Some("2026-09-01T08:00:01Z")), true),
            (hold("prod", Some("2026-09-01T08:00:00Z")), false),
        ] {
            let holds = Holds {
                sound: vec![sound.clone()],
                faulty: Vec::new(),
            };
            let expected = counts.then_some(InForce::Sound(sound));
            assert_eq!(holds.in_force(&prod, now), expected);
        }
    }

    #[test]
    fn what_cannot_be_read_counts_where_it_may_be_meant() {
        let now = Timestamp::UNIX_EPOCH;
        for (environment, counts) in [(None, true), (Some("prod"), true), (Some("dev"), false)] {
            let faulty = FaultyHold {
                environment: environment.map(|name| name.parse().unwrap()),
                fault: "it is broken".to_owned(),
            };
            let holds = Holds {
                sound: vec![hold("prod", Some("1960-01-01T00:00:00Z"))],
                faulty: vec![faulty.clone()],
            };
            let expected = counts.then_some(InForce::Faulty(faulty));
            assert_eq!(holds.in_force(&"prod".parse().unwrap(), now), expected);
        }
    }

    #[test]
    fn a_hold_says_by_whom_why_and_until_when() {
        let digest = Digest::of(b"bad");
        let short = digest.short();
        let until = Some("2026-09-01T08:00:00Z");
        let full = Hold {
            rejected: Some(digest.clone()),
            by: Some("ada".to_owned()),
            reason: Some("breaks login".to_owned()),
            ..hold("prod", until)
        };
        let open = Hold {
            until: None,
            ..full.clone()
        };
        let freeze = Hold {
            rejected: None,
            ..full.clone()
        };
        for (hold, text) in [
            (
                full,
                format!(
                    "{short} was rejected by ada (breaks login); held until the source moves past it, or until 2026-09-01T08:00:00Z"
                ),
            ),
            (
                open,
                format!(
                    "{short} was rejected by ada (breaks login); held until the source moves past it"
                ),
            ),
            (
                freeze,
                "held by ada (breaks login) until 2026-09-01T08:00:00Z".to_owned(),
            ),
            (
                hold("prod", None),
                "held until the hold is taken out".to_owned(),
            ),
        ] {
            assert_eq!(hold.to_string(), text);
        }
    }
}
