//! Titles and commit messages by a repository's own templates.
//!
//! A template is text with placeholders, `if` and `for`: it computes nothing, reads nothing, and
//! ends. What can grow a value (`set`, `~`, `*`, `+`, functions, filters of its own) is not there.

use std::fmt;
use std::io;

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::environment::EnvironmentName;
use crate::plan::due::Move;
use crate::plan::promotion::Promotion;
use crate::plan::pull_request::finding::Finding;
use crate::plan::pull_request::foreign::is_unseen;
use crate::plan::pull_request::title::{harmless, title as usual_title};
use crate::plan::pull_request::{Facts, KnownForge};

/// Bytes of a template.
const LONGEST_TEMPLATE: usize = 4096;
/// Bytes of what comes out; a commit message of more is read by nobody.
const LONGEST_OUTPUT: usize = 65_536;
/// Characters of a title: GitHub's, GitLab's and Gitea's limit.
const LONGEST_TITLE: usize = 255;
/// Steps of a rendering: a few thousand are a loop over thirty moves.
const FUEL: u64 = 50_000;
/// Moves that a template sees.
const MOST_MOVES: usize = 30;

/// Why a template cannot be used: one clause, with its line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    pub line: Option<usize>,
    pub reason: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line} of the template: {}", self.reason),
            None => write!(f, "the template {}", self.reason),
        }
    }
}

/// What a template may name. Where there are several images, what is not the same for all of them
/// is empty, and `moves` has each.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Placeholders {
    environment: String,
    /// How many images move.
    count: usize,
    /// The title that stands where there is no template.
    subject: String,
    /// The environment that the images come from; empty where that is a registry.
    promoted_from: String,
    #[serde(flatten)]
    common: MovePlaceholders,
    moves: Vec<MovePlaceholders>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct MovePlaceholders {
    /// `namespace/name`
    stream: String,
    tag: String,
    /// Repository and tag as followed.
    image: String,
    /// Empty for a tag that is used by its name.
    digest: String,
    /// Its first seven digits.
    short_digest: String,
    /// Empty on a first pin.
    previous: String,
    /// Empty where it was not looked at.
    cause: String,
}

const NAMES: &[&str] = &[
    "environment",
    "count",
    "subject",
    "promotedFrom",
    "stream",
    "tag",
    "image",
    "digest",
    "shortDigest",
    "previous",
    "cause",
    "moves",
];

impl Placeholders {
    pub fn of(
        moves: &[Move],
        environment: &EnvironmentName,
        promotion: Option<&Promotion>,
        facts: &Facts,
        forges: &[KnownForge],
    ) -> Self {
        let findings: Vec<Finding<'_>> = moves
            .iter()
            .filter_map(|moved| Finding::of(moved, facts, forges))
            .collect();
        let all: Vec<MovePlaceholders> = moves
            .iter()
            .map(|moved| {
                let found = findings
                    .iter()
                    .find(|finding| finding.moved.tag == moved.tag);
                MovePlaceholders::of(moved, found.map(|finding| finding.cause.class.words()))
            })
            .collect();
        Self {
            environment: environment.to_string(),
            count: moves.len(),
            subject: usual_title(moves, environment, promotion, &findings),
            promoted_from: promotion.map(|it| it.from.to_string()).unwrap_or_default(),
            common: common(&all),
            moves: all.into_iter().take(MOST_MOVES).collect(),
        }
    }

    /// As a check of a template sees them.
    fn sample(count: usize) -> Self {
        let one = |number: usize| MovePlaceholders {
            stream: format!("dev/web{number}"),
            tag: "1.8".to_owned(),
            image: "quay.io/acme/web:1.8".to_owned(),
            digest: format!("sha256:{}", "0".repeat(64)),
            short_digest: "0".repeat(7),
            previous: format!("sha256:{}", "1".repeat(64)),
            cause: "source changed".to_owned(),
        };
        let moves: Vec<MovePlaceholders> = (0..count).map(one).collect();
        Self {
            environment: "dev".to_owned(),
            count,
            subject: "pin dev/web:1.8 to 0000000 in dev".to_owned(),
            promoted_from: String::new(),
            common: common(&moves),
            moves,
        }
    }
}

