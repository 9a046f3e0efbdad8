//! What is read back of a body as a forge returns it: ticked boxes, and the history.

use std::collections::BTreeSet;

use crate::plan::pull_request::body::{HISTORY, HistoryEntry};
use crate::plan::pull_request::foreign::without_github_keys;
use crate::plan::pull_request::markdown::{Mark, push_encoded};
use crate::stream::StreamTagName;

/// The beginning of the line that ends what is ours; what people write below it is theirs.
pub const END: &str = "<!-- headwater:v1";

const REBUILD: &str = "<!-- headwater:rebuild -->";
const HOLD: &str = "<!-- headwater:hold ";
const CLOSE: &str = " -->";
/// Lines of a body that are looked at.
const MOST_LINES: usize = 5000;
/// A longer name has no checkbox.
const LONGEST_NAME: usize = 800;

/// What somebody asked for by ticking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// Rebuild the branch on the current base, whatever else is on it.
    pub rebuild: bool,
    /// Hold these at the digests that they have.
    pub hold: BTreeSet<StreamTagName>,
}

/// The box that rebuilds a branch.
#[derive(Clone, Copy, Debug)]
pub struct RebuildBox;

impl Mark for RebuildBox {
    fn comment(&self) -> String {
        REBUILD.to_owned()
    }
}

/// The box that holds a stream tag.
#[derive(Clone, Debug)]
pub struct HoldBox(String);

impl HoldBox {
    /// None for a name that is too long to be one, or that would not be read back.
    pub fn of(tag: &StreamTagName) -> Option<Self> {
        let mut name = String::new();
        push_encoded(&mut name, &tag.to_string(), |byte| {
            matches!(byte, b'.' | b'_' | b'/' | b':' | b'-')
        });
        // `--` does not stand in a comment (HTML, and CommonMark before 0.31).
        let name = without_github_keys(&name.replace("--", "-%2D"), "%2D");
        (name.len() <= LONGEST_NAME && hold_name(&name).as_ref() == Some(tag)).then_some(Self(name))
    }
}

impl Mark for HoldBox {
    fn comment(&self) -> String {
        format!("{HOLD}{}{CLOSE}", self.0)
    }
}

/// The boxes that are ticked. Forges rewrite `[ ]` to `[x]`, people write `[X]` and `*`.
pub fn ticks(body: &str) -> Ticks {
    let mut ticks = Ticks::default();
    for line in ours(body) {
        let Some(text) = ticked(line) else { continue };
        if text.ends_with(REBUILD) {
            ticks.rebuild = true;
        } else if let Some((_, rest)) = text.rsplit_once(HOLD)
            && let Some(name) = rest.strip_suffix(CLOSE)
        {
            ticks.hold.extend(hold_name(name));
        }
    }
    ticks
}

/// The history that a body tells, oldest first.
pub fn history(body: &str) -> Vec<HistoryEntry> {
    ours(body)
        .skip_while(|line| !line.starts_with(HISTORY))
        .skip(1)
        .take_while(|line| *line != "</details>")
        .filter_map(|line| {
            let (time, text) = line.strip_prefix("- ")?.split_once(": ")?;
            let fence = text.chars().take_while(|c| *c == '`').count();
            let inner = text.get(fence..text.len().checked_sub(fence)?)?;
            let is_padded = inner.starts_with(" `") || inner.ends_with("` ");
            Some(HistoryEntry {
                time: time.to_owned(),
                text: if is_padded { inner.trim() } else { inner }.to_owned(),
            })
        })
        .collect()
}

fn ours(body: &str) -> impl Iterator<Item = &str> {
    body.lines()
        .take(MOST_LINES)
        .map(str::trim)
        .take_while(|line| !line.starts_with(END))
}

/// The text behind a ticked box.
fn ticked(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(['-', '*', '+'])?.trim_start();
    let rest = rest
        .strip_prefix("[x]")
        .or_else(|| rest.strip_prefix("[X]"))?;
    Some(rest.trim())
}

fn hold_name(encoded: &str) -> Option<StreamTagName> {
    let mut bytes = Vec::new();
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    let name = String::from_utf8(bytes).ok()?;
    // The namespace is always written.
    name.contains('/')
        .then(|| StreamTagName::parse(&name, ""))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_read_as_forges_return_them() {
        let tag = StreamTagName::new("dev", "a--b", "1.8");
        let hold = HoldBox::of(&tag).unwrap().comment();
        assert_eq!(hold, "<!-- headwater:hold dev/a-%2Db:1.8 -->");
        let body = |boxes: &str| {
            format!(
                "text\r\n{boxes} Rebuild {REBUILD}\r\n{boxes} Hold {hold}\r\n{END} plan=1 -->\r\n- [x] {REBUILD}"
            )
        };
        let all = Ticks {
            rebuild: true,
            hold: [tag].into(),
        };
        for boxes in ["- [x]", "* [X]", "  - [x]", "+ [x]"] {
            assert_eq!(ticks(&body(boxes)), all, "{boxes}");
        }
        for boxes in ["- [ ]", "-[]", "[x]", "> - [x]", "- x", "`- [x]"] {
            assert_eq!(ticks(&body(boxes)), Ticks::default(), "{boxes}");
        }
    }

    #[test]
    fn names_come_back_whatever_is_in_them() {
        for (stream, tag) in [
            ("web", "1.8"),
            ("-->", "<!--"),
            ("a---b", "--"),
            ("%2D", "%"),
            ("gh-1", "GH-2"),
            ("a b\n", "\u{202e}é"),
        ] {
            let name = StreamTagName::new("ns", stream, tag);
            let mark = HoldBox::of(&name).unwrap().comment();
            let inner = mark
                .strip_prefix("<!--")
                .unwrap()
                .strip_suffix("-->")
                .unwrap();
            assert!(!inner.contains("--") && !inner.contains('>') && mark.is_ascii());
            let found = ticks(&format!("- [x] text {mark}")).hold;
            assert_eq!(found, [name].into(), "{mark}");
        }
        assert!(HoldBox::of(&StreamTagName::new("ns", &"x".repeat(900), "1")).is_none());
        assert!(HoldBox::of(&StreamTagName::new("", "x", "1")).is_none());
        for bad in ["%", "%zz", "%ff", "x:1", "a/b/c:1", ""] {
            assert_eq!(hold_name(bad), None, "{bad}");
        }
    }
}
