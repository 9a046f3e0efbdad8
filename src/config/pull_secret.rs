//! Secret manifests of the operator's folder (Kubernetes `core/v1` Secret): which of them hold
//! logins for registries. Never read from Git.

use base64::Engine as _;
use secrecy::SecretString;

use crate::problem::{Place, Problem};
use crate::pull_secret::{PullSecret, PullSecretForm};
use crate::snapshot::FilePath;
use crate::yaml::{Node, Source};

/// `"true"` takes a Secret out (openshift-apiserver `pkg/image/apiserver/registry/imagesecret`).
const EXCLUDE: &str = "openshift.io/image.excludeSecret";

/// The pull secrets of one file, YAML or JSON. No problem repeats a value.
pub fn read(name: &FilePath, bytes: &[u8]) -> (Vec<PullSecret>, Vec<Problem>) {
    let source = Source::parse(bytes);
    let mut reading = Reading {
        name,
        source: &source,
        secrets: Vec::new(),
        problems: Vec::new(),
    };
    for fault in &source.faults {
        let place = Place {
            file: name.clone(),
            line: fault.at.line,
            column: fault.at.column,
        };
        // The parser's words may repeat what stands there.
        let problem = Problem::warning(place, "the pull secret is neither YAML nor JSON");
        reading.problems.push(problem);
    }
    for root in source.documents.iter().filter_map(|d| d.root.as_ref()) {
        match text(root, "kind") {
            Some("List" | "SecretList") => {
                for item in root.get("items").map_or(&[][..], Node::items) {
                    reading.read(item);
                }
            }
            _ => reading.read(root),
        }
    }
    (reading.secrets, reading.problems)
}

struct Reading<'a> {
    name: &'a FilePath,
    source: &'a Source<'a>,
    secrets: Vec<PullSecret>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn read(&mut self, node: &Node) {
        let form = text(node, "type").and_then(PullSecretForm::of_type);
        let (Some("Secret"), Some(form)) = (text(node, "kind"), form) else {
            return;
        };
        let annotations = node.get("metadata").and_then(|m| m.get("annotations"));
        if annotations.and_then(|a| text(a, EXCLUDE)) == Some("true") {
            return;
        }
        // As in Kubernetes, `stringData` wins.
        let key = form.key();
        let plain = node.get("stringData").and_then(|data| data.get(key));
        let encoded = node.get("data").and_then(|data| data.get(key));
        let content = match (plain, encoded) {
            (Some(plain), _) => match plain.text() {
                Some(text) => Some(text.to_owned()),
                None => self.complain(plain, format!("`{key}` is a text")),
            },
            (None, Some(encoded)) => match encoded.text().and_then(decode) {
                Some(text) => Some(text),
                None => self.complain(encoded, format!("`{key}` is not in base64")),
            },
            (None, None) => self.complain(node, format!("the pull secret has no `{key}`")),
        };
        if let Some(content) = content {
            self.secrets.push(PullSecret {
                origin: self.name.to_string(),
                form,
                content: SecretString::from(content),
            });
        }
    }

    fn complain<T>(&mut self, node: &Node, message: String) -> Option<T> {
        let at = self.source.position(node.span.start);
        let place = Place {
            file: self.name.clone(),
            line: at.line,
            column: at.column,
        };
        self.problems.push(Problem::warning(place, message));
        None
    }
}

fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::text)
}

/// Base64, that a block scalar may have broken into lines.
fn decode(text: &str) -> Option<String> {
    let text: String = text.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read_text(text: &str) -> (Vec<PullSecret>, Vec<String>) {
        let (secrets, problems) = read(&"app/quay.yaml".parse().unwrap(), text.as_bytes());
        (secrets, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn both_forms_are_read_from_data_and_string_data() {
        // Base64 that a block scalar breaks into lines.
        let (secrets, problems) = read_text(
            "kind: Secret\ntype: kubernetes.io/dockercfg\ndata:\n  .dockercfg: |\n    eyJh\n    IjogMX0=\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(secrets[0].form, PullSecretForm::Dockercfg);
        assert_eq!(secrets[0].origin, "app/quay.yaml");
        assert_eq!(secrets[0].content.expose_secret(), "{\"a\": 1}");
        let (secrets, problems) = read_text(
            r#"{"kind":"List","items":[
                {"kind":"Secret","type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"bm8="},
                 "stringData":{".dockerconfigjson":"{\"auths\":{}}"}},
                {"kind":"Secret","type":"Opaque","data":{"password":"eA=="}},
                {"kind":"ConfigMap"},
                {"kind":"Secret","type":"kubernetes.io/dockercfg","stringData":{".dockercfg":"x"},
                 "metadata":{"annotations":{"openshift.io/image.excludeSecret":"true"}}}]}"#,
        );
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(secrets.len(), 1);
        assert_eq!(secrets[0].content.expose_secret(), "{\"auths\":{}}");
    }

    #[test]
    fn faults_have_places_and_repeat_nothing() {
        for (text, expected) in [
            (
                "kind: Secret\ntype: kubernetes.io/dockercfg\ndata: {.dockercfg: canary!}",
                "app/quay.yaml:3:20: warning: `.dockercfg` is not in base64",
            ),
            (
                "kind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata: {.dockercfg: Y2FuYXJ5}",
                "app/quay.yaml:1:1: warning: the pull secret has no `.dockerconfigjson`",
            ),
            (
                "kind: Secret\ntype: kubernetes.io/dockercfg\nstringData: {.dockercfg: [canary]}",
                "app/quay.yaml:3:26: warning: `.dockercfg` is a text",
            ),
            (
                "kind: [canary",
                "app/quay.yaml:1:7: warning: the pull secret is neither YAML nor JSON",
            ),
        ] {
            let (secrets, problems) = read_text(text);
            assert!(secrets.is_empty(), "{text}");
            assert_eq!(problems, [expected]);
        }
        // What can be read counts, whatever stands beside it.
        let good = "kind: Secret\ntype: kubernetes.io/dockercfg\nstringData: {.dockercfg: '{}'}";
        let (secrets, problems) = read_text(&format!("kind: [\n---\n{good}"));
        assert_eq!((secrets.len(), problems.len()), (1, 1));
    }
}
