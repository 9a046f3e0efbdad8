//! Git's names, as types that cannot be mixed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not an object id of Git.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an object id; it has 40 hex digits")]
pub struct ObjectIdError(String);

macro_rules! object_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; 20]);

        impl $name {
            /// How many hex digits [`Self::short`] gives.
            pub const SHORT: usize = 7;

            pub fn from_bytes(bytes: [u8; 20]) -> Self {
                Self(bytes)
            }

            pub fn as_bytes(&self) -> &[u8; 20] {
                &self.0
            }

            /// The first hex digits, for people.
            pub fn short(&self) -> String {
                self.to_string().chars().take(Self::SHORT).collect()
            }
        }

        impl FromStr for $name {
            type Err = ObjectIdError;

            fn from_str(text: &str) -> Result<Self, ObjectIdError> {
                parse_id(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}

object_id!(
    /// A commit.
    CommitId
);
object_id!(
    /// A tree: the content of a folder.
    TreeId
);
object_id!(
    /// A blob: the content of a file.
    BlobId
);

fn parse_id(text: &str) -> Result<[u8; 20], ObjectIdError> {
    let fail = || ObjectIdError(text.chars().take(80).collect());
    if text.len() != 40 || !text.is_ascii() {
        return Err(fail());
    }
    let mut bytes = [0; 20];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| fail())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| fail())?;
    }
    Ok(bytes)
}

/// A branch, without `refs/heads/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

/// Why a text is not a branch name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a branch name: {reason}")]
pub struct BranchNameError {
    name: String,
    reason: &'static str,
}

impl BranchName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `refs/heads/…`
    pub fn ref_name(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

impl FromStr for BranchName {
    type Err = BranchNameError;

    /// The rules of `git check-ref-format --branch`.
    fn from_str(text: &str) -> Result<Self, BranchNameError> {
        match branch_fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(reason) => Err(BranchNameError {
                name: text.chars().take(100).collect(),
                reason,
            }),
        }
    }
}

fn branch_fault(text: &str) -> Option<&'static str> {
    let bad_character =
        |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    if text.is_empty() || text == "@" || text == "HEAD" {
        Some("it is empty or reserved")
    } else if text.len() > 200 {
        Some("it is longer than 200 bytes")
    } else if text.starts_with('-') {
        Some("it starts with `-`")
    } else if text.contains(bad_character) {
        Some("it holds a blank, a control character or one of ~^:?*[\\")
    } else if text.contains("..") || text.contains("@{") {
        Some("it holds `..` or `@{`")
    } else if text.ends_with('.') {
        Some("it ends with `.`")
    } else if text
        .split('/')
        .any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock"))
    {
        Some("a part is empty, starts with `.` or ends with `.lock`")
    } else {
        None
    }
}

impl TryFrom<String> for BranchName {
    type Error = BranchNameError;

    fn try_from(text: String) -> Result<Self, BranchNameError> {
        text.parse()
    }
}

impl From<BranchName> for String {
    fn from(branch: BranchName) -> Self {
        branch.0
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_ids_round_trip() {
        let text = "56aa2d96c0ffee00112233445566778899aabbcc";
        assert_eq!(text.parse::<CommitId>().unwrap().to_string(), text);
        for bad in ["", "56aa", &"g".repeat(40), &"é".repeat(20)] {
            assert!(bad.parse::<CommitId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn branch_names_follow_gits_rules() {
        for good in ["main", "env/dev", "headwater/dev/web-1.0", "a@b"] {
            assert!(good.parse::<BranchName>().is_ok(), "{good}");
        }
        for bad in [
            "", "@", "-x", "a b", "a..b", "a/", "/a", "a//b", "a.lock", "a/.b", "a.", "a@{b",
            "a\\b", "a:b", "a\u{7f}",
        ] {
            assert!(bad.parse::<BranchName>().is_err(), "{bad}");
        }
    }
}
