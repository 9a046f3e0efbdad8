use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The address of a field inside one document: keys, indices and selectors by a member's value.
///
/// The text form is the trigger annotation's `fieldPath`
/// (library-go `pkg/image/trigger/annotations.go`), widened: single quotes, spaces around `==`,
/// any member in a selector, and quoted keys in brackets are accepted.
///
/// It is serialised as that text where people read it, and as its steps where they do not: a
/// cache holds thousands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Step>);

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Step {
    /// A mapping's member.
    Key(String),
    /// A sequence's item, counted from 0.
    Index(usize),
    /// The first item of a sequence whose member `key` is the string `value`.
    Where { key: String, value: String },
}

/// Why a text is not a field path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field path is not valid: {text}: {reason}")]
pub struct FieldPathError {
    text: String,
    reason: &'static str,
}

impl FieldPath {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.0.push(Step::Key(key.into()));
        self
    }

    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    #[must_use]
    pub fn matching(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push(Step::Where {
            key: key.into(),
            value: value.into(),
        });
        self
    }

    /// `other` below this path.
    #[must_use]
    pub fn join(mut self, other: &Self) -> Self {
        self.0.extend(other.0.iter().cloned());
        self
    }

    /// The path that holds this one, and the last step; none for the root.
    pub fn split_last(&self) -> Option<(Self, &Step)> {
        let (last, rest) = self.0.split_last()?;
        Some((Self(rest.to_vec()), last))
    }
}

impl FromIterator<Step> for FieldPath {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl FromStr for FieldPath {
    type Err = FieldPathError;

    fn from_str(text: &str) -> Result<Self, FieldPathError> {
        let fail = |reason| FieldPathError {
            text: text.chars().take(200).collect(),
            reason,
        };
        if text.len() > 4096 {
            return Err(fail("longer than 4096 bytes"));
        }
        let mut steps = Vec::new();
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(fail("it is empty"));
        }
        let mut is_first = true;
        while !rest.is_empty() {
            if let Some(bracket) = rest.strip_prefix('[') {
                let (step, after) = bracket_step(bracket).map_err(&fail)?;
                steps.push(step);
                rest = after;
            } else {
                let key = match rest.strip_prefix('.') {
                    Some(after) => after,
                    None if is_first => rest,
                    None => return Err(fail("a `.` or a `[` follows `]`")),
                };
                let end = key.find(['.', '[']).unwrap_or(key.len());
                let (key, after) = key.split_at(end);
                if key.is_empty() {
                    return Err(fail("a key is empty"));
                }
                steps.push(Step::Key(key.to_owned()));
                rest = after;
            }
            is_first = false;
        }
        Ok(Self(steps))
    }
}

/// What stands behind `[`, up to and with its `]`.
fn bracket_step(text: &str) -> Result<(Step, &str), &'static str> {
    const UNCLOSED: &str = "a `[` is not closed";
    if let Some(selector) = text.strip_prefix('?') {
        let selector = selector.trim_start();
        let selector = selector
            .strip_prefix('(')
            .ok_or("a selector is written [?(@.name==\"x\")]")?;
        let selector = selector.trim_start();
        let selector = selector
            .strip_prefix("@.")
            .ok_or("a selector is written [?(@.name==\"x\")]")?;
        let (key, value) = selector
            .split_once("==")
            .ok_or("a selector compares by `==`")?;
        let (value, after) = quoted(value.trim_start())?;
        let after = after.trim_start();
        let after = after.strip_prefix(')').ok_or("a selector ends with `)]`")?;
        let after = after.trim_start();
        let after = after.strip_prefix(']').ok_or(UNCLOSED)?;
        let key = key.trim();
        if key.is_empty() {
            return Err("a selector names a member");
        }
        return Ok((
            Step::Where {
                key: key.to_owned(),
                value,
            },
            after,
        ));
    }
    if text.starts_with(['"', '\'']) {
        let (key, after) = quoted(text)?;
        let after = after.strip_prefix(']').ok_or(UNCLOSED)?;
        return Ok((Step::Key(key), after));
    }
    let (index, after) = text.split_once(']').ok_or(UNCLOSED)?;
    if index.is_empty() || !index.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("an index is a number");
    }
    let index = index.parse().map_err(|_| "an index is too large")?;
    Ok((Step::Index(index), after))
}

/// A quoted string in either quote, `\` escaping the quote and itself.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut characters = text.char_indices();
    let Some((_, quote @ ('"' | '\''))) = characters.next() else {
        return Err("a value stands in quotes");
    };
    let mut value = String::new();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some((_, escaped)) => value.push(escaped),
                None => break,
            },
            _ if character == quote => {
                return Ok((value, text.get(at + 1..).unwrap_or_default()));
            }
            _ => value.push(character),
        }
    }
    Err("a quote is not closed")
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for FieldPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            Self::try_from(text).map_err(D::Error::custom)
        } else {
            Vec::deserialize(deserializer).map(Self)
        }
    }
}

impl TryFrom<String> for FieldPath {
    type Error = FieldPathError;

    fn try_from(text: String) -> Result<Self, FieldPathError> {
        if text.is_empty() {
            return Ok(Self::root());
        }
        text.parse()
    }
}

impl From<FieldPath> for String {
    fn from(path: FieldPath) -> Self {
        path.to_string()
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key)
                    if key.is_empty() || key.contains(['.', '[', ']', '"', '\'', ' ']) =>
                {
                    write!(f, "[\"{}\"]", escape(key))?;
                }
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Where { key, value } => write!(f, "[?(@.{key}==\"{}\")]", escape(value))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_round_trip() {
        for text in [
            "spec.template.spec.containers[0].image",
            "spec.template.spec.containers[?(@.name==\"web\")].image",
            "items[3].metadata.annotations[\"image.openshift.io/triggers\"]",
            "[0].x",
        ] {
            let path: FieldPath = text.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn selectors_take_both_quotes_and_spaces() {
        let expected: FieldPath = "c[?(@.name==\"web\")].image".parse().unwrap();
        for text in [
            "c[?(@.name=='web')].image",
            "c[?( @.name == \"web\" )].image",
            " c[? (@.name== 'web')].image",
        ] {
            assert_eq!(text.parse::<FieldPath>().as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn bad_paths_say_why() {
        for (text, reason) in [
            ("", "empty"),
            ("a..b", "key is empty"),
            ("a.", "key is empty"),
            ("a[", "not closed"),
            ("a[x]", "index is a number"),
            ("a[-1]", "index is a number"),
            ("a[99999999999999999999]", "too large"),
            ("a[?(@.name=web)]", "`==`"),
            ("a[?(@.name==web)]", "in quotes"),
            ("a[?(@.name==\"web)]", "quote is not closed"),
            ("a[0]b", "follows `]`"),
        ] {
            let error = text.parse::<FieldPath>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