impl MovePlaceholders {
    fn of(moved: &Move, cause: Option<&'static str>) -> Self {
        let image = crate::image::Reference {
            digest: None,
            ..moved.image.clone()
        };
        let digest = moved.digest();
        let short = digest.and_then(|digest| digest.encoded().get(..7));
        Self {
            stream: harmless(&moved.tag.stream.to_string()),
            tag: harmless(&moved.tag.tag),
            image: harmless(&image.to_string()),
            digest: digest.map(ToString::to_string).unwrap_or_default(),
            short_digest: short.unwrap_or_default().to_owned(),
            previous: moved
                .previous
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            cause: cause.unwrap_or_default().to_owned(),
        }
    }
}

/// What is the same for all.
fn common(all: &[MovePlaceholders]) -> MovePlaceholders {
    let same = |field: fn(&MovePlaceholders) -> &String| {
        let first = all.first().map(field);
        let is_same = all.iter().all(|one| Some(field(one)) == first);
        first.filter(|_| is_same).cloned().unwrap_or_default()
    };
    MovePlaceholders {
        stream: same(|it| &it.stream),
        tag: same(|it| &it.tag),
        image: same(|it| &it.image),
        digest: same(|it| &it.digest),
        short_digest: same(|it| &it.short_digest),
        previous: same(|it| &it.previous),
        cause: same(|it| &it.cause),
    }
}

/// Whether a template can be used, whatever moves: its syntax, its names, and what it gives for
/// one image and for several.
pub fn check(template: &str) -> Result<(), TemplateError> {
    for count in [1, 3] {
        render(template, &Placeholders::sample(count))?;
    }
    Ok(())
}

/// One line of at most 255 characters.
pub fn title(template: &str, placeholders: &Placeholders) -> Result<String, TemplateError> {
    let text = render(template, placeholders)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !is_unseen(*c)).collect();
    let title: String = line.chars().take(LONGEST_TITLE).collect();
    if title.trim().is_empty() {
        return Err(TemplateError {
            line: None,
            reason: "gives no title".to_owned(),
        });
    }
    Ok(title.trim().to_owned())
}

/// Subject and body from the template, and the trailers behind them: the last paragraph, which is
/// where Git looks for trailers, is never the template's.
pub fn commit_message(
    template: &str,
    placeholders: &Placeholders,
    trailers: &str,
) -> Result<String, TemplateError> {
    let text = render(template, placeholders)?;
    let mut lines = text.lines().map(harmless_line).skip_while(String::is_empty);
    let subject = match lines.next() {
        Some(subject) => subject.trim().to_owned(),
        None => placeholders.subject.clone(),
    };
    let body: Vec<String> = lines.collect();
    let body = body.join("\n");
    let body = body.trim_matches('\n');
    let gap = if body.is_empty() { "" } else { "\n\n" };
    Ok(format!("{subject}{gap}{body}\n\n{}\n", trailers.trim_end()))
}

/// Git takes a line of dashes, or of scissors, for the end of a message, and looks for trailers
/// before it (`git interpret-trailers`).
fn harmless_line(line: &str) -> String {
    let line: String = line
        .chars()
        .filter(|c| *c == '\t' || !is_unseen(*c))
        .collect();
    let line = line.trim_end();
    let is_end = line.starts_with("---") || line.contains(">8") || line.contains("8<");
    format!("{}{line}", if is_end { " " } else { "" })
}

