use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A tag in an image repository: `[\w][\w.-]{0,127}`
/// (distribution specification, "Pulling manifests").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

/// Why a text is not a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    #[error("a tag may not be empty")]
    Empty,
    #[error("a tag has at most 128 characters")]
    TooLong,
    #[error(
        "`{0}` is not a tag; tags hold letters, digits, `_`, `.` and `-`, and start with none of the last two"
    )]
    Invalid(String),
}

impl Tag {
    /// The tag that stands where none is written.
    pub fn latest() -> Self {
        Self("latest".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let Some(first) = text.bytes().next() else {
            return Err(TagError::Empty);
        };
        if text.len() > 128 {
            return Err(TagError::TooLong);
        }
        if !is_word(first)
            || !text
                .bytes()
                .all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
        {
            return Err(TagError::Invalid(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Tag {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_keep_their_text() {
        for text in ["latest", "1.10", "_x", "v1.2.3-rc.1", &"a".repeat(128)] {
            assert_eq!(text.parse::<Tag>().map(String::from), Ok(text.to_owned()));
        }
    }

    #[test]
    fn bad_tags_are_refused() {
        for text in ["", ".a", "-a", "a b", "a/b", "a:b", "é", &"a".repeat(129)] {
            assert!(text.parse::<Tag>().is_err(), "{text}");
        }
    }
}
