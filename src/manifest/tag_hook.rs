//! Lifecycle hooks of DeploymentConfigs that give a deployed image to a stream tag
//! (oc `pkg/cli/deployer/strategy/support/lifecycle.go`; openshift-apiserver
//! `apps/validation/validation.go`, `validateLifecycleHook`).

use crate::manifest::facts::{FileFacts, ObjectFacts, TagHookFacts};
use crate::manifest::native_trigger::read_reported;
use crate::manifest::reader::Reader;
use crate::yaml::Node;

/// Reads the hooks of the DeploymentConfig `object`, which has been read as `config`.
pub(crate) fn read<'a>(
    reader: &mut Reader<'a>,
    object: &'a Node,
    config: &ObjectFacts,
    facts: &mut FileFacts,
) {
    let Some(strategy) = reader.at(object, &["spec", "strategy"]) else {
        return;
    };
    for params in ["rollingParams", "recreateParams", "customParams"] {
        for moment in ["pre", "mid", "post"] {
            let Some(hook) = reader.at(strategy, &[params, moment]) else {
                continue;
            };
            let items = reader.items(hook, "tagImages");
            if !items.is_empty() && reader.get(hook, "execNewPod").is_some() {
                reader.error(
                    hook,
                    "only one of 'execNewPod' or 'tagImages' may be specified",
                );
            }
            for item in items {
                let read = read_item(reader, reader.follow(item), config);
                facts.tag_hooks.extend(read);
            }
        }
    }
}

fn read_item<'a>(
    reader: &mut Reader<'a>,
    item: &'a Node,
    config: &ObjectFacts,
) -> Option<TagHookFacts> {
    let name_node = reader.get(item, "containerName");
    let Some(name) = name_node
        .and_then(Node::text)
        .filter(|name| !name.is_empty())
    else {
        reader.error(item, "a containerName is required");
        return None;
    };
    let mut containers = config.containers.iter();
    let Some(container) = containers.find(|container| container.name == name) else {
        let message = format!("no container \"{name}\" found");
        reader.error(name_node.unwrap_or(item), message);
        return None;
    };
    let Some(to) = reader.get(item, "to") else {
        reader.error(item, "a destination tag name is required");
        return None;
    };
    if reader.text(to, "kind") != Some("ImageStreamTag") {
        let at = reader.get(to, "kind").unwrap_or(to);
        reader.error(at, "Must be 'ImageStreamTag'");
        return None;
    }
    if reader.text(to, "name").is_none_or(str::is_empty) {
        reader.error(to, "a destination tag name is required");
        return None;
    }
    Some(TagHookFacts {
        namespace: config.namespace.clone(),
        document: config.document,
        at: reader.spot(item),
        image: container.image.clone(),
        to: read_reported(reader, to)?,
    })
}

#[cfg(test)]
mod tests {
    use crate::manifest::read_file;

    fn config(hook: &str) -> String {
        format!(
            "apiVersion: apps.openshift.io/v1\nkind: DeploymentConfig\nmetadata: {{name: web, namespace: dev}}\nspec:\n  strategy:\n    recreateParams:\n      post: {hook}\n  template: {{spec: {{containers: [{{name: c, image: 'web:1'}}]}}}}\n"
        )
    }

    #[test]
    fn a_hook_names_the_deployed_image_and_its_tag() {
        let text = config(
            "{tagImages: [{containerName: c, to: {kind: ImageStreamTag, name: 'web:live', namespace: prod}}]}",
        );
        let facts = read_file(text.as_bytes());
        assert!(facts.findings.is_empty(), "{:?}", facts.findings);
        let [hook] = facts.tag_hooks.as_slice() else {
            panic!("{:?}", facts.tag_hooks)
        };
        assert_eq!(hook.image.as_deref(), Some("web:1"));
        assert_eq!(
            (hook.to.stream.as_str(), hook.to.tag.as_str()),
            ("web", "live")
        );
        assert_eq!(hook.to.namespace.as_deref(), Some("prod"));
        assert_eq!((hook.at.line, hook.at.column), (7, 26));
    }

    #[test]
    fn a_bad_hook_says_what_openshift_says() {
        for (item, message) in [
            (
                "{to: {kind: ImageStreamTag, name: 'web:live'}}",
                "a containerName is required",
            ),
            (
                "{containerName: d, to: {kind: ImageStreamTag, name: 'web:live'}}",
                "no container \"d\" found",
            ),
            (
                "{containerName: c, to: {name: 'web:live'}}",
                "Must be 'ImageStreamTag'",
            ),
            ("{containerName: c}", "a destination tag name is required"),
            (
                "{containerName: c, to: {kind: ImageStreamTag}}",
                "a destination tag name is required",
            ),
            (
                "{containerName: c, to: {kind: ImageStreamTag, name: web}}",
                "it must be in the form of <name>:<tag>",
            ),
        ] {
            let facts = read_file(config(&format!("{{tagImages: [{item}]}}")).as_bytes());
            assert!(facts.tag_hooks.is_empty(), "{item}");
            let [finding] = facts.findings.as_slice() else {
                panic!("{item}: {:?}", facts.findings)
            };
            assert!(finding.message.contains(message), "{item}: {finding:?}");
        }
        let both = config(
            "{execNewPod: {}, tagImages: [{containerName: c, to: {kind: ImageStreamTag, name: 'web:live'}}]}",
        );
        let findings = read_file(both.as_bytes()).findings;
        assert!(findings[0].message.contains("only one of"), "{findings:?}");
    }
}
