//! A draft is a word at the start of the title.

use crate::forge::Error;
use crate::forge::gitlab::GitLab;
use crate::pull_request::Change;

const PREFIX: &str = "Draft: ";
/// What GitLab takes for it, in any case of letters; the last two until version 14.
const PREFIXES: [&str; 5] = ["draft:", "[draft]", "(draft)", "wip:", "[wip]"];

/// The title that people wrote.
pub fn without_prefix(title: &str, is_draft: bool) -> &str {
    let mut rest = title;
    if is_draft {
        while let Some(shorter) = without_one(rest) {
            rest = shorter;
        }
    }
    rest
}

fn without_one(title: &str) -> Option<&str> {
    PREFIXES.iter().find_map(|prefix| {
        let (start, rest) = title.split_at_checked(prefix.len())?;
        start
            .eq_ignore_ascii_case(prefix)
            .then(|| rest.trim_start())
    })
}

/// The title that makes it a draft, or not.
pub fn with_prefix(title: &str, is_draft: bool) -> String {
    if is_draft {
        format!("{PREFIX}{title}")
    } else {
        title.to_owned()
    }
}

/// The title to be written, if it is to change; what is not named stays as it is there.
pub fn changed(gitlab: &GitLab, number: u64, change: &Change) -> Result<Option<String>, Error> {
    Ok(match (&change.title, change.is_draft) {
        (None, None) => None,
        (Some(title), Some(is_draft)) => Some(with_prefix(title, is_draft)),
        (Some(title), None) => {
            let now = gitlab.merge_request(number)?;
            Some(with_prefix(title, now.draft))
        }
        (None, Some(is_draft)) => {
            let now = gitlab.merge_request(number)?;
            let title = without_prefix(&now.title, now.draft);
            (now.draft != is_draft).then(|| with_prefix(title, is_draft))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_taken_off_a_draft_only() {
        for (title, is_draft, expected) in [
            ("Draft: pin web", true, "pin web"),
            ("draft:pin web", true, "pin web"),
            ("[Draft] Draft: pin web", true, "pin web"),
            ("WIP: pin web", true, "pin web"),
            ("Drafts: pin web", true, "Drafts: pin web"),
            ("Draft: pin web", false, "Draft: pin web"),
            ("é", true, "é"),
            ("pin web", true, "pin web"),
        ] {
            assert_eq!(without_prefix(title, is_draft), expected, "{title}");
        }
        assert_eq!(with_prefix("pin web", true), "Draft: pin web");
        assert_eq!(with_prefix("pin web", false), "pin web");
    }
}
