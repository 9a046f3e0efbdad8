//! Text in lines that fit.

use unicode_width::UnicodeWidthStr;

/// `text` behind `head`, in lines of at most `width` columns where its words allow that; those
/// after the first begin `indent` columns in.
pub fn hanging(head: &str, text: &str, indent: usize, width: Option<usize>) -> String {
    let mut lines = String::new();
    let mut line = head.to_owned();
    let mut is_empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let gap = usize::from(!is_empty);
        let is_full = width.is_some_and(|width| line.width() + gap + word.width() > width);
        if is_full && (!is_empty || line.trim_end().width() > indent) {
            lines.push_str(line.trim_end());
            lines.push('\n');
            line = " ".repeat(indent);
        } else if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push_str(line.trim_end());
    lines.push('\n');
    lines
}

/// `text` with blanks behind it, `width` columns wide.
pub fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

/// A duration in its largest unit, as narrow as can be: `45s`, `12m`, `5h`, `3d`, `2y`.
pub fn short_duration(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [
        (2 * 365 * 86_400, "y"),
        (2 * 86_400, "d"),
        (2 * 3_600, "h"),
        (2 * 60, "m"),
    ];
    let seconds = seconds.max(0);
    let unit = UNITS.into_iter().find(|(from, _)| seconds >= *from);
    match unit {
        Some((from, unit)) => format!("{}{unit}", seconds / (from / 2)),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hang_below_their_text() {
        let text = "one two three four";
        assert_eq!(hanging("- ", text, 2, None), "- one two three four\n");
        assert_eq!(
            hanging("- ", text, 2, Some(10)),
            "- one two\n  three\n  four\n"
        );
        assert_eq!(
            hanging("- ", "a-word-that-is-too-long b", 2, Some(10)),
            "- a-word-that-is-too-long\n  b\n"
        );
        assert_eq!(
            hanging("a long head ", "a-long-word", 2, Some(14)),
            "a long head\n  a-long-word\n"
        );
        assert_eq!(hanging("  a  ", "", 2, Some(14)), "  a\n");
    }

    #[test]
    fn durations_are_short() {
        for (seconds, expected) in [
            (-1, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7_199, "119m"),
            (7_200, "2h"),
            (2 * 86_400, "2d"),
            (800 * 86_400, "2y"),
        ] {
            assert_eq!(short_duration(seconds), expected);
        }
    }
}
