//! Text from elsewhere on a page: it cannot become markup, hide, or reorder what stands beside it.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Longer text is cut; in characters as shown.
pub const LONGEST: usize = 500;

/// `text` on one line, with what nobody could see written out as `[U+200B]`, and cut at `longest`
/// characters.
pub fn visible(text: &str, longest: usize) -> Cow<'_, str> {
    let is_clean = text.len() <= longest && !text.chars().any(|c| c.is_control() || is_hidden(c));
    if is_clean {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut length = 0;
    for character in text.chars() {
        if length >= longest {
            shown.push('…');
            break;
        }
        if matches!(character, '\n' | '\t') {
            shown.push(' ');
            length += 1;
        } else if character.is_control() || is_hidden(character) {
            let _ = write!(shown, "[U+{:04X}]", u32::from(character));
            length += 8;
        } else {
            shown.push(character);
            length += 1;
        }
    }
    Cow::Owned(shown)
}

/// Marks of direction, joiners, and others of no width ("Trojan Source").
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            // No characters, and not allowed in XML.
            | '\u{fffe}'..='\u{ffff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Writes text so that it is nothing but text, between tags and in quoted attributes; of XML too.
pub fn escape(out: &mut impl Write, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(['<', '>', '&', '"', '\'']) {
        let (clean, from) = rest.split_at(at);
        out.write_str(clean)?;
        let mut characters = from.chars();
        out.write_str(match characters.next() {
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            Some('&') => "&amp;",
            Some('"') => "&quot;",
            _ => "&#39;",
        })?;
        rest = characters.as_str();
    }
    out.write_str(rest)
}

/// [`visible`] and [`escape`]d.
pub fn shown(text: &str, longest: usize) -> String {
    let mut out = String::new();
    // A String takes everything.
    let _ = escape(&mut out, &visible(text, longest));
    out
}

/// How many bytes `text` takes on a page at most, cut at `longest` characters.
pub fn weight(text: &str, longest: usize) -> usize {
    let weigh = |character: char| match character {
        '<' | '>' | '&' | '"' | '\'' => 6,
        _ if character.is_control() || is_hidden(character) => 10,
        _ => character.len_utf8(),
    };
    text.chars().take(longest).map(weigh).sum()
}

/// A link that a reader may follow; nothing where it is another scheme or shows a login.
pub fn web_link(link: &str) -> Option<String> {
    let url = url::Url::parse(link).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let has_login = !url.username().is_empty() || url.password().is_some();
    (is_web && !has_login && link.len() <= 2_000).then(|| url.into())
}

/// A place without the login that its URL may hold.
pub fn without_login(location: &str) -> String {
    match url::Url::parse(location) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            let is_clean = url.set_username("").is_ok() && url.set_password(None).is_ok();
            if is_clean { url.into() } else { String::new() }
        }
        _ => location.to_owned(),
    }
}

/// A part of a path, or of a query.
pub fn encoded(part: &str) -> String {
    let mut out = String::new();
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'/' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// The other way round; None where that is no text.
pub fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_is_written_out() {
        for (text, expected) in [
            ("web:1", "web:1"),
            ("a\nb", "a b"),
            ("a\u{202e}b", "a[U+202E]b"),
            ("a\u{200b}\u{1b}[2J", "a[U+200B][U+001B][2J"),
            ("\u{e0041}", "[U+E0041]"),
            ("\u{ffff}", "[U+FFFF]"),
            ("für 東京", "für 東京"),
        ] {
            assert_eq!(visible(text, 100), expected);
        }
        assert_eq!(visible("abcdef", 3), "abc…");
        assert_eq!(visible("東京都", 100), "東京都");
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(
            shown("<a href=\"x\" b='c'>&amp;", 100),
            "&lt;a href=&quot;x&quot; b=&#39;c&#39;&gt;&amp;amp;"
        );
    }

    #[test]
    fn only_the_web_is_linked_to() {
        for link in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "//evil.example",
            "/path",
            "https://user:password@git.example/",
            "",
        ] {
            assert_eq!(web_link(link), None, "{link}");
        }
        assert_eq!(
            web_link("https://git.example/a\"b").as_deref(),
            Some("https://git.example/a%22b")
        );
    }

    #[test]
    fn a_place_shows_no_login() {
        for (location, expected) in [
            ("https://git.example/a.git", "https://git.example/a.git"),
            (
                "https://me:secret@git.example/a.git",
                "https://git.example/a.git",
            ),
            (
                "https://token@git.example/a.git",
                "https://git.example/a.git",
            ),
            ("/srv/git/a.git", "/srv/git/a.git"),
            ("git@git.example:a.git", "git@git.example:a.git"),
        ] {
            assert_eq!(without_login(location), expected);
        }
    }

    #[test]
    fn parts_of_paths_come_back() {
        for text in ["web:1", "a b/ü?#%\"<>", "..", ""] {
            assert_eq!(decoded(&encoded(text)).as_deref(), Some(text));
        }
        assert_eq!(decoded("%"), None);
        assert_eq!(decoded("%4"), None);
        assert_eq!(decoded("%zz"), None);
        assert_eq!(decoded("%ff"), None);
    }
}
