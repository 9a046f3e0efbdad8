//! Stream tags of several environments that are one and the same on its way.

use std::collections::{BTreeMap, BTreeSet};

use crate::stream::StreamTagName;

/// One stream tag through the environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `namespace/name:tag`; without the namespace where that differs.
    pub name: String,
    /// In the order of the environments.
    pub tags: Vec<Option<StreamTagName>>,
}

/// The rows of `environments`, each with its stream tags, in order.
///
/// Streams of one name are one stream, also in different namespaces, as `promotedFrom` carries
/// their images; where an environment has several of that name, the namespace tells them apart.
pub fn rows(environments: &[Vec<StreamTagName>]) -> Vec<Row> {
    let namespaces = namespaces(environments);
    let mut found: BTreeMap<(&str, &str, &str), Vec<Option<StreamTagName>>> = BTreeMap::new();
    for (number, tags) in environments.iter().enumerate() {
        for tag in tags {
            let name = tag.stream.name.as_str();
            let namespace = match namespaces.get(name) {
                Some(Some(_)) | None => "",
                Some(None) => tag.stream.namespace.as_str(),
            };
            let row = found
                .entry((name, namespace, tag.tag.as_str()))
                .or_insert_with(|| vec![None; environments.len()]);
            if let Some(place) = row.get_mut(number) {
                *place = Some(tag.clone());
            }
        }
    }
    let mut rows: Vec<Row> = found.into_values().map(row).collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

/// By stream name: its namespaces, where no environment has two of them; else none.
fn namespaces(environments: &[Vec<StreamTagName>]) -> BTreeMap<&str, Option<BTreeSet<&str>>> {
    let mut all: BTreeMap<&str, Option<BTreeSet<&str>>> = BTreeMap::new();
    for tags in environments {
        let mut own: BTreeMap<&str, &str> = BTreeMap::new();
        for tag in tags {
            let (name, namespace) = (tag.stream.name.as_str(), tag.stream.namespace.as_str());
            let is_second = *own.entry(name).or_insert(namespace) != namespace;
            let known = all.entry(name).or_insert_with(|| Some(BTreeSet::new()));
            match known {
                Some(known) if !is_second => {
                    known.insert(namespace);
                }
                known => *known = None,
            }
        }
    }
    all
}

fn row(tags: Vec<Option<StreamTagName>>) -> Row {
    let there: Vec<&StreamTagName> = tags.iter().flatten().collect();
    let namespaces: BTreeSet<&str> = there
        .iter()
        .map(|tag| tag.stream.namespace.as_str())
        .collect();
    let name = match there.first() {
        Some(tag) if namespaces.len() == 1 => tag.to_string(),
        Some(tag) => format!("{}:{}", tag.stream.name, tag.tag),
        None => String::new(),
    };
    Row { name, tags }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(names: &[&str]) -> Vec<StreamTagName> {
        let parsed = names.iter().map(|name| StreamTagName::parse(name, "-"));
        parsed.map(Option::unwrap).collect()
    }

    fn shown(environments: &[&[&str]]) -> Vec<String> {
        let environments: Vec<_> = environments.iter().map(|names| tags(names)).collect();
        let show = |tag: &Option<StreamTagName>| match tag {
            Some(tag) => tag.to_string(),
            None => "none".to_owned(),
        };
        rows(&environments)
            .iter()
            .map(|row| {
                let tags: Vec<String> = row.tags.iter().map(show).collect();
                format!("{}: {}", row.name, tags.join(", "))
            })
            .collect()
    }

    #[test]
    fn a_stream_is_one_through_all_namespaces() {
        assert_eq!(
            shown(&[
                &["dev/web:1", "dev/web:2", "shop/api:1"],
                &["prod/web:1", "shop/api:1"]
            ]),
            [
                "dev/web:2: dev/web:2, none",
                "shop/api:1: shop/api:1, shop/api:1",
                "web:1: dev/web:1, prod/web:1",
            ]
        );
    }

    #[test]
    fn where_one_environment_has_two_of_a_name_namespaces_tell_them_apart() {
        assert_eq!(
            shown(&[&["a/web:1", "b/web:1"], &["a/web:1", "c/web:1"]]),
            [
                "a/web:1: a/web:1, a/web:1",
                "b/web:1: b/web:1, none",
                "c/web:1: none, c/web:1"
            ]
        );
    }
}
