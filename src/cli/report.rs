//! Colours laid over the text that a plan prints of itself.

use std::fmt::Write as _;

use crate::cli::style::{Role, Styles};

/// A plan's text in colours; without colours it is the same text.
pub fn painted(report: &str, styles: Styles) -> String {
    if !styles.is_on() {
        return report.to_owned();
    }
    let mut text = String::with_capacity(report.len());
    for line in report.lines() {
        let _ = match split(line) {
            Some((role, head, rest)) => writeln!(text, "{}{rest}", styles.paint(role, head)),
            None => writeln!(text, "{line}"),
        };
    }
    text
}

/// What of the line is coloured, from its start, and how.
fn split(line: &str) -> Option<(Role, &str, &str)> {
    let word = line.split([' ', ':', ',']).next()?;
    let role = match word {
        "environment" => return Some((Role::Heading, line, "")),
        "" if line.starts_with("    ") => return Some((Role::Muted, line, "")),
        "create" | "rebuild" | "commit" | "edit" => Role::Good,
        "delete" => Role::Removed,
        "waiting" => Role::Warning,
        "STREAM" => return Some((Role::Heading, line, "")),
        "open" => Role::Good,
        "keep" | "nothing" => Role::Muted,
        _ => return None,
    };
    let (head, rest) = line.split_at_checked(word.len())?;
    Some((role, head, rest))
}

/// A unified diff in colours.
pub fn painted_diff(diff: &str, styles: Styles) -> String {
    let mut text = String::with_capacity(diff.len());
    for line in diff.lines() {
        let role = match line.get(..1) {
            _ if line.starts_with("+++") || line.starts_with("---") => Some(Role::Heading),
            Some("+") => Some(Role::Added),
            Some("-") => Some(Role::Removed),
            Some("@") => Some(Role::Hint),
            Some("d") => Some(Role::Heading),
            _ => None,
        };
        let _ = match role {
            Some(role) => writeln!(text, "{}", styles.paint(role, line)),
            None => writeln!(text, "{line}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::cli::style::ColorWhen;

    use super::*;

    const REPORT: &str = "\
environment default: 2 stream tags

create headwater/default/shop.web
  shop/web:1  ghcr.io/shop/web:1  none -> 00e87522922d
    apps/web.yaml:12:16  image

nothing to do
";

    #[test]
    fn without_colours_the_text_stays() {
        assert_eq!(painted(REPORT, Styles::none()), REPORT);
        let diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";
        assert_eq!(painted_diff(diff, Styles::none()), diff);
    }

    #[test]
    fn verbs_are_green_and_details_are_dim() {
        let styles = Styles::decide(ColorWhen::Always, false, |_| None);
        let text = painted(REPORT, styles);
        assert!(text.contains("\x1b[32mcreate\x1b[0m headwater/default/shop.web\n"));
        assert!(text.contains("\n  shop/web:1  ghcr.io"));
        assert!(text.contains("\x1b[2m    apps/web.yaml:12:16  image\x1b[0m\n"));
    }
}
