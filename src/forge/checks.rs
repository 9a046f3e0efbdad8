//! Checks by their names, and what is posted of our own.

use std::collections::BTreeMap;

use crate::plain::plain;
use crate::pull_request::{Checks, CommitStatus, NamedCheck};

/// The newest of each name, where `id` grows.
pub struct Newest<K>(BTreeMap<K, (u64, Checks)>);

impl<K: Ord> Newest<K> {
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub fn add(&mut self, key: K, id: u64, state: Checks) {
        match self.0.get(&key) {
            Some((known, _)) if *known > id => {}
            _ => {
                self.0.insert(key, (id, state));
            }
        }
    }

    pub fn states(self) -> impl Iterator<Item = (K, Checks)> {
        self.0.into_iter().map(|(key, (_, state))| (key, state))
    }
}

/// By name; where a name comes twice, the graver.
pub fn named(checks: impl Iterator<Item = (String, Checks)>) -> Vec<NamedCheck> {
    let mut named: BTreeMap<String, Checks> = BTreeMap::new();
    for (name, state) in checks {
        let known = named.entry(name).or_insert(Checks::None);
        *known = known.and(state);
    }
    named
        .into_iter()
        .map(|(name, state)| NamedCheck { name, state })
        .collect()
}

/// A status's description as one line of at most so many characters.
pub fn description(status: &CommitStatus, most: usize) -> String {
    let text = plain(&status.description);
    if text.chars().count() <= most {
        return text.into_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_cut_between_two_characters() {
        let cut = |text: &str, most| {
            let status = CommitStatus {
                context: String::new(),
                state: Checks::Pending,
                description: text.to_owned(),
                url: None,
            };
            description(&status, most)
        };
        assert_eq!(cut("waits", 5), "waits");
        assert_eq!(cut("wartet auf März", 13), "wartet auf M…");
        assert_eq!(cut("wartet auf März", 12), "wartet auf…");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("a\nb\u{1b}[31m", 140), "a b[31m");
        assert_eq!(cut("ab", 0), "…");
    }

    #[test]
    fn the_newest_of_each_name_counts_and_of_two_systems_the_graver() {
        let mut newest = Newest::new();
        for (name, id, state) in [
            ("b", 2, Checks::Passing),
            ("b", 1, Checks::Failing),
            ("a", 1, Checks::Failing),
            ("a", 3, Checks::Pending),
        ] {
            newest.add(name.to_owned(), id, state);
        }
        let other = ("b".to_owned(), Checks::Pending);
        let found = named(newest.states().chain([other]));
        let found: Vec<(&str, Checks)> = found
            .iter()
            .map(|it| (it.name.as_str(), it.state))
            .collect();
        assert_eq!(found, [("a", Checks::Pending), ("b", Checks::Pending)]);
    }
}
