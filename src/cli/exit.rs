//! What the process tells its caller.

use std::process::ExitCode;

/// The exit codes, mildest first; of several, the greatest that applies is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    #[default]
    Success,
    /// Only where it was asked for by `--exit-code`.
    Differences,
    /// Part of the work failed and the rest was done; also what fits no other code.
    Failure,
    /// A host answered, and refused the credentials.
    Denied,
    /// A host gave no usable answer.
    Unavailable,
    /// The command line, a configuration or an argument is wrong; nothing was done.
    Usage,
    Interrupted,
}

impl Exit {
    pub const ALL: [Self; 7] = [
        Self::Success,
        Self::Differences,
        Self::Usage,
        Self::Failure,
        Self::Denied,
        Self::Unavailable,
        Self::Interrupted,
    ];

    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Differences => 1,
            Self::Usage => 2,
            Self::Failure => 3,
            Self::Denied => 4,
            Self::Unavailable => 5,
            Self::Interrupted => 130,
        }
    }

    /// One line for `headwater help exit-codes`.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Success => "done, or nothing to do",
            Self::Differences => "differences, with --exit-code; findings of `validate`",
            Self::Usage => "the command line or a configuration is wrong; nothing was done",
            Self::Failure => "part of the pass failed; the rest was done",
            Self::Denied => "a registry, Git server or forge refused the credentials",
            Self::Unavailable => {
                "a registry, Git server or forge could not be reached, or not in time"
            }
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_differ_and_are_listed_in_order() {
        let codes: Vec<u8> = Exit::ALL.into_iter().map(Exit::code).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 130]);
    }

    #[test]
    fn a_failure_outweighs_a_difference() {
        assert_eq!(Exit::Differences.max(Exit::Failure), Exit::Failure);
        assert_eq!(Exit::Success.max(Exit::Differences), Exit::Differences);
    }
}
