//! `image mirror`: from the words of the command line and of its files to what is copied where
//! (oc `pkg/cli/image/mirror/mappings.go`, `pkg/cli/image/imagesource/reference.go`).

use std::collections::BTreeSet;

use crate::image::{Endpoint, Reference, Repository, Tag, matches_wildcards};
use crate::verb::Refused;

/// Stands for the tag while the rest of a reference with wildcards is read.
const ANY_TAG: &str = "tag";

/// One SRC=DST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub source: Source,
    pub to: Repository,
    /// None: the source's, or no tag at all where the source has none.
    pub tag: Option<Tag>,
}

/// What is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// With a tag or a digest.
    Image(Reference),
    /// The tags that match, of which the registry has to be asked; `*` is any run of characters.
    Tags {
        repository: Repository,
        pattern: String,
    },
}

/// One image to one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    pub source: Reference,
    pub to: Repository,
    /// None: the image is only there by its digest.
    pub tag: Option<Tag>,
}

/// `SRC DST [DST…]`, or `SRC=DST…`; empty where there are no words.
pub fn mappings(words: &[String]) -> Result<Vec<Mapping>, Refused> {
    const ALL: &str = "all arguments must be valid SRC=DST mappings";
    let mut bare = Vec::new();
    let mut pairs = Vec::new();
    for word in words {
        match word.split_once('=') {
            Some((source, to)) if !source.is_empty() && !to.is_empty() => pairs.push((source, to)),
            Some(_) => return Err(Refused::new(ALL)),
            None => bare.push(word.as_str()),
        }
    }
    if let Some((source, targets)) = bare.split_first() {
        // The original forgets words without `=` where another one has it.
        if targets.is_empty() || !pairs.is_empty() {
            return Err(Refused::new(format!(
                "{ALL}, or you must specify one SRC argument and one or more DST arguments"
            )));
        }
        let targets = targets.iter().filter(|to| !to.is_empty());
        pairs.extend(targets.map(|to| (*source, *to)));
    }
    pairs
        .into_iter()
        .map(|(source, to)| mapping(source, to))
        .collect()
}

/// The mappings of a file: those of each line, without what stands behind a `#`.
pub fn mappings_of_file(name: &str, text: &str) -> Result<Vec<Mapping>, Refused> {
    let mut all = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let found = mappings(&words).map_err(|refused| Refused {
            message: format!("file {name}, line {}: {}", number + 1, refused.message),
            hint: refused.hint,
        })?;
        all.extend(found);
    }
    Ok(all)
}

fn mapping(source: &str, to: &str) -> Result<Mapping, Refused> {
    let source = self::source(source)?;
    let to = reference(to)?;
    if to.digest.is_some() {
        return Err(Refused::new(
            "you must specify a tag for DST or leave it blank to only push by digest",
        ));
    }
    // Before any registry is asked: how many tags match today decides nothing.
    if matches!(source, Source::Tags { .. }) && to.tag.is_some() {
        return Err(Refused::new(
            "when source contains wildcards, the destination must be a repository",
        ));
    }
    Ok(Mapping {
        source,
        to: to.repository,
        tag: to.tag,
    })
}

/// What a SRC means.
pub fn source(text: &str) -> Result<Source, Refused> {
    let all_of = |repository, pattern: &str| Source::Tags {
        repository,
        pattern: pattern.to_owned(),
    };
    if let Some((name, pattern)) = text.rsplit_once(':')
        && pattern.contains('*')
        && pattern.chars().all(is_in_pattern)
    {
        let named = reference(&format!("{name}:{ANY_TAG}"))?;
        if named.tag.is_none() || named.digest.is_some() {
            return Err(Refused::new("source expansion is only possible in tags"));
        }
        return Ok(all_of(named.repository, pattern));
    }
    let named = reference(text)?;
    Ok(match (&named.tag, &named.digest) {
        (None, None) => all_of(named.repository, "*"),
        _ => Source::Image(named),
    })
}

/// Those of the tags that a pattern means.
pub fn matching(pattern: &str, tags: &[String]) -> Vec<Tag> {
    let found = tags.iter().filter(|tag| matches_wildcards(pattern, tag));
    found.filter_map(|tag| tag.parse().ok()).collect()
}

