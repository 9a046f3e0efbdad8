//! Types and names on the command line, as `oc` takes them.

use crate::cli::error::CliError;
use crate::show::Kind;

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Each kind with its names; no names stand for all of them.
    pub kinds: Vec<(Kind, Vec<String>)>,
    /// Whether the output says of each thing which kind it is.
    pub is_mixed: bool,
}

impl Wanted {
    /// Reads `TYPE[,TYPE…] [NAME…]` or `TYPE/NAME…`.
    pub fn parse(words: &[String]) -> Result<Self, CliError> {
        let Some((first, names)) = words.split_first() else {
            return Err(
                CliError::usage("you must specify the type of resource").hint(KNOWN.to_owned())
            );
        };
        if first.contains('/') {
            return Self::pairs(words);
        }
        if first.eq_ignore_ascii_case("all") {
            // What OpenShift's category `all` has of these.
            return Ok(Self {
                kinds: vec![(Kind::Stream, names.to_vec())],
                is_mixed: true,
            });
        }
        if let Some(name) = names.iter().find(|name| name.contains('/')) {
            return Err(CliError::usage(format!(
                "there is no need to specify a resource type as a separate argument when passing \
                 arguments in resource/name form, as in `{name}`"
            )));
        }
        let kinds: Result<Vec<_>, _> = first
            .split(',')
            .map(|text| Ok((kind(text)?, names.to_vec())))
            .collect();
        let kinds = kinds?;
        Ok(Self {
            is_mixed: kinds.len() > 1,
            kinds,
        })
    }

    fn pairs(words: &[String]) -> Result<Self, CliError> {
        let mut kinds: Vec<(Kind, Vec<String>)> = Vec::new();
        for word in words {
            let (text, name) = word
                .split_once('/')
                .filter(|(_, name)| !name.is_empty())
                .ok_or_else(|| {
                    CliError::usage(format!("`{word}` is not of the form TYPE/NAME"))
                        .hint("write is/web istag/web:1, or is web api")
                })?;
            let kind = kind(text)?;
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, names)) => names.push(name.to_owned()),
                None => kinds.push((kind, vec![name.to_owned()])),
            }
        }
        Ok(Self {
            is_mixed: kinds.len() > 1,
            kinds,
        })
    }
}

const KNOWN: &str = "the types are is, istag, isimage, imagetag, images and triggers";

fn kind(text: &str) -> Result<Kind, CliError> {
    Kind::parse(text).ok_or_else(|| {
        CliError::usage(format!("headwater has no resource type \"{text}\"")).hint(format!(
            "{KNOWN}; everything else is in its files, and in the cluster"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(line: &str) -> Result<Vec<String>, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let wanted = Wanted::parse(&words).map_err(|error| error.to_string())?;
        Ok(wanted
            .kinds
            .iter()
            .map(|(kind, names)| format!("{} {}", kind.short(), names.join(" ")))
            .collect())
    }

    #[test]
    fn types_and_names_are_read_in_both_forms() {
        assert_eq!(wanted("is"), Ok(vec!["is ".to_owned()]));
        assert_eq!(
            wanted("imagestream web api"),
            Ok(vec!["is web api".to_owned()])
        );
        assert_eq!(
            wanted("is,istag"),
            Ok(vec!["is ".to_owned(), "istag ".to_owned()])
        );
        assert_eq!(
            wanted("is/web istag/web:1 is/api"),
            Ok(vec!["is web api".to_owned(), "istag web:1".to_owned()])
        );
        assert_eq!(wanted("all"), Ok(vec!["is ".to_owned()]));
        for (line, expected) in [
            ("", "you must specify the type of resource"),
            ("pods", "no resource type \"pods\""),
            ("is/", "not of the form TYPE/NAME"),
            ("is/web api", "not of the form TYPE/NAME"),
            ("is is/web", "there is no need to specify a resource type"),
        ] {
            let error = wanted(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
