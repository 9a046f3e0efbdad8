//! `--filter-by-os` of `image mirror` and `image info` (oc `pkg/cli/image/manifest`,
//! `FilterOptions`).

use std::str::FromStr;

use regex::Regex;

use crate::copying::Platforms;
use crate::image::Platform;

/// Which images of an index are meant.
#[derive(Clone, Debug)]
pub enum PlatformFilter {
    /// `linux/amd64,linux/arm`: each as it stands; one without a variant matches each variant.
    List(Vec<Platform>),
    /// Anywhere in `os/architecture[/variant]`, as the original has it.
    Expression(Regex),
}

/// A text that is neither.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--filter-by-os was not a valid regular expression: {0}")]
pub struct PlatformFilterError(String);

impl FromStr for PlatformFilter {
    type Err = PlatformFilterError;

    fn from_str(text: &str) -> Result<Self, PlatformFilterError> {
        let is_plain = |text: &str| {
            text.chars()
                .all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '/' | '-' | '_'))
        };
        let listed: Option<Vec<Platform>> = text
            .split(',')
            .map(|text| text.parse().ok().filter(|_| is_plain(text)))
            .collect();
        match listed {
            Some(platforms) => Ok(Self::List(platforms)),
            None => Regex::new(text)
                .map(Self::Expression)
                .map_err(|error| PlatformFilterError(error.to_string())),
        }
    }
}

impl PlatformFilter {
    pub fn admits(&self, platform: &Platform) -> bool {
        match self {
            Self::List(platforms) => {
                let wanted = Platforms::Only {
                    platforms: platforms.clone(),
                    keeps_index: false,
                };
                wanted.admits(Some(platform))
            }
            Self::Expression(expression) => expression.is_match(&platform.to_string()),
        }
    }

    /// Those that are meant of an index, for a copy of it.
    pub fn among<'p>(&self, there: impl IntoIterator<Item = &'p Platform>) -> Vec<Platform> {
        let meant = there.into_iter().filter(|platform| self.admits(platform));
        meant.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_taken_word_for_word_and_anything_else_for_an_expression() {
        const THERE: [&str; 4] = [
            "linux/amd64",
            "linux/arm/v7",
            "linux/arm64",
            "windows/amd64",
        ];
        for (text, expected) in [
            ("linux/amd64", &[0][..]),
            ("linux/arm", &[1]),
            ("linux/arm/v7,windows/amd64", &[1, 3]),
            ("linux/s390x", &[]),
            (".*", &[0, 1, 2, 3]),
            ("linux/arm.*", &[1, 2]),
            ("amd64", &[0, 3]),
            ("^windows/.*|arm64", &[2, 3]),
        ] {
            let filter: PlatformFilter = text.parse().unwrap();
            let there = THERE.map(|text| text.parse::<Platform>().unwrap());
            let expected: Vec<Platform> = expected.iter().map(|i| there[*i].clone()).collect();
            assert_eq!(filter.among(&there), expected, "{text}");
        }
        let error = "linux/(".parse::<PlatformFilter>().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("--filter-by-os was not a valid regular expression"),
            "{error}"
        );
    }
}
