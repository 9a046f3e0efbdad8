//! Text of others: what registries, manifests and file names say, made safe before it is kept.

use std::fmt;

/// Characters of a name that are shown; no name of Kubernetes or of a registry that people read is
/// longer.
pub const NAME: usize = 128;
/// Characters of a value that are shown.
const VALUE: usize = 160;

/// Text that somebody else wrote. Nothing but [`Foreign::new`] and its kind makes one, and what
/// they keep is one line that no reader of the raw text takes for more than text:
///
/// - a character that steers, hides or reorders (CVE-2021-42574, tag characters) is shown as
///   `\u{202e}`;
/// - `@` of a mention, `#` of an issue and `<` of a tag, a comment or a marker are shown so too: in
///   a code span no forge acts on them, but GitLab looks for `Closes #1` and bots look for their
///   commands in the raw text;
/// - so is the space in `Closes https://…` and `Fixes ABC-1`, for the same reason, and what
///   switches checks off: a squash makes a commit message of the body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Foreign(String);

impl Foreign {
    /// A value, cut when it is long.
    pub fn new(text: &str) -> Self {
        Self::cut(text, VALUE)
    }

    /// A name: of an image, a stream tag, a file, a field.
    pub fn name(text: &str) -> Self {
        Self::cut(text, NAME)
    }

    /// At most about so many characters, escapes counted.
    pub fn cut(text: &str, most: usize) -> Self {
        let mut safe = String::new();
        let mut length = 0;
        let mut before = ' ';
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            if length >= most {
                safe.push('…');
                break;
            }
            let after = characters.peek().copied().unwrap_or(' ');
            if is_harmless(before, character, after) {
                safe.push(character);
                length += 1;
            } else {
                let escape = escaped(character);
                length += escape.len();
                safe.push_str(&escape);
            }
            before = character;
        }
        let safe = without_closing_words(&without_switches(&safe));
        Self(without_github_keys(&safe, "\\u{2d}"))
    }

    /// For two values that differ: long ones are cut where they are still the same, so that what
    /// differs is seen.
    pub fn pair(before: &str, after: &str) -> (Self, Self) {
        let same = before
            .chars()
            .zip(after.chars())
            .take_while(|(a, b)| a == b)
            .count();
        let is_long = before.chars().count().max(after.chars().count()) > VALUE;
        let skipped = same.saturating_sub(20);
        if !is_long || skipped == 0 {
            return (Self::new(before), Self::new(after));
        }
        let end = |text: &str| {
            let rest: String = text.chars().skip(skipped).collect();
            Self::new(&format!("…{rest}"))
        };
        (end(before), end(after))
    }

    /// As it may stand in a code span.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it may stand in plain text, where forges look for links too.
    pub fn bare(&self) -> String {
        self.0.replace("://", "\\u{3a}//")
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn escaped(character: char) -> String {
    character.escape_unicode().to_string()
}

fn is_harmless(before: char, character: char, after: char) -> bool {
    match character {
        // An image is written `name@sha256:…`, and a JSON path `[?(@.name=="api")]`.
        '@' => (before.is_ascii_alphanumeric() && after == 's') || (before == '(' && after == '.'),
        '#' => !after.is_alphanumeric(),
        '!' | '&' | '$' | '%' => !after.is_ascii_digit(),
        '<' => !(after.is_ascii_alphabetic() || matches!(after, '!' | '/' | '?')),
        _ => !is_unseen(character),
    }
}

/// `[skip ci]`, `***NO_CI***` and their kind; `containers[0]` and `src/**` stay.
fn without_switches(text: &str) -> String {
    let mut safe = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_switch = match character {
            '[' => characters.peek().is_some_and(|next| next.is_alphabetic()),
            '*' => safe.ends_with("**"),
            _ => false,
        };
        if is_switch {
            safe.push_str(&escaped(character));
        } else {
            safe.push(character);
        }
    }
    safe
}

/// `GH-1` is `#1` to GitHub; `mark` takes the place of its hyphen.
pub fn without_github_keys(text: &str, mark: &str) -> String {
    let mut safe = String::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('-') {
        let end = head.get(head.len().saturating_sub(2)..).unwrap_or_default();
        let is_key =
            end.eq_ignore_ascii_case("gh") && tail.starts_with(|c: char| c.is_ascii_digit());
        safe.push_str(head);
        safe.push_str(if is_key { mark } else { "-" });
        rest = tail;
    }
    safe + rest
}

