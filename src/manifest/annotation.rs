//! The annotation `image.openshift.io/triggers` (library-go `pkg/image/trigger/annotations.go`).
//!
//! Unlike the original, one bad entry is a finding and the others work.

use crate::field_path::{FieldPath, Step};
use crate::manifest::facts::{ContainerFacts, Finding, FromFacts, ObjectFacts, Spot, TriggerFacts};
use crate::manifest::reader::Reader;
use crate::manifest::text_in_scalar::{json_fault, spot_inside};
use crate::manifest::workload::{find_container, pod_spec_path};
use crate::problem::Severity;
use crate::trigger::{PinForm, TRIGGERS, TriggerKind};
use crate::yaml::{Node, Source};

/// Reads the annotation of `object` into `facts`, whose containers have been read.
pub(crate) fn read<'a>(reader: &mut Reader<'a>, object: &'a Node, facts: &mut ObjectFacts) {
    let Some(annotation) = reader.at(object, &["metadata", "annotations", TRIGGERS]) else {
        return;
    };
    let Some(text) = annotation.text() else {
        reader.error(annotation, format!("{TRIGGERS} holds its JSON as a text"));
        return;
    };
    if text.trim().is_empty() {
        return;
    }
    if let Some((at, fault)) = json_fault(reader.source, annotation, text) {
        let message = format!("{TRIGGERS} is not JSON: {fault}");
        reader
            .findings
            .push(Finding::new(at, Severity::Error, message));
        return;
    }
    // JSON is YAML: read once more, for the places of its parts.
    let inner = Source::parse(text.as_bytes());
    let root = inner.documents.first().and_then(|d| d.root.as_ref());
    let Some(list) = root.filter(|root| is_sequence(root)) else {
        reader.error(annotation, format!("{TRIGGERS} is a JSON array"));
        return;
    };
    if facts.containers.is_empty() {
        reader.error(
            annotation,
            format!(
                "{TRIGGERS} stands on an object without containers at {}",
                pod_spec_path(&facts.kind).join(".")
            ),
        );
        return;
    }
    for item in list.items() {
        let mut entry = Entry {
            spot_of: &|node| spot_inside(reader.source, annotation, node.span.start),
            findings: Vec::new(),
        };
        let trigger = entry.read(item, facts);
        reader.findings.append(&mut entry.findings);
        let Some(trigger) = trigger else { continue };
        if facts
            .triggers
            .iter()
            .any(|other| other.kind == TriggerKind::Annotation && other.field == trigger.field)
        {
            reader.findings.push(Finding::new(
                trigger.at,
                Severity::Error,
                format!(
                    "duplicate triggers are not allowed: an earlier one names {} already",
                    trigger.field
                ),
            ));
            continue;
        }
        facts.triggers.push(trigger);
    }
}

fn is_sequence(node: &Node) -> bool {
    matches!(node.value, crate::yaml::Value::Sequence { .. })
}

/// One entry of the array being read.
struct Entry<'f> {
    spot_of: &'f dyn Fn(&Node) -> Spot,
    findings: Vec<Finding>,
}

