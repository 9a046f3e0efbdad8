//! Variables that give keys of the operator's file, and win over it:
//! `HEADWATER_REGISTRIES__HOSTS__0__PERMINUTE` is `registries.hosts[0].perMinute`.
//!
//! A value is a text and is never read as YAML. Two underscores lead one level down, so that the
//! variables of the command line, which have none, are never taken for keys.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use crate::config::field::nearest;
use crate::config::shape::Shape;
use crate::problem::Problem;
use crate::yaml::{Collection, Node, ScalarStyle, Value};

const PREFIX: &str = "HEADWATER_";
const LEVEL: &str = "__";

/// A setting is a name, an address, a number or a path.
pub(crate) const MAX_VALUE_BYTES: usize = 4096;
const MAX_VARIABLES: usize = 10_000;

/// Variables by their names, without [`PREFIX`]; one without a value is as if it were not there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables {
    given: BTreeMap<String, OsString>,
}

/// A value may be what must not be shown, until it is known that it is none.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.given.keys()).finish()
    }
}

/// The file's nodes with those of variables.
#[derive(Debug, Default)]
pub(crate) struct Overlaid {
    pub root: Option<Node>,
    /// The variables. A node of the one at `n` begins `n` bytes behind the
    /// file's first place that is none.
    pub names: Vec<String>,
    pub problems: Vec<Problem>,
}

