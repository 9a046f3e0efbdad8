use std::collections::BTreeMap;

use crate::plain::{plain, plain_lines};
use crate::show::tabs::Tabs;

/// What stands for a text that is not there.
pub(crate) const NONE: &str = "<none>";

/// The annotation that has a row of its own.
const DESCRIPTION: &str = "description";

impl Tabs {
    /// `Label:` and a text; its further lines get an empty label.
    pub(crate) fn row(&mut self, label: &str, text: &str) {
        let text = if text.is_empty() { NONE } else { text };
        self.push(label);
        self.push(":");
        for line in plain_lines(text).split('\n') {
            self.line(format_args!("\t{line}"));
        }
    }

    /// `Label:` and `key=value`, each further one in a line of its own.
    pub(crate) fn map<'m>(
        &mut self,
        label: &str,
        entries: impl IntoIterator<Item = (&'m String, &'m String)>,
    ) {
        let entries = entries
            .into_iter()
            .map(|(key, value)| plain(&format!("{key}={value}")).into_owned());
        self.list(label, entries, NONE);
    }

    /// `Label:` and a text, each further one in a line of its own; `none` where there is none.
    pub(crate) fn list(
        &mut self,
        label: &str,
        texts: impl IntoIterator<Item = String>,
        none: &str,
    ) {
        let mut texts = texts.into_iter();
        let first = texts.next();
        self.line(format_args!(
            "{label}:\t{}",
            plain(first.as_deref().unwrap_or(none))
        ));
        for text in texts {
            self.line(format_args!("\t{}", plain(&text)));
        }
    }

    /// The description, where there is one, and the other annotations but those in `left_out`.
    pub(crate) fn annotations(&mut self, annotations: &BTreeMap<String, String>, left_out: &str) {
        if let Some(text) = annotations.get(DESCRIPTION).filter(|text| !text.is_empty()) {
            self.row("Description", text);
        }
        self.map(
            "Annotations",
            annotations
                .iter()
                .filter(|(key, _)| *key != DESCRIPTION && *key != left_out),
        );
    }
}