fn is_in_pattern(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.' | '-' | '*')
}

fn reference(text: &str) -> Result<Reference, Refused> {
    for (scheme, instead) in [
        ("file://", "`skopeo copy docker://IMAGE dir:FOLDER`"),
        (
            "s3://",
            "`skopeo copy docker://IMAGE dir:FOLDER`, and upload the folder",
        ),
    ] {
        if text.starts_with(scheme) {
            let what = format!("{text}: images go from registry to registry here, not {scheme}");
            return Err(Refused::new(what).hint(format!("use {instead}")));
        }
    }
    text.parse()
        .map_err(|error| Refused::new(format!("{text:?} is not a valid image reference: {error}")))
}

impl Mapping {
    /// Whose tags have to be asked for.
    pub fn listed(&self) -> Option<&Repository> {
        match &self.source {
            Source::Tags { repository, .. } => Some(repository),
            Source::Image(_) => None,
        }
    }

    /// What is copied, with the tags that the source has; they count only where
    /// [`Mapping::listed`] names a repository.
    pub fn copies(&self, tags: &[String]) -> Vec<Copy> {
        match &self.source {
            Source::Image(source) => vec![Copy {
                tag: self.tag.clone().or_else(|| source.tag.clone()),
                source: source.clone(),
                to: self.to.clone(),
            }],
            Source::Tags {
                repository,
                pattern,
            } => matching(pattern, tags)
                .into_iter()
                .map(|tag| Copy {
                    source: Reference {
                        repository: repository.clone(),
                        tag: Some(tag.clone()),
                        digest: None,
                    },
                    to: self.to.clone(),
                    tag: Some(tag),
                })
                .collect(),
        }
    }

    /// For messages: `REPOSITORY:PATTERN`, or the reference.
    pub fn source_text(&self) -> String {
        match &self.source {
            Source::Image(source) => source.to_string(),
            Source::Tags {
                repository,
                pattern,
            } => format!("{repository}:{pattern}"),
        }
    }
}

impl Copy {
    /// `REPOSITORY[:TAG]`, as written.
    pub fn destination(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}:{tag}", self.to),
            None => self.to.to_string(),
        }
    }
}

