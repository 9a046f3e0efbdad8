use granit_parser::ScalarStyle;

/// Where a scalar stands: brackets and commas end a plain one inside a flow collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    Block,
    Flow,
    /// Strings stand in double quotes, with escapes that JSON has too.
    Json,
}

/// `text` as a scalar that every reader takes for a string: plain where that is safe.
pub(crate) fn write(text: &str, context: Context) -> String {
    if context != Context::Json && is_plain(text, context) {
        text.to_owned()
    } else if context != Context::Json && text.contains('"') && fits_single(text, context) {
        // JSON text in an annotation stays legible.
        single(text)
    } else {
        double(text)
    }
}

/// `text` in the style of the scalar that it replaces, or in double quotes where that style
/// cannot hold it.
pub(crate) fn rewrite(text: &str, style: ScalarStyle, context: Context) -> String {
    match style {
        ScalarStyle::Plain if context != Context::Json && is_plain(text, context) => {
            text.to_owned()
        }
        ScalarStyle::SingleQuoted if fits_single(text, context) => single(text),
        _ => double(text),
    }
}

fn fits_single(text: &str, context: Context) -> bool {
    context != Context::Json
        && !text.chars().any(needs_escape)
        && (!text.contains('\'') || !text.contains('"'))
}

fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Double quotes, with escapes that both YAML and JSON know.
fn double(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if needs_escape(character) => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Control characters, byte order marks and the line breaks of Unicode.
fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Whether `text` may stand without quotes and is then a string to every reader.
pub(crate) fn is_plain(text: &str, context: Context) -> bool {
    const INDICATORS: &str = "-?:,[]{}#&*!|>'\"%@`=~";
    let Some(first) = text.chars().next() else {
        return false;
    };
    let flow_safe = context == Context::Block || !text.contains([',', '[', ']', '{', '}']);
    !INDICATORS.contains(first)
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
        && !text.starts_with("...")
        && !text.ends_with(':')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(needs_escape)
        && flow_safe
        && reads_as_string(text)
}

/// Whether a plain `text` is a string by YAML 1.1 and by the core schema of YAML 1.2.
///
/// Types: <https://yaml.org/type/>, and <https://yaml.org/spec/1.2.2/#103-core-schema>.
pub(crate) fn reads_as_string(text: &str) -> bool {
    const WORDS: [&str; 11] = [
        "null", "true", "false", "yes", "no", "on", "off", "y", "n", "~", "",
    ];
    let lower = text.to_ascii_lowercase();
    !(WORDS.contains(&lower.as_str())
        || matches!(text, "<<" | "=")
        || is_number(&lower)
        || is_time(&lower))
}

/// Integers and floats in any base, with `_`, in sixties (`1:30`), infinite or none at all.
fn is_number(lower: &str) -> bool {
    let digits = lower.strip_prefix(['+', '-']).unwrap_or(lower);
    if matches!(digits, ".inf" | ".nan" | "inf" | "infinity" | "nan") {
        return true;
    }
    let all = |text: &str, good: fn(u8) -> bool| !text.is_empty() && text.bytes().all(good);
    for prefix in ["0x", "0o", "0b"] {
        if let Some(rest) = digits.strip_prefix(prefix) {
            return all(rest, |byte| byte.is_ascii_hexdigit() || byte == b'_');
        }
    }
    let (number, exponent) = match digits.split_once('e') {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (digits, None),
    };
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if !all(exponent, |byte| byte.is_ascii_digit() || byte == b'_') {
            return false;
        }
    }
    number.bytes().any(|byte| byte.is_ascii_digit())
        && number.bytes().filter(|byte| *byte == b'.').count() <= 1
        && all(number, |byte| {
            byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b':' | b',')
        })
}

/// A date, alone or with a time behind it.
fn is_time(lower: &str) -> bool {
    let mut parts = lower.splitn(3, '-');
    let number = |part: Option<&str>, lengths: std::ops::RangeInclusive<usize>| {
        part.is_some_and(|part| {
            lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    if !number(parts.next(), 4..=4) || !number(parts.next(), 1..=2) {
        return false;
    }
    let rest = parts.next().unwrap_or_default();
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    number(rest.strip_suffix(after), 1..=2)
        && (after.is_empty() || after.starts_with(['t', ' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_readers_take_for_something_else_is_quoted() {
        for text in [
            "",
            "~",
            "null",
            "Null",
            "TRUE",
            "false",
            "yes",
            "No",
            "on",
            "OFF",
            "y",
            "n",
            "1",
            "+1",
            "-1",
            "1_000",
            "0x1F",
            "0o17",
            "017",
            "0b11",
            "1.10",
            ".5",
            "5.",
            "1e3",
            "1E+3",
            "1.5e-3",
            ".inf",
            "-.INF",
            ".nan",
            "1:30",
            "190:20:30.15",
            "2024-01-01",
            "2024-1-1",
            "2026-11-21T07:41:00Z",
            "2001-12-14 21:59:43.10 -5",
            "<<",
            "=",
            "- a",
            "-",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "&a",
            "*a",
            "!a",
            "%a",
            "@a",
            "`a",
            "|",
            ">",
            "'a",
            "\"a",
            "[a",
            "{a",
            " a",
            "a ",
            "a\nb",
            "a\tb",
            "a\u{85}b",
            "---",
            "...",
            "? a",
            "\u{feff}a",
            "1e1000",
            "12e3",
        ] {
            assert!(!is_plain(text, Context::Block), "{text:?}");
            let quoted = write(text, Context::Block);
            let read: serde_yaml::Value = serde_yaml::from_str(&quoted).unwrap();
            assert_eq!(read, serde_yaml::Value::from(text), "{quoted}");
            let json: String = serde_json::from_str(&write(text, Context::Json)).unwrap();
            assert_eq!(json, text);
        }
    }

    #[test]
    fn what_stays_a_string_stays_plain() {
        for text in [
            "nginx",
            "nginx:1.10",
            "1.10.3",
            "v1",
            "1.10-alpine",
            "1a2b3c4",
            "5d6e7f8",
            "2024.01.01",
            "2024-01-01-nightly",
            "sha256:0e1",
            "localhost:5000/a@sha256:00",
            "a#b",
            "é",
            "a, b",
            "nullable",
            "1-2",
            "0xyz",
        ] {
            assert!(is_plain(text, Context::Block), "{text:?}");
            let read: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
            assert_eq!(read, serde_yaml::Value::from(text));
        }
        assert!(!is_plain("a, b", Context::Flow));
        assert!(!is_plain("a]", Context::Flow));
    }

    #[test]
    fn json_text_stands_in_single_quotes() {
        assert_eq!(write("{\"a\":1}", Context::Block), "'{\"a\":1}'");
        assert_eq!(
            write("{\"a\":\"it's\"}", Context::Block),
            "\"{\\\"a\\\":\\\"it's\\\"}\""
        );
        assert_eq!(write("{\"a\":1}", Context::Json), "\"{\\\"a\\\":1}\"");
    }

    #[test]
    fn a_style_is_kept_while_it_can_hold_the_text() {
        use ScalarStyle::{DoubleQuoted, Plain, SingleQuoted};
        for (text, style, expected) in [
            ("b", Plain, "b"),
            ("1.11", Plain, "\"1.11\""),
            ("it's", SingleQuoted, "'it''s'"),
            ("a\nb", SingleQuoted, "\"a\\nb\""),
            ("b", DoubleQuoted, "\"b\""),
        ] {
            assert_eq!(rewrite(text, style, Context::Block), expected);
        }
        assert_eq!(rewrite("b", Plain, Context::Json), "\"b\"");
    }
}
