use std::str::FromStr;

use crate::config::variables::Overlaid;
use crate::problem::{Place, Problem, Severity};
use crate::snapshot::FilePath;
use crate::yaml::{Node, Source, Value};

/// A configuration file being read, and the problems so far.
pub(crate) struct Fields<'a> {
    file: &'a FilePath,
    source: &'a Source<'a>,
    /// The variables that gave values.
    variables: &'a [String],
    pub problems: Vec<Problem>,
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing<'a> {
    File(Place),
    /// The variable's name.
    Variable(&'a str),
}

impl<'a> Fields<'a> {
    /// The reader and the file's only document. None where it cannot be read or is empty.
    pub fn new(file: &'a FilePath, source: &'a Source<'a>) -> (Self, Option<&'a Node>) {
        let mut fields = Self {
            file,
            source,
            variables: &[],
            problems: Vec::new(),
        };
        for fault in &source.faults {
            let place = Place {
                file: file.clone(),
                line: fault.at.line,
                column: fault.at.column,
            };
            fields.problems.push(Problem::error(place, &*fault.message));
        }
        let mut roots = source.documents.iter().filter_map(|d| d.root.as_ref());
        let root = roots.next();
        if let Some(second) = roots.next() {
            fields.error(second, "the file has more than one document");
        }
        (fields, root.filter(|root| !root.is_null()))
    }

    pub fn has_errors(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// The same fields, with what variables say of them.
    pub fn overlaid(mut self, overlaid: &'a Overlaid) -> (Self, Option<&'a Node>) {
        self.variables = &overlaid.names;
        self.problems.extend(overlaid.problems.iter().cloned());
        (self, overlaid.root.as_ref())
    }

    /// The first place that is none of the file's: from here on, variables stand.
    pub fn end(source: &Source<'_>) -> usize {
        source.text().len() + 1
    }

    pub fn place(&self, node: &Node) -> Place {
        let at = self.source.position(node.span.start);
        Place {
            file: self.file.clone(),
            line: at.line,
            column: at.column,
        }
    }

    pub fn standing(&self, node: &Node) -> Standing<'a> {
        let number = node.span.start.checked_sub(Self::end(self.source));
        match number.and_then(|number| self.variables.get(number)) {
            Some(name) => Standing::Variable(name),
            None => Standing::File(self.place(node)),
        }
    }

    fn problem(&self, node: &Node, message: impl Into<String>) -> Problem {
        match self.standing(node) {
            Standing::File(place) => Problem::error(place, message),
            Standing::Variable(name) => Problem::error(None, format!("{name}: {}", message.into())),
        }
    }

    pub fn error(&mut self, node: &Node, message: impl Into<String>) {
        let problem = self.problem(node, message);
        self.problems.push(problem);
    }

    /// An error in the value of `key`, where that stands.
    pub fn error_in(&mut self, node: &'a Node, key: &str, message: impl Into<String>) {
        self.error(self.get(node, key).unwrap_or(node), message);
    }

    pub fn error_with(&mut self, node: &Node, message: &str, advice: String) {
        let mut problem = self.problem(node, message);
        problem.advice = Some(advice);
        self.problems.push(problem);
    }

    pub fn warning(&mut self, node: &Node, message: impl Into<String>) {
        let mut problem = self.problem(node, message);
        problem.severity = Severity::Warning;
        self.problems.push(problem);
    }

    /// Reports what is no mapping, and members that are not `known`.
    pub fn check(&mut self, node: &'a Node, known: &[&str]) {
        if !matches!(node.value, Value::Mapping { .. }) {
            self.error(node, "a mapping is expected");
            return;
        }
        for (key, _) in node.entries() {
            let name = key.text().unwrap_or_default();
            if known.contains(&name) {
                continue;
            }
            let mut problem = self.problem(key, format!("unknown field `{name}`"));
            problem.advice = Some(match nearest(name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are {}", known.join(", ")),
            });
            self.problems.push(problem);
        }
    }