/// Refuses what contradicts itself: two images for one tag, and an image that would be copied to
/// itself. Names are compared by what they mean: `nginx` is `docker.io/library/nginx`.
pub fn check(copies: &[Copy]) -> Result<(), Refused> {
    let mut taken: BTreeSet<(Endpoint, &Tag)> = BTreeSet::new();
    for copy in copies {
        let to = Reference {
            repository: copy.to.clone(),
            tag: copy.tag.clone(),
            digest: None,
        };
        if copy.source.is_same(&to) {
            return Err(Refused::new("SRC and DST may not be the same"));
        }
        if let Some(tag) = &copy.tag
            && !taken.insert((copy.to.endpoint(), tag))
        {
            return Err(Refused::new(format!(
                "each destination tag may only be specified once: {}",
                copy.destination()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn copies(line: &str, tags: &[&str]) -> Vec<String> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        mappings(&words(line))
            .unwrap()
            .iter()
            .flat_map(|mapping| mapping.copies(&tags))
            .map(|copy| format!("{} -> {}", copy.source, copy.destination()))
            .collect()
    }

    #[test]
    fn both_forms_say_what_goes_where() {
        for (line, expected) in [
            ("a.io/x:1 b.io/y:2", vec!["a.io/x:1 -> b.io/y:2"]),
            ("a.io/x:1 b.io/y", vec!["a.io/x:1 -> b.io/y:1"]),
            (
                "a.io/x:1 b.io/y:2 c.io/z",
                vec!["a.io/x:1 -> b.io/y:2", "a.io/x:1 -> c.io/z:1"],
            ),
            (
                "a.io/x:1=b.io/y:2 a.io/x:2=b.io/y:3",
                vec!["a.io/x:1 -> b.io/y:2", "a.io/x:2 -> b.io/y:3"],
            ),
            (
                "a.io/x:1.* b.io/y",
                vec!["a.io/x:1.0 -> b.io/y:1.0", "a.io/x:1.1 -> b.io/y:1.1"],
            ),
            (
                "a.io/x b.io/y",
                vec![
                    "a.io/x:1.0 -> b.io/y:1.0",
                    "a.io/x:1.1 -> b.io/y:1.1",
                    "a.io/x:2 -> b.io/y:2",
                ],
            ),
            ("a.io/x:3* b.io/y", vec![]),
        ] {
            assert_eq!(copies(line, &["1.0", "1.1", "2"]), expected, "{line}");
        }
        let by_digest = copies(&format!("a.io/x@{DIGEST} b.io/y"), &[]);
        assert_eq!(by_digest, [format!("a.io/x@{DIGEST} -> b.io/y")]);
        let both = copies(&format!("a.io/x:1@{DIGEST} b.io/y"), &[]);
        assert_eq!(both, [format!("a.io/x:1@{DIGEST} -> b.io/y:1")]);
    }

    #[test]
    fn bad_words_are_refused_as_the_original_refuses_them() {
        let all = "all arguments must be valid SRC=DST mappings";
        let or =
            format!("{all}, or you must specify one SRC argument and one or more DST arguments");
        let to_digest = format!("a.io/x:1 b.io/y@{DIGEST}");
        for (line, expected) in [
            ("a.io/x:1=", all),
            ("=b.io/y", all),
            ("a.io/x:1", or.as_str()),
            ("a.io/x:1=b.io/y c.io/z", or.as_str()),
            (
                &to_digest,
                "you must specify a tag for DST or leave it blank to only push by digest",
            ),
            (
                "a.io/x:* b.io/y:1",
                "when source contains wildcards, the destination must be a repository",
            ),
            (
                "a.io/x b.io/y:1",
                "when source contains wildcards, the destination must be a repository",
            ),
            (
                "a.io/X:1 b.io/y",
                "\"a.io/X:1\" is not a valid image reference: repository name must be lowercase",
            ),
        ] {
            let refused = mappings(&words(line)).unwrap_err();
            assert_eq!(refused.message, expected, "{line}");
        }
        for (line, instead) in [
            ("a.io/x:1 file://x:1", "dir:FOLDER"),
            ("file://x:1 b.io/y", "dir:FOLDER"),
            ("a.io/x:1 s3://s3.amazonaws.com/r/b/x", "upload the folder"),
        ] {
            let refused = mappings(&words(line)).unwrap_err();
            assert!(
                refused.message.contains("from registry to registry"),
                "{refused}"
            );
            assert!(refused.hint.unwrap().contains(instead), "{line}");
        }
    }

    #[test]
    fn a_file_has_a_mapping_a_line_and_comments() {
        let text = "# all of them\n\na.io/x:1=b.io/y:1 # this one\n  a.io/x:2   b.io/y c.io/z\n";
        assert_eq!(mappings_of_file("m", text).unwrap().len(), 3);
        let refused = mappings_of_file("m.txt", "a.io/x:1 b.io/y\n\nalone").unwrap_err();
        assert!(
            refused
                .message
                .starts_with("file m.txt, line 3: all arguments must be valid"),
            "{refused}"
        );
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let check_line = |line: &str| {
            let copies: Vec<Copy> = mappings(&words(line))
                .unwrap()
                .iter()
                .flat_map(|mapping| mapping.copies(&["1".to_owned()]))
                .collect();
            check(&copies).map_err(|refused| refused.message)
        };
        let twice = "each destination tag may only be specified once: b.io/y:1";
        for line in [
            "a.io/x:1=b.io/y:1 a.io/z:1=b.io/y:1",
            "a.io/x=b.io/y a.io/z:1=b.io/y",
        ] {
            assert_eq!(check_line(line), Err(twice.to_owned()), "{line}");
        }
        let same = "SRC and DST may not be the same";
        for line in [
            "a.io/x:1 a.io/x",
            "nginx docker.io/library/nginx",
            "a.io/x:1 a.io/x:1",
        ] {
            assert_eq!(check_line(line), Err(same.to_owned()), "{line}");
        }
        assert_eq!(check_line("a.io/x:1 a.io/x:2"), Ok(()));
        // No tag is set, so none is set twice.
        let other = DIGEST.replace("0123", "4567");
        let line = format!("a.io/x@{DIGEST}=b.io/y a.io/x@{other}=b.io/y");
        assert_eq!(check_line(&line), Ok(()));
    }
}