fn render(template: &str, placeholders: &Placeholders) -> Result<String, TemplateError> {
    let fail = |reason: String| TemplateError { line: None, reason };
    if template.len() > LONGEST_TEMPLATE {
        return Err(fail(format!("is longer than {LONGEST_TEMPLATE} bytes")));
    }
    refuse_computing(template)?;
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(20);
    environment.add_filter("length", minijinja::filters::length);
    environment.add_filter("upper", minijinja::filters::upper);
    environment.add_filter("lower", minijinja::filters::lower);
    environment.add_filter("first", minijinja::filters::first);
    environment.add_filter("last", minijinja::filters::last);
    let compiled = environment
        .template_from_str(template)
        .map_err(|error| sentence(&error))?;
    let unknown = compiled.undeclared_variables(false);
    let mut unknown: Vec<&String> = unknown
        .iter()
        .filter(|name| !NAMES.contains(&name.as_str()))
        .collect();
    unknown.sort();
    if let Some(name) = unknown.first() {
        let name: String = name.chars().take(40).collect();
        let known = NAMES.join(", ");
        return Err(fail(format!("names `{name}`; it may name {known}")));
    }
    let mut output = Limited(Vec::new());
    let context = minijinja::Value::from(minijinja::value::Serde(placeholders));
    compiled
        .render_captured_to(context, &mut output)
        .map_err(|error| sentence(&error))?;
    String::from_utf8(output.0).map_err(|_| fail("gives no text".to_owned()))
}

/// Nothing inside `{{ }}` and `{% %}` but names, filters, comparisons and literals.
fn refuse_computing(template: &str) -> Result<(), TemplateError> {
    for (number, line) in code_lines(template) {
        let refused = line
            .chars()
            .find(|character| matches!(character, '~' | '*' | '+' | '%' | '{'));
        let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let keyword = words.into_iter().find(|word| {
            matches!(
                *word,
                "set" | "macro" | "call" | "filter" | "include" | "import"
            )
        });
        let what = match (refused, keyword) {
            (Some(character), _) => character.to_string(),
            (None, Some(word)) => word.to_owned(),
            (None, None) => continue,
        };
        return Err(TemplateError {
            line: Some(number),
            reason: format!(
                "`{what}` is not offered; a template names placeholders, `if` and `for`"
            ),
        });
    }
    Ok(())
}

/// What stands inside the delimiters, without quoted text, with its line.
fn code_lines(template: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut line = 1;
    let mut end: Option<&str> = None;
    let mut quote: Option<char> = None;
    let mut rest = template;
    while let Some(character) = rest.chars().next() {
        let behind = rest.get(character.len_utf8()..).unwrap_or_default();
        line += usize::from(character == '\n');
        match (end, quote) {
            (None, _) => {
                let opened = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")]
                    .into_iter()
                    .find(|(start, _)| rest.starts_with(start));
                if let Some((start, close)) = opened {
                    end = Some(close);
                    found.push((line, String::new()));
                    rest = rest.get(start.len()..).unwrap_or_default();
                    continue;
                }
            }
            (Some(close), None) if rest.starts_with(close) => {
                if close == "#}" {
                    found.pop();
                }
                end = None;
                rest = rest.get(close.len()..).unwrap_or_default();
                continue;
            }
            (Some("#}"), _) => {}
            (Some(_), Some(open)) => {
                if character == '\\' {
                    rest = behind
                        .get(behind.chars().next().map_or(0, char::len_utf8)..)
                        .unwrap_or_default();
                    continue;
                }
                if character == open {
                    quote = None;
                }
            }
            (Some(_), None) if matches!(character, '"' | '\'') => quote = Some(character),
            (Some(_), None) => {
                if let Some((_, code)) = found.last_mut() {
                    code.push(character);
                }
            }
        }
        rest = behind;
    }
    found
}

/// As a clause with its line; the engine's words name no values.
fn sentence(error: &minijinja::Error) -> TemplateError {
    use minijinja::ErrorKind;
    let detail = error.detail().unwrap_or_default();
    let reason = match error.kind() {
        ErrorKind::OutOfFuel => "takes too long".to_owned(),
        ErrorKind::WriteFailure => "gives too much text".to_owned(),
        ErrorKind::UndefinedError => "something that is named there does not exist".to_owned(),
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
            format!("not offered: {detail}")
        }
        kind if detail.is_empty() => kind.to_string(),
        _ => detail.to_owned(),
    };
    let reason = crate::plain::plain(&reason).chars().take(200).collect();
    TemplateError {
        line: error.line(),
        reason,
    }
}

