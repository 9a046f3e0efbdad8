//! Other tools' rules for choosing a tag, as [`SELECT`](crate::stream::SELECT) says them.

use crate::selection::TagRule;

/// A rule, and where it chooses otherwise than the one that it is made of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub text: String,
    pub differs: Vec<&'static str>,
}

/// What a tag has to match, and what of it counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filter<'t> {
    pub pattern: Option<&'t str>,
    /// As Go's `Regexp.Expand` takes it; none: the whole tag.
    pub extract: Option<&'t str>,
}

/// Flux reads only whole versions, with or without `v` (fluxcd/pkg `version.ParseVersion`).
const WHOLE_VERSION: &str = r"^v?\d+\.\d+\.\d+(?:-.+)?$";

const PRERELEASES: &str =
    "of prereleases it takes only those of a version that the range names, not all in the range";
const SHORT_VERSIONS: &str = "tags such as 1.2 count as 1.2.0";
const NUMBERS_COUNT: &str =
    "digits count as numbers: the order is the same only while all numbers have the same width";
const WHOLE_NUMBERS: &str =
    "only whole numbers are compared, and a tag that is none is not refused";

/// Flux's `semver.range`.
pub(crate) fn semver(range: &str, filter: Filter<'_>) -> Result<Rule, String> {
    let mut differs = Vec::new();
    if names_prerelease(range) {
        differs.push(PRERELEASES);
    }
    let pattern = match filter.pattern {
        None => WHOLE_VERSION.to_owned(),
        Some(_) => {
            differs.push(SHORT_VERSIONS);
            counted(filter)?
        }
    };
    finish(
        format!("regex: {pattern}\nsemver: {}", one_line(range)),
        differs,
    )
}

/// argocd-image-updater's `semver`: short versions count there too.
pub(crate) fn lenient_semver(range: Option<&str>, filter: Filter<'_>) -> Result<Rule, String> {
    let mut differs = Vec::new();
    let range = match range {
        Some(range) if names_prerelease(range) => {
            differs.push(PRERELEASES);
            range
        }
        Some(range) => range,
        None => {
            differs.push("prereleases are left out; without a constraint they were taken");
            "*"
        }
    };
    let mut text = format!("semver: {}", one_line(range));
    if filter.pattern.is_some() {
        text = format!("regex: {}\n{text}", counted(filter)?);
    }
    finish(text, differs)
}

/// The last one in the order of the alphabet.
pub(crate) fn alphabetical(filter: Filter<'_>) -> Result<Rule, String> {
    finish(format!("regex: {}", counted(filter)?), vec![NUMBERS_COUNT])
}

/// The greatest number.
pub(crate) fn numerical(filter: Filter<'_>) -> Result<Rule, String> {
    let pattern = match filter.pattern {
        None => r"^\d+$".to_owned(),
        Some(_) => counted(filter)?,
    };
    finish(format!("regex: {pattern}"), vec![WHOLE_NUMBERS])
}

/// The image that was created last.
pub(crate) fn newest(filter: Filter<'_>) -> Result<Rule, String> {
    let text = match filter.pattern {
        None => "newest".to_owned(),
        Some(_) => format!("regex: {}\norder: newest", counted(filter)?),
    };
    finish(text, Vec::new())
}

fn finish(text: String, differs: Vec<&'static str>) -> Result<Rule, String> {
    text.parse::<TagRule>().map_err(|error| error.to_string())?;
    Ok(Rule { text, differs })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a version in the range has a `-` that is no ` - ` between two.
fn names_prerelease(range: &str) -> bool {
    range
        .split_whitespace()
        .any(|word| word.len() > 1 && word.contains('-'))
}

/// The pattern with the one group that counts as its only capturing one: here the first group
/// counts, there the one that `extract` names.
fn counted(filter: Filter<'_>) -> Result<String, String> {
    let pattern = filter.pattern.unwrap_or("^.*$");
    if pattern.contains(['\n', '\r']) {
        return Err("the pattern has several lines".to_owned());
    }
    let wanted = match filter.extract.filter(|extract| !extract.is_empty()) {
        None => None,
        Some(extract) => match group_name(extract) {
            Some("0") => None,
            Some(name) => Some(name),
            None => {
                return Err(format!(
                    "`extract: {extract}` puts a text together, and here one group counts"
                ));
            }
        },
    };
    let (pattern, is_found) = only_group(pattern, wanted);
    if wanted.is_some() && !is_found {
        return Err("the pattern has no group that `extract` names".to_owned());
    }
    Ok(pattern)
}

/// The group of `$1`, `$name`, `${name}` alone.
fn group_name(extract: &str) -> Option<&str> {
    let name = extract.strip_prefix('$')?;
    let name = match name.strip_prefix('{') {
        Some(name) => name.strip_suffix('}')?,
        None => name,
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_word)).then_some(name)
}

