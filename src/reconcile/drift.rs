//! What differs between two environments beside what the bot writes: files by their paths between
//! branches, objects by kind and name on one branch.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::git::{Error, Repository};
use crate::manifest::Reach;
use crate::reconcile::cache::Cache;
use crate::reconcile::read::{is_manifest, read_tree};
use crate::reconcile::survey::Surveyed;
use crate::show::{Difference, Pair, Side, difference, human, human_objects, rows};
use crate::snapshot::FilePath;
use crate::stream::StreamTagName;
use crate::trigger::Trigger;
use crate::yaml::{MAX_FILE_BYTES, Node, Source};

/// Files that are compared; beyond them something else is wrong than drift.
const MAX_COMPARED: usize = 10_000;

/// What `to` has otherwise than `from`.
pub fn drift(
    repository: &Repository,
    from: &Surveyed,
    to: &Surveyed,
    cache: &mut Cache,
) -> Result<Pair, Error> {
    let differences = if from.snapshot.branch == to.snapshot.branch {
        by_object(repository, from, to, cache)?
    } else {
        by_path(repository, from, to, cache)?
    };
    Ok(Pair {
        from: from.environment.name.to_string(),
        to: to.environment.name.to_string(),
        differences,
    })
}

/// What an environment's paths and kustomizations lead to.
fn reach(repository: &Repository, side: &Surveyed, cache: &mut Cache) -> Result<Reach, Error> {
    let reading = read_tree(repository, side.snapshot.tree, cache)?;
    Ok(Reach::new(&reading.files, &side.environment))
}

/// The triggers whose fields are in a file.
fn triggers_of<'s>(side: &'s Surveyed, file: &FilePath) -> impl Iterator<Item = &'s Trigger> {
    let triggers = side.manifests.triggers.iter();
    let file = file.clone();
    triggers.filter(move |trigger| trigger.target.document.file == file)
}

fn too_many() -> Error {
    Error::TooLarge {
        what: "the number of files that differ".to_owned(),
        limit: MAX_COMPARED as u64,
    }
}

fn by_path(
    repository: &Repository,
    from: &Surveyed,
    to: &Surveyed,
    cache: &mut Cache,
) -> Result<Vec<Difference>, Error> {
    let reaches = [
        reach(repository, from, cache)?,
        reach(repository, to, cache)?,
    ];
    let deltas = repository.tree_deltas(from.snapshot.tree, to.snapshot.tree)?;
    if deltas.len() > MAX_COMPARED {
        return Err(too_many());
    }
    let labels = (from.environment.name.as_str(), to.environment.name.as_str());
    let mut found = Vec::new();
    for delta in deltas {
        if reaches.iter().all(|reach| !reach.holds(&delta.path)) {
            continue;
        }
        let contents = [(from, delta.before), (to, delta.after)].map(|(side, blob)| {
            let Some(blob) = blob else {
                return Ok(None);
            };
            match repository.read_blob(blob, MAX_FILE_BYTES as u64) {
                Ok(bytes) => Ok(Some((side, Some(bytes)))),
                Err(Error::TooLarge { .. }) => Ok(Some((side, None))),
                Err(error) => Err(error),
            }
        });
        let [before, after] = contents;
        let (before, after) = (before?, after?);
        let (before, after) = (
            written(before.as_ref(), &delta.path),
            written(after.as_ref(), &delta.path),
        );
        found.extend(difference(
            delta.path.as_str(),
            before.side(),
            after.side(),
            labels,
        ));
    }
    Ok(found)
}

/// What people wrote of a file, if there is one.
enum Written<'a> {
    Missing,
    Text(Cow<'a, str>),
    Opaque,
}

impl Written<'_> {
    fn side(&self) -> Side<'_> {
        match self {
            Self::Missing => Side::Missing,
            Self::Text(text) => Side::Text(text),
            Self::Opaque => Side::Opaque,
        }
    }
}

fn written<'a>(
    content: Option<&'a (&'a Surveyed, Option<Arc<[u8]>>)>,
    file: &FilePath,
) -> Written<'a> {
    match content {
        None => Written::Missing,
        Some((_, None)) => Written::Opaque,
        Some((side, Some(bytes))) => match human(bytes, triggers_of(side, file)) {
            Some(text) => Written::Text(text),
            None => Written::Opaque,
        },
    }
}

/// Kind, name and namespace.
type Key = (String, String, Option<String>);

