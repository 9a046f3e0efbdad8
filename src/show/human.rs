//! A file without the bot's bytes: what people wrote, to be compared.
//!
//! Pins become a word, and what records images goes: `status`, the annotation that says what was
//! observed, and holds. All else stays byte for byte, comments too.

use std::borrow::Cow;

use crate::field_path::FieldPath;
use crate::hold::HOLD;
use crate::plain::plain_lines;
use crate::stream::OBSERVED;
use crate::trigger::{Trigger, TriggerKind};
use crate::yaml::{self, Edit, Node, Source};

/// Stands for every pin.
pub const PINNED: &str = "<pinned>";

/// What people wrote of a file. `triggers` are those whose fields are in it. What cannot be edited
/// exactly stays as it is.
pub fn human<'a>(
    bytes: &'a [u8],
    triggers: impl IntoIterator<Item = &'a Trigger>,
) -> Option<Cow<'a, str>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let source = Source::parse(bytes);
    let mut edits = recorded(&source);
    edits.extend(triggers.into_iter().filter_map(pin));
    edits.dedup();
    // Of two triggers at one field the first is enough.
    let edited = match yaml::edit(bytes, &edits) {
        Ok(edited) => Some(edited),
        Err(refused) => {
            let mut number = 0;
            edits.retain(|_| {
                number += 1;
                refused.iter().all(|refusal| refusal.edit + 1 != number)
            });
            yaml::edit(bytes, &edits).ok()
        }
    };
    let edited = edited.and_then(|edited| String::from_utf8(edited).ok());
    Some(match edited {
        Some(edited) => Cow::Owned(plain_lines(&edited).into_owned()),
        None => plain_lines(text),
    })
}

fn pin(trigger: &Trigger) -> Option<Edit> {
    let target = &trigger.target;
    target.current.as_ref()?;
    let value = PINNED.to_owned();
    Some(match trigger.kind {
        TriggerKind::TemplateMarker => Edit::OnLine {
            line: target.place.line,
            field: target.field.steps().iter().skip(1).cloned().collect(),
            value,
        },
        _ => Edit::SetScalar {
            document: target.document.document,
            field: target.field.clone(),
            value,
        },
    })
}

/// Takes out what the bot records in streams.
fn recorded(source: &Source<'_>) -> Vec<Edit> {
    let mut edits = Vec::new();
    for document in &source.documents {
        let Some(root) = &document.root else { continue };
        for (path, object) in objects(root) {
            if object.get("kind").and_then(Node::text) != Some("ImageStream") {
                continue;
            }
            let mut remove = |field| {
                let document = document.index;
                edits.push(Edit::Remove { document, field });
            };
            if object.get("status").is_some() {
                remove(path.clone().key("status"));
            }
            annotation(
                object.get("metadata"),
                OBSERVED,
                &path.clone().key("metadata"),
            )
            .into_iter()
            .for_each(&mut remove);
            let tags = object.get("spec").and_then(|spec| spec.get("tags"));
            for (index, tag) in tags.map(Node::items).unwrap_or_default().iter().enumerate() {
                let path = path.clone().key("spec").key("tags").index(index);
                annotation(Some(tag), HOLD, &path)
                    .into_iter()
                    .for_each(&mut remove);
            }
        }
    }
    edits
}

/// An annotation of `holder`; all of them, where there is no other.
fn annotation(holder: Option<&Node>, key: &str, path: &FieldPath) -> Option<FieldPath> {
    let annotations = holder?.get("annotations")?;
    annotations.get(key)?;
    let path = path.clone().key("annotations");
    Some(match annotations.entries().len() {
        1 => path,
        _ => path.key(key),
    })
}

/// The object of a document, or the items of a List.
pub fn objects(root: &Node) -> Vec<(FieldPath, &Node)> {
    let items = root.get("items").map(Node::items).unwrap_or_default();
    if items.is_empty() {
        return vec![(FieldPath::root(), root)];
    }
    let items = items.iter().enumerate();
    items
        .map(|(index, item)| (FieldPath::root().key("items").index(index), item))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::environment::Environment;
    use crate::manifest::{assemble, read_file};

    use super::*;

    fn shown(text: &str) -> String {
        let environment = Environment::default();
        let files = [("a.yaml".parse().unwrap(), read_file(text.as_bytes()).into())];
        let environments = std::slice::from_ref(&environment);
        let manifests = assemble(&files, &[].into(), &environment, environments);
        human(text.as_bytes(), &manifests.triggers)
            .unwrap()
            .into_owned()
    }

    #[test]
    fn what_the_bot_writes_is_left_out_and_the_rest_stays() {
        let digest = "a".repeat(64);
        let plain = "\
kind: ImageStream # ours
apiVersion: image.openshift.io/v1
metadata:
  name: web
spec:
  tags:
  - name: '1' # the one
    from: {kind: DockerImage, name: 'q.io/a/web:1'}
";
        let written = plain
            .replace(
                "name: web\n",
                "name: web\n  annotations:\n    headwater.dev/observed: '{}'\n",
            )
            .replace(
                "web:1'}\n",
                "web:1'}\n    annotations: {headwater.dev/hold: '{\"environment\": \"prod\"}'}\n",
            )
            + &format!(
                "status:\n  tags:\n  - tag: '1'\n    items: [{{created: x, image: 'sha256:{digest}'}}]\n"
            );
        assert_eq!(shown(plain), plain);
        assert_eq!(shown(&written), plain);
        let other = written.replace("observed: '{}'\n", "observed: '{}'\n    team: shop\n");
        assert_eq!(
            shown(&other),
            plain.replace("name: web\n", "name: web\n  annotations:\n    team: shop\n")
        );
    }

    #[test]
    fn pins_are_a_word() {
        let pinned = |image: &str| {
            format!("replicas: 2\nimage: {image} # {{\"$imagestream\": \"shop/web:1\"}}\n")
        };
        let digest = "a".repeat(64);
        assert_eq!(
            shown(&pinned(&format!("q.io/a/web:1@sha256:{digest}"))),
            shown(&pinned("q.io/a/web:1"))
        );
        assert!(shown(&pinned("q.io/a/web:1")).contains("image: <pinned> #"));
        assert_eq!(human(b"\xff", []), None);
    }
}
