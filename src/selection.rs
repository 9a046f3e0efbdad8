//! A tag chosen by a rule over a repository's tag list.

use std::cmp::Ordering;
use std::fmt;

use regex::Regex;
use semver::{BuildMetadata, Comparator, Version, VersionReq};
use serde::{Deserialize, Serialize};

/// The annotation `headwater.dev/select`: which tags come into question, and which of them is the
/// one.
///
/// Written as `newest`, or as lines `key: value` with the keys `semver` (a range), `regex` (whose
/// first group is what counts, else the whole tag) and `order: newest`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRule {
    pattern: Option<String>,
    order: Order,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Order {
    /// The highest version in the range.
    Semver(String),
    /// The last one, where digits count as numbers.
    Natural,
    /// The image that says it was created last.
    Newest,
}

/// Why a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("the rule is empty")]
    Empty,
    #[error("`{0}` is no rule: it is `newest`, or lines `semver: …`, `regex: …`, `order: newest`")]
    Unknown(String),
    #[error("`{0}` stands twice")]
    Twice(String),
    #[error("the regex cannot be used: {0}")]
    Regex(String),
    #[error("`{0}` is no range of versions, such as ~1.2, ^1, 1.x or >=1.2 <2")]
    Range(String),
    #[error("a rule has `semver` or `order: newest`, not both")]
    TwoOrders,
}

/// A regex that needs more memory than this is refused.
const MAX_REGEX_BYTES: usize = 1 << 20;

impl std::str::FromStr for TagRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (mut pattern, mut range, mut is_newest) = (None, None, false);
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (key, value) = line
                .split_once(':')
                .map_or((line, ""), |(key, value)| (key.trim(), value.trim()));
            let twice = || RuleError::Twice(key.to_owned());
            match (key, value) {
                ("newest", "") | ("order", "newest") => is_newest = true,
                ("semver", value) if !value.is_empty() => {
                    if range.replace(value.to_owned()).is_some() {
                        return Err(twice());
                    }
                }
                ("regex", value) if !value.is_empty() => {
                    if pattern.replace(value.to_owned()).is_some() {
                        return Err(twice());
                    }
                }
                _ => return Err(RuleError::Unknown(line.to_owned())),
            }
        }
        let order = match (range, is_newest) {
            (Some(_), true) => return Err(RuleError::TwoOrders),
            (Some(range), false) => {
                ranges(&range).ok_or_else(|| RuleError::Range(range.clone()))?;
                Order::Semver(range)
            }
            (None, true) => Order::Newest,
            (None, false) if pattern.is_some() => Order::Natural,
            (None, false) => return Err(RuleError::Empty),
        };
        if let Some(pattern) = &pattern {
            compile(pattern).map_err(|error| RuleError::Regex(last_line(&error.to_string())))?;
        }
        Ok(Self { pattern, order })
    }
}

impl fmt::Display for TagRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(pattern) = &self.pattern {
            write!(f, "regex {pattern}")?;
        }
        let and = if self.pattern.is_some() { ", " } else { "" };
        match &self.order {
            Order::Semver(range) => write!(f, "{and}semver {range}"),
            Order::Newest => write!(f, "{and}newest"),
            Order::Natural => Ok(()),
        }
    }
}

impl TagRule {
    /// Whether the choice needs to know when the images were created.
    pub fn needs_dates(&self) -> bool {
        self.order == Order::Newest
    }

    /// The tags that come into question, the best first; by name where dates decide.
    ///
    /// Of two tags with the same version the longer one is the better: `1.2.0` before `1.2`.
    pub fn candidates<'t>(&self, tags: &'t [String]) -> Vec<&'t str> {
        let pattern = match &self.pattern {
            None => None,
            // A rule that was read once compiles again.
            Some(pattern) => match compile(pattern) {
                Ok(pattern) => Some(pattern),
                Err(_) => return Vec::new(),
            },
        };
        let matching = tags
            .iter()
            .filter_map(|tag| Some((tag.as_str(), what_counts(pattern.as_ref(), tag)?)));
        match &self.order {
            Order::Semver(range) => {
                let ranges = ranges(range).unwrap_or_default();
                let mut versions: Vec<(Version, &str)> = matching
                    .filter_map(|(tag, text)| Some((version(text)?, tag)))
                    .filter(|(version, _)| ranges.iter().any(|range| range.matches(version)))
                    .collect();
                versions.sort_by(|(a, a_tag), (b, b_tag)| {
                    b.cmp(a)
                        .then(b_tag.len().cmp(&a_tag.len()))
                        .then(a_tag.cmp(b_tag))
                });
                versions.into_iter().map(|(_, tag)| tag).collect()
            }
            Order::Natural | Order::Newest => {
                let mut found: Vec<(&str, &str)> = matching.collect();
                found.sort_by(|(a_tag, a), (b_tag, b)| natural(b, a).then(b_tag.cmp(a_tag)));
                found.into_iter().map(|(tag, _)| tag).collect()
            }
        }
    }
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX_BYTES)
        .build()
}