    /// A member; `null` counts as absent.
    pub fn get(&self, node: &'a Node, key: &str) -> Option<&'a Node> {
        node.get(key).filter(|member| !member.is_null())
    }

    /// A member that is a mapping with `known` members only.
    pub fn mapping(&mut self, node: &'a Node, key: &str, known: &[&str]) -> Option<&'a Node> {
        let member = self.get(node, key)?;
        self.check(member, known);
        Some(member)
    }

    pub fn text(&mut self, node: &'a Node, key: &str) -> Option<String> {
        let member = self.get(node, key)?;
        let text = member.text().map(str::to_owned);
        if text.is_none() {
            self.error(member, format!("`{key}` is a text"));
        }
        text
    }

    pub fn flag(&mut self, node: &'a Node, key: &str) -> Option<bool> {
        let member = self.get(node, key)?;
        match member.text() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => {
                self.error(member, format!("`{key}` is true or false"));
                None
            }
        }
    }

    pub fn number(&mut self, node: &'a Node, key: &str, least: usize) -> Option<usize> {
        let member = self.get(node, key)?;
        match member.text().and_then(|text| text.parse().ok()) {
            Some(number) if number >= least => Some(number),
            _ => {
                self.error(
                    member,
                    format!("`{key}` is a whole number of at least {least}"),
                );
                None
            }
        }
    }

    /// A member that one of the types reads from its text.
    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        node: &'a Node,
        key: &str,
    ) -> Option<T> {
        let member = self.get(node, key)?;
        let text = self.text(node, key)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(member, format!("`{key}`: {error}"));
                None
            }
        }
    }

    /// A member that is one of a few words.
    pub fn choice<T: Copy>(
        &mut self,
        node: &'a Node,
        key: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let member = self.get(node, key)?;
        let text = member.text().unwrap_or_default();
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let mut problem = self.problem(member, format!("`{key}` is one of {}", words.join(", ")));
        problem.advice = nearest(text, &words).map(|near| format!("did you mean `{near}`?"));
        self.problems.push(problem);
        None
    }

    /// A member that is a list; its items.
    pub fn list(&mut self, node: &'a Node, key: &str) -> &'a [Node] {
        let Some(member) = self.get(node, key) else {
            return &[];
        };
        match &member.value {
            Value::Sequence { items, .. } => items,
            _ => {
                self.error(member, format!("`{key}` is a list"));
                &[]
            }
        }
    }

    /// A member that is a list of texts, with their nodes.
    pub fn texts(&mut self, node: &'a Node, key: &str) -> Vec<(&'a Node, String)> {
        let mut texts = Vec::new();
        for item in self.list(node, key) {
            match item.text() {
                Some(text) if !text.is_empty() => texts.push((item, text.to_owned())),
                _ => self.error(item, format!("an item of `{key}` is a text")),
            }
        }
        texts
    }

    /// A member that is a time span: `10s`, `5m`, `1h 30m`.
    pub fn duration(&mut self, node: &'a Node, key: &str) -> Option<std::time::Duration> {
        let member = self.get(node, key)?;
        let parsed = member
            .text()
            .and_then(|text| text.parse::<jiff::SignedDuration>().ok())
            .and_then(|span| std::time::Duration::try_from(span).ok());
        if parsed.is_none() {
            self.error(
                member,
                format!("`{key}` is a time span, for example 5m or 1h30m"),
            );
        }
        parsed
    }

    /// A member that is a list of at most [`MOST`] texts.
    pub fn few_texts(&mut self, node: &'a Node, key: &str) -> Vec<(&'a Node, String)> {
        let mut texts = self.texts(node, key);
        if texts.len() > MOST
            && let Some(member) = self.get(node, key)
        {
            self.error(member, format!("`{key}` has more than {MOST} items"));
            texts.truncate(MOST);
        }
        texts
    }
}

/// So many items have the lists that each pass goes through again and again.
pub(crate) const MOST: usize = 100;

/// The known word that is most like `word`, if any is.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let fold = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let word = fold(&word.chars().take(100).collect::<String>());
    known
        .iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &fold(candidate)),
                *candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= candidate.len() / 3)
        .min()
        .map(|(_, candidate)| candidate)
}