impl Entry<'_> {
    fn read(&mut self, item: &Node, object: &ObjectFacts) -> Option<TriggerFacts> {
        if item.entries().is_empty() {
            self.error(item, "a trigger is an object with `from` and `fieldPath`");
            return None;
        }
        for (key, _) in item.entries() {
            match key.text().unwrap_or_default() {
                "from" | "fieldPath" | "paused" => {}
                "pause" => self.warn(
                    key,
                    "`pause` is not a field, so the trigger is active; did you mean `paused`?",
                ),
                other => {
                    let message = format!("`{other}` is not a field of a trigger");
                    self.warn(key, message);
                }
            }
        }
        let paused = self.paused(item)?;
        let from = self.from(item)?;
        let container = self.container(item, object)?;
        if let Some(template) = &container.filled_in {
            self.find(item, Severity::Note, left_alone(template));
            return None;
        }
        Some(TriggerFacts {
            from,
            kind: TriggerKind::Annotation,
            at: (self.spot_of)(item),
            paused,
            group: None,
            has_fired: false,
            field: container.field.clone(),
            field_at: container.at,
            current: container.image.clone(),
            form: PinForm::Image,
        })
    }

    /// None where it is no boolean: then the trigger is not used.
    fn paused(&mut self, item: &Node) -> Option<bool> {
        let Some(node) = present(item, "paused") else {
            return Some(false);
        };
        let is_string = node.span.len() > node.text().map_or(0, str::len);
        let value = match node.text() {
            Some("true") => true,
            Some("false") => false,
            Some("") if is_string => false,
            _ => {
                self.error(node, "`paused` is true or false");
                return None;
            }
        };
        if is_string {
            self.warn(node, "`paused` is a text; OpenShift would ignore all triggers of this object: write true or false without quotes");
        }
        Some(value)
    }

    fn from(&mut self, item: &Node) -> Option<FromFacts> {
        let Some(from) = present(item, "from") else {
            self.error(item, "the trigger has no `from`");
            return None;
        };
        if let Some(version) = present(from, "apiVersion").filter(|node| node.text() != Some("")) {
            let is_known = matches!(version.text(), Some("image.openshift.io/v1" | "v1"));
            if !is_known {
                self.error(
                    version,
                    "`from.apiVersion` is no image stream's; leave it out",
                );
                return None;
            }
            self.warn(
                version,
                "OpenShift passes over a trigger whose `from.apiVersion` is set; leave it out",
            );
        }
        read_from(from, &mut |node, message| self.error(node, message))
    }

    fn container<'o>(
        &mut self,
        item: &Node,
        object: &'o ObjectFacts,
    ) -> Option<&'o ContainerFacts> {
        let Some((node, text)) =
            present(item, "fieldPath").and_then(|node| node.text().map(|text| (node, text)))
        else {
            self.error(item, "the trigger has no `fieldPath`");
            return None;
        };
        let path = match text.parse::<FieldPath>() {
            Ok(path) => path,
            Err(error) => {
                self.error(node, error.to_string());
                return None;
            }
        };
        let prefix = pod_spec_path(&object.kind);
        let (head, tail) = path
            .steps()
            .split_at_checked(prefix.len())
            .unwrap_or((path.steps(), &[]));
        let fits = head.len() == prefix.len()
            && head
                .iter()
                .zip(prefix)
                .all(|(step, key)| matches!(step, Step::Key(name) if name == key));
        if !fits {
            let message = format!(
                "field path is not valid: {text}: in a {} it begins with `{}.`",
                object.kind,
                prefix.join(".")
            );
            self.error(node, message);
            return None;
        }
        let (init, step) = match tail {
            [Step::Key(list), step, Step::Key(field)] if field == "image" => match list.as_str() {
                "containers" => (false, step),
                "initContainers" => (true, step),
                _ => return self.bad_path(node, text),
            },
            _ => return self.bad_path(node, text),
        };
        let found = find_container(&object.containers, init, step);
        if found.is_none() {
            self.error(node, format!("no such container: {text}"));
        }
        found
    }

    fn bad_path<T>(&mut self, node: &Node, text: &str) -> Option<T> {
        let message = format!(
            "field path is not valid: {text}: it ends with containers[N].image, initContainers[N].image, or [?(@.name==\"NAME\")] in place of [N]"
        );
        self.error(node, message);
        None
    }

    fn error(&mut self, node: &Node, message: impl Into<String>) {
        self.find(node, Severity::Error, message);
    }

    fn warn(&mut self, node: &Node, message: impl Into<String>) {
        self.find(node, Severity::Warning, message);
    }

    fn find(&mut self, node: &Node, severity: Severity, message: impl Into<String>) {
        let at = (self.spot_of)(node);
        self.findings.push(Finding::new(at, severity, message));
    }
}

/// Why a trigger has nothing to do on an image that `template` makes.
pub(crate) fn left_alone(template: &str) -> String {
    format!("the image is filled in by {template}, so the trigger leaves it alone")
}

fn present<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    node.get(key).filter(|value| !value.is_null())
}

