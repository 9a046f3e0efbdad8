//! Labels are set by their numbers, and must be labels of the repository before.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::json;

use crate::forge::Error;
use crate::forge::gitea::Gitea;
use crate::forge::gitea::values::{Label, Pull};
use crate::pull_request::Change;

/// Labels of one repository that are looked at.
const MAX_LABELS: usize = 2000;

/// Readable under black and white text.
const COLORS: [&str; 8] = [
    "#0075ca", "#5319e7", "#a2855b", "#c2a500", "#d876e3", "#0e8a16", "#d93f0b", "#008672",
];

impl Gitea {
    /// The numbers of labels with these names; those that are missing are made.
    pub(crate) fn label_ids(&self, names: &BTreeSet<String>) -> Result<Vec<u64>, Error> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.known_labels(names)?;
        let id = |name: &String| match known.get(name) {
            Some(id) => Ok(*id),
            None => self.define_label(name),
        };
        names.iter().map(id).collect()
    }

    /// Two labels may have one name: the older one is meant.
    fn known_labels(&self, names: &BTreeSet<String>) -> Result<BTreeMap<String, u64>, Error> {
        let request = self.request(Method::GET, &["labels"], "list the labels");
        let mut known = BTreeMap::new();
        self.each(&request, MAX_LABELS, &mut |label: Label| {
            if names.contains(&label.name) {
                let id: &mut u64 = known.entry(label.name).or_insert(label.id);
                *id = label.id.min(*id);
            }
            true
        })?;
        Ok(known)
    }

    fn define_label(&self, name: &str) -> Result<u64, Error> {
        let body = json!({"name": name, "color": color_of(name)});
        let request = self.request(Method::POST, &["labels"], "make a label");
        let label: Label = self.written(&request.body(body))?;
        Ok(label.id)
    }

    /// Whether anything was to be changed.
    pub(crate) fn change_labels(
        &self,
        number: u64,
        before: &Pull,
        change: &Change,
    ) -> Result<bool, Error> {
        let has: BTreeMap<&str, u64> = before
            .labels
            .iter()
            .flatten()
            .map(|label| (label.name.as_str(), label.id))
            .collect();
        let is_new = |name: &&String| !has.contains_key(name.as_str());
        let added: BTreeSet<String> = change.added_labels.iter().filter(is_new).cloned().collect();
        let number = number.to_string();
        if !added.is_empty() {
            let body = json!({"labels": self.label_ids(&added)?});
            let below = ["issues", &number, "labels"];
            let request = self.request(Method::POST, &below, "add labels").body(body);
            self.written::<Vec<Label>>(&request)?;
        }
        let is_kept = |name: &&String| !change.added_labels.contains(*name);
        let removed = change.removed_labels.iter().filter(is_kept);
        let removed: Vec<u64> = removed
            .filter_map(|name| has.get(name.as_str()).copied())
            .collect();
        for id in &removed {
            let below = ["issues", &number, "labels", &id.to_string()];
            let request = self.request(Method::DELETE, &below, "remove a label");
            let answer = self.client.write(&request)?;
            answer.check(self.client.host(), &request)?;
        }
        Ok(!added.is_empty() || !removed.is_empty())
    }
}

/// The same for the same name.
fn color_of(name: &str) -> &'static str {
    let sum: usize = name.bytes().map(usize::from).sum();
    COLORS.get(sum % COLORS.len()).copied().unwrap_or("#0075ca")
}
