//! Pull secrets that stand in Git for everybody to read. Their content is never looked at beyond
//! whether it is there, and never shown.

use crate::manifest::reader::Reader;
use crate::problem::Severity;
use crate::yaml::Node;

/// Warns of a Secret that holds a registry's password.
pub(crate) fn warn<'a>(reader: &mut Reader<'a>, object: &'a Node) {
    let key = match reader.text(object, "type") {
        Some("kubernetes.io/dockercfg") => ".dockercfg",
        Some("kubernetes.io/dockerconfigjson") => ".dockerconfigjson",
        _ => return,
    };
    let value = ["data", "stringData"]
        .iter()
        .find_map(|holder| reader.at(object, &[holder, key]));
    let Some(value) = value.filter(|value| is_plain(reader, value)) else {
        return;
    };
    let at = reader.get(object, "type").unwrap_or(value);
    reader.find(
        at,
        Severity::Warning,
        "a pull secret stands in Git, where everybody who may read can use it",
        Some(
            "move it to the folder of pull secrets that the operator's file names, and change the password: Git keeps the old one",
        ),
    );
}

/// Whether the value is there as it is: not encrypted by SOPS, not left to a template.
fn is_plain<'a>(reader: &Reader<'a>, value: &'a Node) -> bool {
    let written = reader.source.slice(&value.span);
    let text = value.text().unwrap_or_default();
    !text.trim().is_empty()
        && !text.starts_with("ENC[")
        && !text.contains("${")
        && !written.contains("{{")
}

#[cfg(test)]
mod tests {
    use crate::manifest::{read_file, screen};
    use crate::problem::Severity;

    fn warnings(text: &str) -> Vec<(u32, u32)> {
        assert!(screen("a.yaml", text.as_bytes()), "{text}");
        let findings = read_file(text.as_bytes()).findings;
        findings
            .iter()
            .inspect(|finding| {
                assert_eq!(finding.severity, Severity::Warning);
                let shown = format!("{finding:?}");
                assert!(
                    !shown.contains("c2VjcmV0") && !shown.contains("hunter2"),
                    "{shown}"
                );
            })
            .map(|finding| (finding.at.line, finding.at.column))
            .collect()
    }

    #[test]
    fn a_plain_pull_secret_is_named_and_never_shown() {
        for text in [
            "kind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: c2VjcmV0}\n",
            "kind: Secret\ntype: kubernetes.io/dockercfg\nstringData:\n  .dockercfg: '{\"quay.io\": {\"password\": \"hunter2\"}}'\n",
        ] {
            assert_eq!(warnings(text), [(2, 7)], "{text}");
        }
    }

    #[test]
    fn what_is_sealed_or_elsewhere_is_left_alone() {
        for text in [
            "kind: SealedSecret\nspec: {template: {type: kubernetes.io/dockerconfigjson}, encryptedData: {.dockerconfigjson: c2VjcmV0}}\n",
            "kind: ExternalSecret\nspec: {target: {template: {type: kubernetes.io/dockerconfigjson}}}\n",
            "kind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: 'ENC[AES256_GCM,data:c2VjcmV0]'}\n",
            "kind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: ''}\n",
            "kind: Secret\ntype: Opaque\nstringData: {a: kubernetes.io/dockerconfigjson}\n",
        ] {
            assert!(warnings(text).is_empty(), "{text}");
        }
    }
}