/// Reads `{kind, name, namespace}`. The kind may be absent only where that means ImageStreamTag
/// anyway; `error` is told what is wrong.
pub(crate) fn read_from(from: &Node, error: &mut dyn FnMut(&Node, String)) -> Option<FromFacts> {
    let kind = present(from, "kind");
    if let Some(kind) = kind.filter(|kind| !matches!(kind.text(), Some("ImageStreamTag"))) {
        error(
            kind,
            format!(
                "`from.kind` is `{}`; kind must be an ImageStreamTag",
                kind.text().unwrap_or_default()
            ),
        );
        return None;
    }
    let Some((node, name)) = present(from, "name").and_then(|node| Some((node, node.text()?)))
    else {
        error(from, "`from.name` is required".to_owned());
        return None;
    };
    let good = |part: &&str| !part.is_empty() && !part.contains([':', '@', '/']);
    let parts = name
        .split_once(':')
        .filter(|(stream, tag)| good(stream) && good(tag));
    let Some((stream, tag)) = parts else {
        error(
            node,
            format!("`from.name` is `{name}`; it must be in the form of <name>:<tag>"),
        );
        return None;
    };
    let namespace = present(from, "namespace")
        .and_then(Node::text)
        .filter(|namespace| !namespace.is_empty());
    Some(FromFacts {
        namespace: namespace.map(str::to_owned),
        stream: stream.to_owned(),
        tag: tag.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use crate::manifest::{FileFacts, read_file};
    use crate::problem::Severity;

    fn annotated(json: &str) -> FileFacts {
        let json = serde_json::to_string(json).unwrap();
        let text = format!(
            "kind: Deployment\nmetadata:\n  annotations:\n    image.openshift.io/triggers: {json}\nspec: {{template: {{spec: {{initContainers: [{{name: c, image: i}}], containers: [{{name: b, image: x}}, {{name: c, image: y}}]}}}}}}\n"
        );
        read_file(text.as_bytes())
    }

    fn entry(field: &str, more: &str) -> String {
        let field = field.replace('"', "\\\"");
        format!(
            r#"{{"from":{{"kind":"ImageStreamTag","name":"web:1.10"}},"fieldPath":"spec.template.spec.{field}"{more}}}"#
        )
    }

    #[test]
    fn each_selector_means_what_it_says() {
        for (field, expected) in [
            ("containers[0].image", "x"),
            ("containers[1].image", "y"),
            ("initContainers[0].image", "i"),
            (r#"containers[?(@.name=="c")].image"#, "y"),
            ("containers[?(@.name=='c')].image", "y"),
            ("containers[?( @.name == 'c' )].image", "y"),
            (r#"initContainers[?(@.name=="c")].image"#, "i"),
        ] {
            let facts = annotated(&format!("[{}]", entry(field, "")));
            let triggers = &facts.objects[0].triggers;
            assert_eq!(triggers[0].current.as_deref(), Some(expected), "{field}");
            assert!(facts.findings.is_empty(), "{:?}", facts.findings);
        }
    }

    #[test]
    fn a_bad_entry_has_its_place_and_leaves_the_others() {
        let good = entry("containers[0].image", "");
        for (bad, severity, message) in [
            (entry("containers[0].image", ""), Severity::Error, "duplicate triggers are not allowed"),
            (entry("containers[1].image", r#","paused":"no""#), Severity::Error, "`paused` is true or false"),
            (entry("containers[5].image", ""), Severity::Error, "no such container"),
            (entry("containers[1].name", ""), Severity::Error, "field path is not valid"),
            (entry("volumes[1].image", ""), Severity::Error, "field path is not valid"),
            (entry("containers[1.image", ""), Severity::Error, "field path is not valid"),
            (r#"{"from":{"kind":"ImageStreamTag","name":"web:1"},"fieldPath":"spec.containers[0].image"}"#.to_owned(), Severity::Error, "in a Deployment it begins with `spec.template.spec.`"),
            (r#"{"from":{"kind":"DockerImage","name":"web:1"},"fieldPath":"spec.template.spec.containers[1].image"}"#.to_owned(), Severity::Error, "`from.kind` is `DockerImage`"),
            (r#"{"from":{"kind":"ImageStreamTag","name":"web"},"fieldPath":"spec.template.spec.containers[1].image"}"#.to_owned(), Severity::Error, "in the form of <name>:<tag>"),
            (r#"{"from":{"kind":"ImageStreamTag","name":"web:1","apiVersion":"apps/v1"},"fieldPath":"spec.template.spec.containers[1].image"}"#.to_owned(), Severity::Error, "`from.apiVersion` is no image stream's"),
            (r#"{"fieldPath":"spec.template.spec.containers[1].image"}"#.to_owned(), Severity::Error, "no `from`"),
            ("7".to_owned(), Severity::Error, "a trigger is an object"),
        ] {
            let facts = annotated(&format!("[{good}, {bad}]"));
            assert_eq!(facts.objects[0].triggers.len(), 1, "{bad}");
            let [finding] = facts.findings.as_slice() else {
                panic!("{bad}: {:?}", facts.findings);
            };
            assert_eq!(finding.severity, severity, "{bad}");
            assert!(finding.message.contains(message), "{bad}: {finding:?}");
            assert!(finding.at.line == 4 && finding.at.column > 130, "{bad}: {finding:?}");
        }
    }

    #[test]
    fn what_openshift_would_not_forgive_works_with_a_warning() {
        for (more, paused, warnings) in [
            (r#","paused":"false""#, false, 1),
            (r#","paused":"true""#, true, 1),
            (r#","paused":true"#, true, 0),
            (r#","pause":true"#, false, 1),
            (r#","other":1"#, false, 1),
        ] {
            let facts = annotated(&format!("[{}]", entry("containers[0].image", more)));
            assert_eq!(facts.objects[0].triggers[0].paused, paused, "{more}");
            let found = facts
                .findings
                .iter()
                .filter(|f| f.severity == Severity::Warning);
            assert_eq!(found.count(), warnings, "{more}");
        }
    }

    #[test]
    fn an_api_version_that_openshift_passes_over_works_with_a_warning() {
        let facts = annotated(
            r#"[{"from":{"kind":"ImageStreamTag","name":"web:1","apiVersion":"image.openshift.io/v1"},"fieldPath":"spec.template.spec.containers[0].image"}]"#,
        );
        assert_eq!(facts.objects[0].triggers.len(), 1);
        assert_eq!(facts.findings.len(), 1);
        assert_eq!(facts.findings[0].severity, Severity::Warning);
    }

    #[test]
    fn what_is_no_json_array_is_one_finding() {
        for (json, message) in [
            ("[{]", "is not JSON"),
            ("{}", "is a JSON array"),
            ("x", "is not JSON"),
        ] {
            let facts = annotated(json);
            assert!(facts.objects[0].triggers.is_empty());
            assert!(facts.findings[0].message.contains(message), "{json}");
        }
        assert!(annotated("").findings.is_empty() && annotated("[]").findings.is_empty());
    }
}