/// The regex crate draws a picture first.
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

fn what_counts<'t>(pattern: Option<&Regex>, tag: &'t str) -> Option<&'t str> {
    let Some(pattern) = pattern else {
        return Some(tag);
    };
    let captures = pattern.captures(tag)?;
    let group = captures.iter().skip(1).flatten().next();
    Some(group.map_or(tag, |group| group.as_str()))
}

/// `1.2.3`, `v1.2.3-rc1`, and `1.2` and `1` with zeros added.
fn version(text: &str) -> Option<Version> {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    if let Ok(version) = Version::parse(text) {
        return Some(version);
    }
    let (numbers, suffix) = text
        .split_once('-')
        .map_or((text, None), |(numbers, suffix)| (numbers, Some(suffix)));
    let missing = match numbers.split('.').count() {
        1 => ".0.0",
        2 => ".0",
        _ => return None,
    };
    let suffix = suffix.map(|suffix| format!("-{suffix}"));
    Version::parse(&format!("{numbers}{missing}{}", suffix.unwrap_or_default())).ok()
}

/// Ranges as npm and Masterminds write them: `||` between, blanks or commas within, `1.2` and
/// `1.2.x` for all of 1.2, `1.2 - 1.4` from and to. None where one cannot be read.
fn ranges(text: &str) -> Option<Vec<VersionReq>> {
    text.split("||").map(range).collect()
}

fn range(text: &str) -> Option<VersionReq> {
    let text = text.trim();
    if let Some((from, to)) = text.split_once(" - ") {
        let from = number(from)?;
        let to = number(to)?;
        return VersionReq::parse(&format!(">={from}, <={to}")).ok();
    }
    // An operator may stand apart from its version.
    let mut parts: Vec<String> = Vec::new();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        match parts.last_mut() {
            Some(last) if last.chars().all(is_operator) => last.push_str(word),
            _ => parts.push(word.to_owned()),
        }
    }
    if parts.is_empty() {
        return None;
    }
    let comparators: Option<Vec<Comparator>> = parts
        .iter()
        .filter(|part| !matches!(part.as_str(), "*" | "x" | "X"))
        .map(|part| comparator(part))
        .collect();
    Some(VersionReq {
        comparators: comparators?,
    })
}

fn is_operator(character: char) -> bool {
    matches!(character, '<' | '>' | '=' | '~' | '^')
}

fn comparator(text: &str) -> Option<Comparator> {
    let operator: String = text.chars().take_while(|c| is_operator(*c)).collect();
    let number = number(text.get(operator.len()..)?)?;
    // Alone, a version means itself, and not what is compatible with it, as Cargo has it.
    let operator = match operator.as_str() {
        "" | "==" => "=",
        "~>" => "~",
        operator => operator,
    };
    Comparator::parse(&format!("{operator}{number}")).ok()
}

/// A version in a range, without `v` and without trailing wildcards.
fn number(text: &str) -> Option<&str> {
    let text = text.trim();
    let mut text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    while let Some(shorter) = [".x", ".X", ".*"]
        .iter()
        .find_map(|end| text.strip_suffix(end))
    {
        text = shorter;
    }
    (!text.is_empty()).then_some(text)
}

/// Digits count as numbers, everything else as text: `build-9` before `build-10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let (a_part, a_rest) = part(a);
        let (b_part, b_rest) = part(b);
        let are_numbers = [a_part, b_part]
            .iter()
            .all(|part| part.starts_with(|c: char| c.is_ascii_digit()));
        let order = if are_numbers {
            let (a, b) = (
                a_part.trim_start_matches('0'),
                b_part.trim_start_matches('0'),
            );
            a.len().cmp(&b.len()).then(a.cmp(b))
        } else {
            a_part.cmp(b_part)
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.len().cmp(&b.len())
}

