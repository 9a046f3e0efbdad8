//! What an ImageStream may say, as OpenShift's validation has it.

use headwater::manifest::{FileFacts, read_file};

fn read(spec: &str) -> (FileFacts, Vec<String>) {
    let text =
        format!("kind: ImageStream\napiVersion: v1\nmetadata: {{name: web}}\nspec: {spec}\n");
    let facts = read_file(text.as_bytes());
    let findings = facts.findings.iter();
    let messages = findings
        .map(|finding| {
            format!(
                "{}:{} {}",
                finding.at.line, finding.at.column, finding.message
            )
        })
        .collect();
    (facts, messages)
}

#[test]
fn a_whole_repository_has_neither_tag_nor_digest() {
    let digest = format!("sha256:{}", "a".repeat(64));
    for (name, message) in [
        (
            "quay.io/a/b:1",
            "4:31 the repository name may not contain a tag",
        ),
        (
            &format!("quay.io/a/b@{digest}"),
            "4:31 the repository name may not contain an ID",
        ),
        (
            "quay.io/A",
            "4:31 `quay.io/A`: repository name must be lowercase",
        ),
    ] {
        let (facts, messages) = read(&format!("{{dockerImageRepository: \"{name}\"}}"));
        assert_eq!(messages, [message]);
        assert!(facts.streams[0].whole_repository.is_none(), "{name}");
    }
    let (facts, messages) = read("{dockerImageRepository: quay.io/a/b}");
    assert!(messages.is_empty(), "{messages:?}");
    assert!(facts.streams[0].whole_repository.is_some());
    // Empty is absent.
    let (facts, messages) = read("{dockerImageRepository: \"\"}");
    assert!(messages.is_empty(), "{messages:?}");
    assert!(facts.streams[0].whole_repository.is_none());
}

#[test]
fn a_tags_name_is_free() {
    for name in ["latest", "with space", "UPPER", "a/b", "-x", "ü"] {
        let (facts, messages) = read(&format!(
            "{{tags: [{{name: \"{name}\", from: {{kind: DockerImage, name: a}}}}]}}"
        ));
        assert!(messages.is_empty(), "{name}: {messages:?}");
        assert_eq!(facts.streams[0].tags[0].name, name);
    }
}
