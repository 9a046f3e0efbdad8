//! Text from elsewhere, made safe to show: it cannot steer a terminal or reorder a line.

use std::borrow::Cow;

/// `text` without control characters (C0, DEL, C1, so no escape sequence starts) and without
/// the marks that change the direction of writing. A tab or a line break becomes a space.
pub fn plain(text: &str) -> Cow<'_, str> {
    filtered(text, |character| match character {
        '\n' | '\t' => Some(' '),
        _ => visible(character),
    })
}

/// The same for text of several lines: line breaks and tabs stay.
pub fn plain_lines(text: &str) -> Cow<'_, str> {
    filtered(text, |character| match character {
        '\n' | '\t' => Some(character),
        _ => visible(character),
    })
}

fn visible(character: char) -> Option<char> {
    let steers = character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (!steers).then_some(character)
}

fn filtered(text: &str, keep: impl Fn(char) -> Option<char>) -> Cow<'_, str> {
    if text
        .chars()
        .all(|character| keep(character) == Some(character))
    {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter_map(keep).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_left_out() {
        for (text, expected) in [
            ("web:1.2", "web:1.2"),
            ("a\x1b[31mb", "a[31mb"),
            ("a\x1b]0;title\x07b", "a]0;titleb"),
            ("a\u{9b}31mb", "a31mb"),
            ("a\rb\x08c\x7fd", "abcd"),
            ("a\nb\tc", "a b c"),
            ("a\u{202e}b\u{2066}c", "abc"),
            ("für 東京", "für 東京"),
        ] {
            assert_eq!(plain(text), expected);
        }
        assert_eq!(plain_lines("a\n\tb\x1b[2J"), "a\n\tb[2J");
    }

    #[test]
    fn clean_text_is_not_copied() {
        assert!(matches!(plain("clean"), Cow::Borrowed(_)));
    }
}