/// The digits, or the text without digits, at the beginning, and the rest.
fn part(text: &str) -> (&str, &str) {
    let is_digit = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text
        .find(|c: char| c.is_ascii_digit() != is_digit)
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// `latest`, minor versions, full versions, the rest: the order in which OpenShift imports the
/// tags of a repository and lists those of a stream (library-go `imageutil.PrioritizeTags`).
pub fn prioritize<T: AsRef<str>>(tags: &mut [T]) {
    tags.sort_by(|a, b| {
        let (a, b) = (a.as_ref(), b.as_ref());
        let (a_rank, a_version) = rank(a);
        let (b_rank, b_version) = rank(b);
        a_rank
            .cmp(&b_rank)
            .then_with(|| b_version.cmp(&a_version))
            .then_with(|| match a_version {
                // Equal versions: without `v` first.
                Some(_) => a.starts_with('v').cmp(&b.starts_with('v')),
                None => Ordering::Equal,
            })
            .then_with(|| a.cmp(b))
    });
}

fn rank(tag: &str) -> (u8, Option<Version>) {
    if tag.is_empty() || tag == "latest" {
        return (0, None);
    }
    let text = tag.strip_prefix('v').unwrap_or(tag);
    if let Some(version) = minor_version(text) {
        return (1, Some(version));
    }
    match Version::parse(text) {
        Ok(version) => (
            2,
            Some(Version {
                build: BuildMetadata::EMPTY,
                ..version
            }),
        ),
        Err(_) => (3, None),
    }
}

/// `5.1` and `5.1-rc1`.
fn minor_version(text: &str) -> Option<Version> {
    let (numbers, suffix) = text
        .split_once('-')
        .map_or((text, None), |(numbers, suffix)| (numbers, Some(suffix)));
    let (major, minor) = numbers.split_once('.')?;
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if suffix.is_some_and(|suffix| !is_word(suffix)) {
        return None;
    }
    let suffix = suffix.map(|suffix| format!("-{}", suffix.replace('_', "-")));
    Version::parse(&format!("{major}.{minor}.0{}", suffix.unwrap_or_default())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(rule: &str, tags: &str) -> Vec<String> {
        let tags: Vec<String> = tags.split_whitespace().map(str::to_owned).collect();
        let rule: TagRule = rule.parse().unwrap();
        let found = rule.candidates(&tags);
        found.into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn versions_in_a_range_and_prereleases_only_where_it_names_one() {
        let tags = "latest 1.2.3 v1.2.10 1.2 1.3.0 1.2.11-rc.1 1.2.4-alpine 2.0.0 1.x sha-1";
        for (range, first) in [
            ("~1.2", Some("v1.2.10")),
            ("1.2.x", Some("v1.2.10")),
            ("1.2", Some("v1.2.10")),
            ("^1", Some("1.3.0")),
            (">= 1.2 < 1.3", Some("v1.2.10")),
            (">=1.2.0, <1.2.5", Some("1.2.3")),
            ("1.2 - 1.2.9", Some("1.2.3")),
            ("~1.2.11-0", Some("1.2.11-rc.1")),
            ("~1.4 || ~2", Some("2.0.0")),
            ("*", Some("2.0.0")),
            ("=1.2.3", Some("1.2.3")),
            ("~3", None),
        ] {
            let found = best(&format!("semver: {range}"), tags);
            assert_eq!(found.first().map(String::as_str), first, "{range}");
        }
        assert_eq!(best("semver: 1.2", "1.2 1.2.0"), ["1.2.0", "1.2"]);
    }

    #[test]
    fn a_regex_chooses_what_is_ordered() {
        let tags = "main-a1-9 main-b2-10 main-c3-010 dev-d4-11 latest 1.2.3-alpine 1.10.0-alpine";
        assert_eq!(
            best(r"regex: ^main-[0-9a-f]+-(\d+)$", tags),
            ["main-c3-010", "main-b2-10", "main-a1-9"]
        );
        assert_eq!(
            best("regex: ^(.*)-alpine$\nsemver: ^1", tags),
            ["1.10.0-alpine", "1.2.3-alpine"]
        );
        assert_eq!(best("regex: ^main-\norder: newest", tags).len(), 3);
        assert!("newest".parse::<TagRule>().unwrap().needs_dates());
        assert_eq!(best("regex: a|(b)", "xa xb"), ["xa", "xb"]);
    }

    #[test]
    fn rules_are_read_with_reasons() {
        for (rule, expected) in [
            ("", "the rule is empty"),
            ("latest", "`latest` is no rule"),
            ("semver: abc", "`abc` is no range"),
            ("semver: >=", "`>=` is no range"),
            ("regex: (", "unclosed group"),
            ("semver: 1\nsemver: 2", "`semver` stands twice"),
            ("semver: 1\norder: newest", "not both"),
        ] {
            let error = rule.parse::<TagRule>().unwrap_err().to_string();
            assert!(error.contains(expected), "{rule}: {error}");
        }
        let text = |rule: &str| rule.parse::<TagRule>().unwrap().to_string();
        assert_eq!(text("semver: ~1.2"), "semver ~1.2");
        assert_eq!(text("regex: a:b\nnewest"), "regex a:b, newest");
    }

    #[test]
    fn tags_stand_in_the_originals_order() {
        let mut tags = vec![
            "dev", "5.1.3", "v5.1", "5.2-rc1", "latest", "5.2", "5.1", "v5.1.4", "5.10.0", "alpha",
            "5.1.3-b", "5.1-a.b",
        ];
        prioritize(&mut tags);
        assert_eq!(
            tags,
            [
                "latest", "5.2", "5.2-rc1", "5.1", "v5.1", "5.10.0", "v5.1.4", "5.1.3", "5.1.3-b",
                "5.1-a.b", "alpha", "dev"
            ]
        );
    }
}
