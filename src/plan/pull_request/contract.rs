//! The run-time contract of an image: what those who run it rely on.

use std::collections::{BTreeMap, BTreeSet};

use crate::image::Configuration;
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::markdown::Inline;
use crate::plan::pull_request::origin::is_told;
use crate::plan::pull_request::secret::{is_secret_name, is_secret_value};

/// What stands in place of a secret within a command.
const HIDDEN: &str = "(hidden)";

/// One thing that is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractChange {
    pub field: Field,
    /// The name of a variable or a label.
    pub name: Option<Foreign>,
    pub before: Inline,
    pub after: Inline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    Entrypoint,
    Command,
    Environment,
    Ports,
    User,
    Volumes,
    WorkingDirectory,
    StopSignal,
    HealthCheck,
    /// No part of how it runs, mostly; told, and not counted.
    Label,
}

impl Field {
    pub const ALL: [Self; 10] = [
        Self::Entrypoint,
        Self::Command,
        Self::Environment,
        Self::Ports,
        Self::User,
        Self::Volumes,
        Self::WorkingDirectory,
        Self::StopSignal,
        Self::HealthCheck,
        Self::Label,
    ];

    /// As image configurations call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Entrypoint => "Entrypoint",
            Self::Command => "Cmd",
            Self::Environment => "Env",
            Self::Ports => "ExposedPorts",
            Self::User => "User",
            Self::Volumes => "Volumes",
            Self::WorkingDirectory => "WorkingDir",
            Self::StopSignal => "StopSignal",
            Self::HealthCheck => "Healthcheck",
            Self::Label => "Label",
        }
    }
}

impl ContractChange {
    pub fn is_label(&self) -> bool {
        self.field == Field::Label
    }

    pub fn title(&self) -> Inline {
        let field = Inline::of(self.field.words());
        match &self.name {
            Some(name) => field.words(" ").code(name.clone()),
            None => field,
        }
    }
}