fn by_object(
    repository: &Repository,
    from: &Surveyed,
    to: &Surveyed,
    cache: &mut Cache,
) -> Result<Vec<Difference>, Error> {
    let before = objects(repository, from, &BTreeMap::new(), cache)?;
    let after = objects(repository, to, &namespaces(from, to), cache)?;
    let labels = (from.environment.name.as_str(), to.environment.name.as_str());
    let keys: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
    let side = |text: Option<&'_ String>| match text {
        Some(text) => Written::Text(Cow::Owned(text.clone())),
        None => Written::Missing,
    };
    let differences = keys.into_iter().filter_map(|key| {
        let (kind, name, _) = key;
        let (before, after) = (side(before.get(key)), side(after.get(key)));
        difference(
            &format!("{kind}/{name}"),
            before.side(),
            after.side(),
            labels,
        )
    });
    Ok(differences.collect())
}

/// The target's own namespaces, with those of the source that stand for them: that they differ is
/// no drift.
fn namespaces(from: &Surveyed, to: &Surveyed) -> BTreeMap<String, String> {
    let tags = [from, to].map(|side| -> Vec<StreamTagName> {
        let running = crate::show::running(&side.manifests).into_iter();
        running.map(|one| one.tag).collect()
    });
    let mut found = BTreeMap::new();
    for row in rows(&tags) {
        if let [Some(source), Some(target)] = row.tags.as_slice()
            && source.stream.namespace != target.stream.namespace
        {
            let (target, source) = (&target.stream.namespace, &source.stream.namespace);
            found.insert(target.clone(), source.clone());
        }
    }
    let named = [&from.environment.namespaces, &to.environment.namespaces];
    if let [[source], [target]] = named.map(Vec::as_slice)
        && source != target
    {
        found.insert(target.clone(), source.clone());
    }
    found
}

/// What people wrote of each object of an environment, with `namespaces` replaced.
fn objects(
    repository: &Repository,
    side: &Surveyed,
    namespaces: &BTreeMap<String, String>,
    cache: &mut Cache,
) -> Result<BTreeMap<Key, String>, Error> {
    let reach = reach(repository, side, cache)?;
    let (entries, _) = repository.entries(side.snapshot.tree, |path| {
        let file = path.parse::<FilePath>();
        is_manifest(path) && file.is_ok_and(|file| reach.holds(&file))
    })?;
    if entries.len() > MAX_COMPARED {
        return Err(too_many());
    }
    let mut found = BTreeMap::new();
    for entry in entries {
        let bytes = match repository.read_blob(entry.blob, MAX_FILE_BYTES as u64) {
            Ok(bytes) => bytes,
            Err(Error::TooLarge { .. }) => continue,
            Err(error) => return Err(error),
        };
        let Some(text) = human(&bytes, triggers_of(side, &entry.path)) else {
            continue;
        };
        let source = Source::parse(text.as_bytes());
        for document in &source.documents {
            let Some(root) = &document.root else { continue };
            let all = human_objects(root);
            let is_alone = all.len() == 1;
            for (_, object) in all {
                let metadata = object.get("metadata");
                let named = |node: Option<&Node>| node.and_then(Node::text).map(str::to_owned);
                let name = named(metadata.and_then(|metadata| metadata.get("name")));
                let own = named(metadata.and_then(|metadata| metadata.get("namespace")));
                let (Some(kind), Some(name)) = (named(object.get("kind")), name) else {
                    continue;
                };
                if reach.namespaces(&entry.path, own.as_deref()).is_empty() {
                    continue;
                }
                let span = if is_alone {
                    &document.span
                } else {
                    &object.span
                };
                let text = renamed(source.slice(span), namespaces);
                let text = text.trim().trim_start_matches("---").trim_start();
                let own = own.map(|own| namespaces.get(&own).cloned().unwrap_or(own));
                found.insert((kind, name, own), format!("{text}\n"));
            }
        }
    }
    Ok(found)
}

/// `text` with whole words replaced.
fn renamed(text: &str, words: &BTreeMap<String, String>) -> String {
    let is_word = |character: char| character.is_alphanumeric() || matches!(character, '-' | '.');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word: usize = rest
            .find(|character| !is_word(character))
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(word);
        out.push_str(words.get(word).map_or(word, String::as_str));
        let other = after.find(is_word).unwrap_or(after.len());
        let (between, after) = after.split_at(other);
        out.push_str(between);
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_replaced_as_whole_words() {
        let words = BTreeMap::from([("prod".to_owned(), "dev".to_owned())]);
        assert_eq!(
            renamed(
                "namespace: prod\nhost: prod.example, \"prod/web\" prod-x",
                &words
            ),
            "namespace: dev\nhost: prod.example, \"dev/web\" prod-x"
        );
    }
}