/// Makes every group of a Go regular expression but the wanted one non-capturing.
fn only_group(pattern: &str, wanted: Option<&str>) -> (String, bool) {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let (mut number, mut is_found, mut in_class) = (0_usize, false, false);
    while let Some(character) = rest.chars().next() {
        let (one, after) = rest.split_at(character.len_utf8());
        if character == '\\' {
            let length = after.chars().next().map_or(0, char::len_utf8);
            let (escaped, after) = after.split_at(length);
            out.push_str(one);
            out.push_str(escaped);
            rest = after;
            continue;
        }
        match character {
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => {
                let (name, length) = capture(after);
                if let Some(name) = name {
                    number += 1;
                    let is_wanted = wanted.is_some_and(|it| it == name || it == number.to_string());
                    is_found |= is_wanted;
                    out.push_str(if is_wanted { "(" } else { "(?:" });
                    rest = after.get(length..).unwrap_or_default();
                    continue;
                }
            }
            _ => {}
        }
        out.push_str(one);
        rest = after;
    }
    (out, is_found)
}

/// The name (empty: it has a number only) of the group that begins behind a parenthesis, and how
/// long its name is as written; no name for one that captures nothing.
fn capture(after: &str) -> (Option<&str>, usize) {
    let Some(special) = after.strip_prefix('?') else {
        return (Some(""), 0);
    };
    let named = special
        .strip_prefix("P<")
        .or_else(|| special.strip_prefix('<'));
    match named.and_then(|named| named.split_once('>')) {
        Some((name, behind)) => (Some(name), after.len() - behind.len()),
        None => (None, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter<'t>(pattern: &'t str, extract: &'t str) -> Filter<'t> {
        Filter {
            pattern: Some(pattern),
            extract: Some(extract),
        }
    }

    fn best(rule: &Rule, tags: &[&str]) -> Option<String> {
        let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
        let rule: TagRule = rule.text.parse().unwrap();
        rule.candidates(&tags).first().map(ToString::to_string)
    }

    #[test]
    fn a_range_of_flux_takes_whole_versions_only() {
        let rule = semver(">=1.0.0 <2", Filter::default()).unwrap();
        assert_eq!(rule.differs, [""; 0]);
        let tags = [
            "1",
            "1.9",
            "1.2.3",
            "v1.3.0",
            "1.4.0-rc.1",
            "2.0.0",
            "latest",
        ];
        assert_eq!(best(&rule, &tags).as_deref(), Some("v1.3.0"));
        assert_eq!(
            semver("^1.0.0-0", Filter::default()).unwrap().differs,
            [PRERELEASES]
        );
        assert!(semver("!=1.0.0", Filter::default()).is_err());
    }

    #[test]
    fn the_group_that_is_extracted_is_the_one_that_counts() {
        for (pattern, extract, expected) in [
            (
                r"^main-(?P<sha>[a-f0-9]+)-(?P<ts>[0-9]+)",
                "$ts",
                r"^main-(?:[a-f0-9]+)-([0-9]+)",
            ),
            (r"^(a)-(b)-(?<v>.*)$", "${v}", r"^(?:a)-(?:b)-(.*)$"),
            (r"^(a)-(\d+)$", "$2", r"^(?:a)-(\d+)$"),
            (r"^(?:x)\((\d+)[(]$", "$1", r"^(?:x)\((\d+)[(]$"),
            (r"^(a|b)$", "", r"^(?:a|b)$"),
            (r"^(a|b)$", "$0", r"^(?:a|b)$"),
        ] {
            assert_eq!(counted(filter(pattern, extract)).as_deref(), Ok(expected));
        }
        for (pattern, extract) in [
            (r"^(a)(b)$", "$1.$2"),
            (r"^(a)$", "$2"),
            (r"^(a)$", "a"),
            ("a\nb", ""),
        ] {
            assert!(counted(filter(pattern, extract)).is_err(), "{extract}");
        }
    }

    #[test]
    fn flux_policies_choose_the_same_tag_here() {
        let build = filter(r"^main-[a-f0-9]+-(?P<n>[0-9]+)$", "$n");
        let tags = ["main-aa-9", "main-bb-10", "dev-cc-11"];
        assert_eq!(
            best(&numerical(build).unwrap(), &tags).as_deref(),
            Some("main-bb-10")
        );
        let release = filter(r"^RELEASE\.(?P<timestamp>.*)Z$", "$timestamp");
        let tags = [
            "RELEASE.2023-01-31T02-24-19Z",
            "RELEASE.2023-02-09T05-16-53Z",
            "RELEASE.2022-12-12T19-27-27Z",
            "latest",
        ];
        let rule = alphabetical(release).unwrap();
        assert_eq!(
            best(&rule, &tags).as_deref(),
            Some("RELEASE.2023-02-09T05-16-53Z")
        );
        assert_eq!(rule.differs, [NUMBERS_COUNT]);
        assert_eq!(
            best(&numerical(Filter::default()).unwrap(), &["9", "10", "x"]).as_deref(),
            Some("10")
        );
        assert_eq!(newest(Filter::default()).unwrap().text, "newest");
        assert_eq!(
            lenient_semver(None, Filter::default()).unwrap().text,
            "semver: *"
        );
    }
}