impl Variables {
    /// Those of an environment that may name keys; no other is kept.
    pub fn of(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let given = environment.into_iter().filter_map(|(name, value)| {
            let name = name.to_str()?.strip_prefix(PREFIX)?;
            let is_key = name.contains(LEVEL) && !value.is_empty();
            is_key.then(|| (name.to_owned(), value))
        });
        Self {
            given: given.collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Lays the variables over the file's `root`; `end` is the first place behind the file.
    pub(crate) fn over(&self, root: Option<&Node>, end: usize) -> Overlaid {
        let mut overlaid = Overlaid {
            root: root.cloned(),
            ..Overlaid::default()
        };
        if self.given.is_empty() {
            return overlaid;
        }
        let shape = Shape::server_file();
        for (name, path, value) in self.sorted() {
            let at = end + overlaid.names.len();
            let root = overlaid.root.get_or_insert_with(|| nothing(at));
            let put = match value {
                Ok(text) => put(root, &shape, &path, text, at),
                Err(fault) => Err(Refusal::Wrong(fault)),
            };
            match put {
                Ok(()) => {}
                Err(refusal) => overlaid.problems.extend(refusal.problem(name)),
            }
            overlaid.names.push(format!("{PREFIX}{name}"));
        }
        if self.given.len() > MAX_VARIABLES {
            let message = format!("more than {MAX_VARIABLES} variables give settings");
            overlaid.problems.push(Problem::error(None, message));
        }
        overlaid.root = overlaid.root.filter(|root| !root.is_null());
        overlaid
    }

    /// A list before its items, and those by their numbers.
    fn sorted(&self) -> Vec<(&str, Vec<&str>, Result<&str, &'static str>)> {
        let given = self.given.iter().take(MAX_VARIABLES);
        let mut sorted: Vec<_> = given
            .map(|(name, value)| {
                let value = match value.to_str() {
                    _ if value.len() > MAX_VALUE_BYTES => Err("is longer than 4096 bytes"),
                    Some(value) => Ok(value),
                    None => Err("is not UTF-8"),
                };
                (name.as_str(), name.split(LEVEL).collect::<Vec<_>>(), value)
            })
            .collect();
        sorted.sort_by(|(_, a, _), (_, b, _)| {
            let key = |part: &&str| (part.parse::<usize>().ok(), (*part).to_owned());
            a.iter().map(key).cmp(b.iter().map(key))
        });
        sorted
    }
}

/// Why a variable gives nothing.
enum Refusal {
    /// No such key; what stands before it in the variable's name, it, and what there is.
    Unknown {
        before: String,
        word: String,
        known: Vec<String>,
    },
    Wrong(&'static str),
    /// The number of the list's next item.
    Gap(usize),
    HasMembers(Vec<String>),
}

impl Refusal {
    fn problem(self, name: &str) -> Option<Problem> {
        let variable = format!("{PREFIX}{name}");
        Some(match self {
            Self::Unknown {
                before,
                word,
                known,
            } => {
                let words: Vec<&str> = known.iter().map(String::as_str).collect();
                let near = nearest(&word, &words).map(|near| format!("{PREFIX}{before}{near}"));
                let message = format!("{variable}: there is no such setting");
                let is_whole = before.is_empty();
                match near {
                    Some(near) if is_whole => Problem::warning(None, message)
                        .advice(format!("did you mean {near}{LEVEL}…?")),
                    // Somebody else's.
                    None if is_whole => return None,
                    Some(near) => {
                        Problem::error(None, message).advice(format!("did you mean {near}?"))
                    }
                    None => {
                        let names = known.iter().map(|name| format!("{PREFIX}{before}{name}"));
                        let names: Vec<String> = names.collect();
                        let advice = match names.as_slice() {
                            [] => "it has no members".to_owned(),
                            names => format!("known are {}", names.join(", ")),
                        };
                        Problem::error(None, message).advice(advice)
                    }
                }
            }
            Self::Wrong(fault) => Problem::error(None, format!("{variable}: the value {fault}")),
            Self::Gap(next) => Problem::error(
                None,
                format!("{variable}: items are numbered without a gap, and the next one is {next}"),
            ),
            Self::HasMembers(members) => Problem::error(
                None,
                format!("{variable}: a value is given to what is below it"),
            )
            .advice(format!(
                "for example {variable}{LEVEL}{}",
                members.join(LEVEL)
            )),
        })
    }
}

/// The names of the file's keys on a variable's way, and what stands at its end.
fn way<'s>(shape: &'s Shape, path: &[&str]) -> Result<(Vec<Step<'s>>, &'s Shape), Refusal> {
    let mut steps = Vec::new();
    let mut shape = shape;
    let mut before = String::new();
    for word in path {
        let unknown = |known: Vec<String>| Refusal::Unknown {
            before: before.clone(),
            word: (*word).to_owned(),
            known,
        };
        let step = match shape {
            Shape::Fields(fields) => {
                let mut found = fields.iter();
                let Some((name, below)) =
                    found.find(|(name, _)| name.to_ascii_uppercase() == *word)
                else {
                    let known = fields.keys().map(|name| name.to_ascii_uppercase());
                    return Err(unknown(known.collect()));
                };
                shape = below;
                Step::Member(name)
            }
            Shape::List(below) => {
                let Some(number) = number(word) else {
                    return Err(unknown(vec!["0".to_owned()]));
                };
                shape = below;
                Step::Item(number)
            }
            Shape::Value => return Err(unknown(Vec::new())),
        };
        steps.push(step);
        before.push_str(word);
        before.push_str(LEVEL);
    }
    Ok((steps, shape))
}

enum Step<'s> {
    Member(&'s str),
    Item(usize),
}

/// Sets the value at `path`; where the file has something else on the way, that is left for the
/// file's reader to find.
fn put(
    root: &mut Node,
    shape: &Shape,
    path: &[&str],
    text: &str,
    at: usize,
) -> Result<(), Refusal> {
    let (steps, shape) = way(shape, path)?;
    let value = match shape {
        Shape::Value => scalar(text, at),
        Shape::List(_) if text.trim() == "[]" => empty_list(at),
        shape => return Err(Refusal::HasMembers(example(shape))),
    };
    let mut node = root;
    for step in steps {
        let below = match step {
            Step::Member(name) => member(node, name, at),
            Step::Item(number) => item(node, number, at)?,
        };
        let Some(below) = below else {
            return Ok(());
        };
        node = below;
    }
    *node = value;
    Ok(())
}

/// The way to the first value below.
fn example(shape: &Shape) -> Vec<String> {
    match shape {
        Shape::Value => Vec::new(),
        Shape::List(item) => {
            let mut way = vec!["0".to_owned()];
            way.extend(example(item));
            way
        }
        Shape::Fields(fields) => {
            let first = fields.iter().next();
            let mut way = Vec::new();
            if let Some((name, field)) = first {
                way.push(name.to_ascii_uppercase());
                way.extend(example(field));
            }
            way
        }
    }
}

/// Digits alone, as one writes a number.
fn number(word: &str) -> Option<usize> {
    let number: usize = word.parse().ok()?;
    (number.to_string() == word).then_some(number)
}

/// A mapping's member, made where there is none; None where the node is something else.
fn member<'n>(node: &'n mut Node, name: &str, at: usize) -> Option<&'n mut Node> {
    if node.is_null() {
        node.value = Value::Mapping {
            entries: Vec::new(),
            form: Collection::Block,
        };
        node.span = at..at;
    }
    let Value::Mapping { entries, .. } = &mut node.value else {
        return None;
    };
    let known = entries.iter().position(|(key, _)| key.text() == Some(name));
    let index = known.unwrap_or_else(|| {
        entries.push((scalar(name, at), nothing(at)));
        entries.len() - 1
    });
    entries.get_mut(index).map(|(_, value)| value)
}

/// A list's item, the next one made where it is that; None where the node is something else.
fn item(node: &mut Node, number: usize, at: usize) -> Result<Option<&mut Node>, Refusal> {
    if node.is_null() {
        if number > 0 {
            return Err(Refusal::Gap(0));
        }
        *node = empty_list(at);
    }
    let Value::Sequence { items, .. } = &mut node.value else {
        return Ok(None);
    };
    let next = items.len();
    if number == next {
        items.push(nothing(at));
    }
    match items.get_mut(number) {
        Some(item) => Ok(Some(item)),
        None => Err(Refusal::Gap(next)),
    }
}

fn empty_list(at: usize) -> Node {
    let value = Value::Sequence {
        items: Vec::new(),
        form: Collection::Flow,
    };
    Node {
        value,
        ..nothing(at)
    }
}

/// Quoted, so that `null` and `~` are texts.
fn scalar(text: &str, at: usize) -> Node {
    of_variable(text, ScalarStyle::DoubleQuoted, at)
}

fn nothing(at: usize) -> Node {
    of_variable("", ScalarStyle::Plain, at)
}

fn of_variable(text: &str, style: ScalarStyle, at: usize) -> Node {
    Node {
        span: at..at,
        value: Value::Scalar {
            text: text.to_owned(),
            style,
        },
        anchor: 0,
        tag: None,
    }
}