/// Refuses more than [`LONGEST_OUTPUT`].
struct Limited(Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST_OUTPUT {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str, count: usize) -> Result<String, String> {
        title(template, &Placeholders::sample(count)).map_err(|error| error.to_string())
    }

    #[test]
    fn placeholders_are_filled_in() {
        for (template, count, expected) in [
            (
                "chore(images): {{ subject }}",
                1,
                "chore(images): pin dev/web:1.8 to 0000000 in dev",
            ),
            (
                "{{ stream }}:{{ tag }} {{ shortDigest }}",
                1,
                "dev/web0:1.8 0000000",
            ),
            ("{{ stream }}{{ tag }}", 3, "1.8"),
            (
                "{% if count == 1 %}{{ stream }}{% else %}{{ count }} images{% endif %}",
                3,
                "3 images",
            ),
            (
                "{% for move in moves %}{{ move.stream }}\n{% endfor %}",
                3,
                "dev/web0 dev/web1 dev/web2",
            ),
            ("{{ environment|upper }} {{ moves|length }}", 3, "DEV 3"),
            ("{# a ~ comment #}{{ 'a ~ \\' + b' }}", 1, "a ~ ' + b"),
        ] {
            assert_eq!(
                rendered(template, count).as_deref(),
                Ok(expected),
                "{template}"
            );
            assert_eq!(check(template), Ok(()));
        }
    }

    #[test]
    fn what_cannot_be_used_says_why_and_where() {
        let loops = "{% for a in moves %}".repeat(5) + "x" + &"{% endfor %}".repeat(5);
        for (template, expected) in [
            (
                "a\n{{ nothing }}",
                "the template names `nothing`; it may name environment",
            ),
            ("a\n{% if count %}", "line 2 of the template: "),
            (
                "a\nb {{ subject|env }}",
                "line 2 of the template: not offered: ",
            ),
            (
                "{{ subject ~ subject }}",
                "line 1 of the template: `~` is not offered",
            ),
            (
                "a\n{{ 'a' * 999 }}",
                "line 2 of the template: `*` is not offered",
            ),
            (
                "{% set x = subject %}",
                "line 1 of the template: `set` is not offered",
            ),
            (
                "{% for a in moves %}{{ a.password }}{% endfor %}",
                "does not exist",
            ),
            ("{{ range(9) }}", "names `range`"),
            ("{{ subject.__class__ }}", "does not exist"),
            ("{% include 'x' %}", "`include` is not offered"),
            (loops.as_str(), "takes too long"),
            ("  ", "gives no title"),
            (&"x".repeat(5000), "longer than 4096 bytes"),
        ] {
            let error = title(template, &Placeholders::sample(30))
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{template:.60}: {error}");
        }
        let long = "x".repeat(3000);
        let much = format!(
            "{{% for a in moves %}}{{% for b in moves %}}{long}{{% endfor %}}{{% endfor %}}"
        );
        let error = title(&much, &Placeholders::sample(30)).unwrap_err();
        assert!(error.reason.contains("too much text"), "{error}");
    }

    #[test]
    fn a_title_is_one_line_and_a_message_ends_with_our_trailers() {
        let long = format!("a\n\u{202e}b\x1b {}", "x".repeat(300));
        let line = rendered(&long, 1).unwrap();
        assert!(
            line.starts_with("a b xxx") && line.chars().count() == 255,
            "{line}"
        );
        let template =
            "\n{{ subject }}\nbody\n\nSigned-off-by: you\n---\n# -- >8 --\n\nHeadwater-Plan: 0\n";
        let message =
            commit_message(template, &Placeholders::sample(1), "Environment: dev\n").unwrap();
        assert_eq!(
            message,
            "pin dev/web:1.8 to 0000000 in dev\n\nbody\n\nSigned-off-by: you\n ---\n # -- >8 --\n\n\
             Headwater-Plan: 0\n\nEnvironment: dev\n"
        );
        let empty = commit_message("", &Placeholders::sample(1), "Environment: dev\n").unwrap();
        assert_eq!(
            empty,
            "pin dev/web:1.8 to 0000000 in dev\n\nEnvironment: dev\n"
        );
    }
}