/// Characters that are not seen, or change how others are seen: Unicode's controls, formats and
/// separators of lines, letters without a shape, and selectors that can carry hidden bytes.
pub fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{8e2}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Takes the space out of `Closes https://…/issues/1` and `Fixes ABC-1`; `#1` is none any more.
fn without_closing_words(text: &str) -> String {
    let mut safe = String::new();
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        safe.push_str(word);
        if let Some(next) = words.peek() {
            let joins = closes(word) && (next.is_empty() || names_issue(next));
            safe.push_str(if joins { "\\u{20}" } else { " " });
        }
    }
    safe
}

/// GitHub's, GitLab's and Gitea's words, with whatever stands before them.
fn closes(word: &str) -> bool {
    let word = word.trim_end_matches(':').to_ascii_lowercase();
    let start = word.rfind(|c: char| !c.is_ascii_alphabetic());
    let verb = match start {
        Some(at) => word
            .get(at..)
            .map(|end| end.trim_start_matches(|c: char| !c.is_ascii_alphabetic())),
        None => Some(word.as_str()),
    };
    ["clos", "fix", "resolv", "implement"]
        .iter()
        .any(|root| verb.is_some_and(|verb| verb.starts_with(root)))
}

fn names_issue(word: &str) -> bool {
    let is_key = word.split_once('-').is_some_and(|(key, number)| {
        !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && number.starts_with(|c: char| c.is_ascii_digit())
    });
    is_key || word.contains("://") || word.to_ascii_lowercase().starts_with("issue")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_shown_as_what_it_is() {
        for (text, expected) in [
            (
                "quay.io/acme/api:1.8@sha256:61ab",
                "quay.io/acme/api:1.8@sha256:61ab",
            ),
            (
                "-Xmx512m $JAVA_OPTS #!/bin/sh",
                "-Xmx512m $JAVA_OPTS #!/bin/sh",
            ),
            (
                "a\u{202e}b\u{200b}c\u{e0041}d",
                "a\\u{202e}b\\u{200b}c\\u{e0041}d",
            ),
            ("a\r\nb\tc\0", "a\\u{d}\\u{a}b\\u{9}c\\u{0}"),
            ("@team ping, x@y", "\\u{40}team ping, x\\u{40}y"),
            (
                "Closes #1, o/r#2 !3 $4",
                "Closes \\u{23}1, o/r\\u{23}2 \\u{21}3 \\u{24}4",
            ),
            ("Closes https://x/1", "Closes\\u{20}https://x/1"),
            ("(fixes:  ABC-1", "(fixes:\\u{20} ABC-1"),
            ("closes the door", "closes the door"),
            ("<!-- headwater:v1 -->", "\\u{3c}!-- headwater:v1 -->"),
            ("<img src=x>", "\\u{3c}img src=x>"),
            ("1 < 2", "1 < 2"),
            ("für 東京", "für 東京"),
        ] {
            assert_eq!(Foreign::new(text).as_str(), expected);
        }
    }

    #[test]
    fn what_acts_in_a_commit_message_is_shown_too() {
        for (text, expected) in [
            ("quay.io/acme/api-gh:1", "quay.io/acme/api-gh:1"),
            (
                "[skip ci] ***NO_CI***",
                "\\u{5b}skip ci] **\\u{2a}NO_CI**\\u{2a}",
            ),
            (
                "a[0].b[?(@.name==\"x\")] src/**",
                "a[0].b[?(@.name==\"x\")] src/**",
            ),
            ("https://x/GH-1-2", "https\\u{3a}//x/GH\\u{2d}1-2"),
        ] {
            assert_eq!(Foreign::new(text).bare(), expected);
        }
    }

    #[test]
    fn long_text_is_cut_escapes_and_all() {
        assert_eq!(Foreign::cut("abcdef", 3).as_str(), "abc…");
        assert_eq!(Foreign::cut("abc", 3).as_str(), "abc");
        let long = Foreign::new(&"\u{e0041}".repeat(10_000));
        assert!(long.as_str().len() < 200, "{long}");
    }

    #[test]
    fn what_differs_far_behind_is_seen() {
        let same = "x".repeat(500);
        let (before, after) = Foreign::pair(&format!("{same}1"), &format!("{same}2"));
        assert!(before.as_str().ends_with('1') && after.as_str().ends_with('2'));
        assert_eq!(Foreign::pair("a", "b").0.as_str(), "a");
    }
}