/// What differs, in the order of [`Field::ALL`], labels last.
pub fn changes(before: &Configuration, after: &Configuration) -> Vec<ContractChange> {
    let mut changes = Vec::new();
    let mut words = |field, old: &[String], new: &[String]| {
        if old != new {
            changes.push(whole(field, command_line(old), command_line(new)));
        }
    };
    words(Field::Entrypoint, &before.entrypoint, &after.entrypoint);
    words(Field::Command, &before.command, &after.command);
    changes.extend(named(
        Field::Environment,
        &variables(&before.environment),
        &variables(&after.environment),
    ));
    for (field, old, new) in [
        (Field::Ports, &before.exposed_ports, &after.exposed_ports),
        (Field::Volumes, &before.volumes, &after.volumes),
    ] {
        let (old, new): (BTreeSet<_>, BTreeSet<_>) = (old.iter().collect(), new.iter().collect());
        if old != new {
            changes.push(whole(field, names(&old), names(&new)));
        }
    }
    for (field, old, new) in [
        (Field::User, &before.user, &after.user),
        (
            Field::WorkingDirectory,
            &before.working_dir,
            &after.working_dir,
        ),
        (Field::StopSignal, &before.stop_signal, &after.stop_signal),
    ] {
        if old != new {
            changes.push(whole(field, text(old.as_deref()), text(new.as_deref())));
        }
    }
    if before.healthcheck != after.healthcheck {
        let (old, new) = (&before.healthcheck, &after.healthcheck);
        changes.push(whole(
            Field::HealthCheck,
            command_line(old),
            command_line(new),
        ));
    }
    // Those that say where the image comes from stand on the first screen.
    let labels = |configuration: &Configuration| -> BTreeMap<String, String> {
        let labels = configuration.labels.iter();
        labels
            .filter(|(key, _)| !is_told(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    changes.extend(named(Field::Label, &labels(before), &labels(after)));
    changes.sort_by_key(|change| change.field);
    changes
}

fn whole(field: Field, before: Inline, after: Inline) -> ContractChange {
    ContractChange {
        field,
        name: None,
        before,
        after,
    }
}

fn text(text: Option<&str>) -> Inline {
    match text {
        Some(text) if is_secret_value(text) => masked(text),
        Some(text) => Inline::of_code(Foreign::new(text)),
        None => Inline::of("none"),
    }
}

fn names(names: &BTreeSet<&String>) -> Inline {
    const MOST: usize = 10;
    if names.is_empty() {
        return Inline::of("none");
    }
    let codes = names
        .iter()
        .map(|name| Inline::of_code(Foreign::name(name)));
    Inline::new().list(codes, MOST)
}

/// The words of a command, each that may be a secret without its value.
fn command_line(words: &[String]) -> Inline {
    if words.is_empty() {
        return Inline::of("none");
    }
    let mut shown = Vec::new();
    let mut is_secret_next = false;
    for word in words {
        let (name, value) = word
            .split_once('=')
            .map_or((word.as_str(), None), |(n, v)| (n, Some(v)));
        let is_option = word.starts_with('-');
        shown.push(match value {
            _ if is_secret_next && !is_option => HIDDEN.to_owned(),
            Some(value) if is_secret_name(name) || is_secret_value(value) => {
                format!("{name}={HIDDEN}")
            }
            _ if is_secret_value(word) => HIDDEN.to_owned(),
            _ if word.is_empty() || word.contains(char::is_whitespace) => format!("\"{word}\""),
            _ => word.clone(),
        });
        is_secret_next = is_option && value.is_none() && is_secret_name(word);
    }
    Inline::of_code(Foreign::new(&shown.join(" ")))
}

/// `NAME=value`, the last one where a name stands twice.
fn variables(environment: &[String]) -> BTreeMap<String, String> {
    environment
        .iter()
        .map(|line| line.split_once('=').unwrap_or((line, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn named(
    field: Field,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<ContractChange> {
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    all.into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let (old, new) = (before.get(name), after.get(name));
            let is_secret = is_secret_name(name)
                || [old, new]
                    .into_iter()
                    .flatten()
                    .any(|value| is_secret_value(value));
            let (before, after) = match (old, new) {
                (Some(old), Some(new)) if !is_secret => {
                    let (old, new) = Foreign::pair(old, new);
                    (Inline::of_code(old), Inline::of_code(new))
                }
                (old, new) => (value(old, is_secret), value(new, is_secret)),
            };
            ContractChange {
                field,
                name: Some(Foreign::name(name)),
                before,
                after,
            }
        })
        .collect()
}

fn value(text: Option<&String>, is_secret: bool) -> Inline {
    match text {
        None => Inline::of("not set"),
        Some(text) if is_secret => masked(text),
        Some(text) => Inline::of_code(Foreign::new(text)),
    }
}

/// A length tells a rotation from a loss, and little else.
fn masked(text: &str) -> Inline {
    Inline::of("(hidden, ")
        .count(text.chars().count(), "character", "characters")
        .words(")")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        command_line(&words).plain()
    }

    #[test]
    fn secrets_in_a_command_are_not_shown() {
        for (words, expected) in [
            (&["java", "-jar", "app.jar"][..], "java -jar app.jar"),
            (&["sh", "-c", "a | b"], "sh -c \"a | b\""),
            (&["app", "--password=hunter2"], "app --password=(hidden)"),
            (
                &["app", "--api-key", "hunter2", "x"],
                "app --api-key (hidden) x",
            ),
            (&["app", "--token", "--verbose"], "app --token --verbose"),
            (&["app", "postgres://a:b@c/d"], "app (hidden)"),
            (&[], "none"),
        ] {
            assert_eq!(shown(words), expected);
        }
    }

    #[test]
    fn variables_are_compared_by_name() {
        let of =
            |lines: &[&str]| variables(&lines.iter().map(ToString::to_string).collect::<Vec<_>>());
        let changes = named(
            Field::Environment,
            &of(&["A=1", "B=2", "A=3", "DB_PASSWORD=secret"]),
            &of(&["A=4", "B=2", "C", "DB_PASSWORD=secrets"]),
        );
        let lines: Vec<String> = changes
            .iter()
            .map(|change| {
                format!(
                    "{}: {} -> {}",
                    change.title().plain(),
                    change.before.plain(),
                    change.after.plain()
                )
            })
            .collect();
        assert_eq!(
            lines,
            [
                "Env A: 3 -> 4",
                "Env C: not set -> ",
                "Env DB_PASSWORD: (hidden, 6 characters) -> (hidden, 7 characters)"
            ]
        );
    }
}
