//! The image triggers of DeploymentConfigs and BuildConfigs.

use crate::field_path::{FieldPath, Step};
use crate::manifest::annotation::{left_alone, read_from};
use crate::manifest::facts::{Finding, FromFacts, ObjectFacts, TriggerFacts};
use crate::manifest::reader::{Reader, below};
use crate::problem::Severity;
use crate::trigger::{PinForm, TriggerKind};
use crate::yaml::Node;

/// Reads `spec.triggers` of a DeploymentConfig or BuildConfig into `facts`, whose containers
/// have been read. Other kinds have none.
pub(crate) fn read<'a>(reader: &mut Reader<'a>, object: &'a Node, facts: &mut ObjectFacts) {
    let Some(spec) = reader.get(object, "spec") else {
        return;
    };
    let triggers = facts.root.clone().key("spec").key("triggers");
    for (index, item) in reader.items(spec, "triggers").iter().enumerate() {
        let item = reader.follow(item);
        if !matches!(
            reader.text(item, "type"),
            Some("ImageChange" | "imageChange")
        ) {
            continue;
        }
        let path = below(&triggers, Step::Index(index));
        match facts.kind.as_str() {
            "DeploymentConfig" => read_deployment(reader, item, path, facts),
            "BuildConfig" => read_build(reader, spec, item, path, facts),
            _ => return,
        }
    }
}

/// Containers and init containers alike take the image, and all of a DeploymentConfig's automatic
/// triggers act together (openshift-controller-manager `pkg/image/trigger/deploymentconfigs`,
/// `UpdateDeploymentConfigImages`; openshift-apiserver `apps/validation/validation.go`). One that
/// is not automatic is pending, as a paused one is.
fn read_deployment<'a>(
    reader: &mut Reader<'a>,
    item: &'a Node,
    path: FieldPath,
    facts: &mut ObjectFacts,
) {
    let Some(params) = reader.get(item, "imageChangeParams") else {
        reader.error(item, "an ImageChange trigger has `imageChangeParams`");
        return;
    };
    let Some(from) = read_named_from(reader, params) else {
        return;
    };
    let paused = !reader.flag(params, "automatic");
    let last = reader.get(params, "lastTriggeredImage");
    let names = reader.items(params, "containerNames");
    if names.is_empty() {
        reader.error(params, "`containerNames` is required");
    }
    let trigger = TriggerFacts {
        from,
        kind: TriggerKind::DeploymentConfig,
        at: reader.spot(params),
        paused,
        group: Some(0),
        has_fired: last
            .and_then(Node::text)
            .is_some_and(|text| !text.is_empty()),
        field: FieldPath::root(),
        field_at: reader.spot(params),
        current: None,
        form: PinForm::Image,
    };
    let before = facts.triggers.len();
    for node in names {
        let node = reader.follow(node);
        let name = node.text().unwrap_or_default();
        let mut found = facts
            .containers
            .iter()
            .filter(|container| container.name == name)
            .peekable();
        if found.peek().is_none() {
            reader.error(node, format!("no such container: {name}"));
        }
        let (left, found): (Vec<_>, Vec<_>) =
            found.partition(|container| container.filled_in.is_some());
        for template in left
            .iter()
            .filter_map(|container| container.filled_in.as_ref())
        {
            reader.find(node, Severity::Note, left_alone(template), None);
        }
        let found = found.into_iter();
        facts.triggers.extend(found.map(|container| TriggerFacts {
            field: container.field.clone(),
            field_at: container.at,
            current: container.image.clone(),
            ..trigger.clone()
        }));
    }
    // Kept in step where the file has it; a cluster writes its own.
    if let Some(last) = last.filter(|_| !paused && facts.triggers.len() > before) {
        facts.triggers.push(TriggerFacts {
            field: path.key("imageChangeParams").key("lastTriggeredImage"),
            field_at: reader.spot(last),
            current: last.text().map(str::to_owned),
            form: PinForm::DigestReference,
            ..trigger
        });
    }
}

fn read_named_from<'a>(reader: &mut Reader<'a>, holder: &'a Node) -> Option<FromFacts> {
    let Some(from) = reader.get(holder, "from") else {
        reader.error(holder, "the trigger has no `from`");
        return None;
    };
    read_reported(reader, from)
}

/// [`read_from`], its faults put to the reader's findings.
pub(crate) fn read_reported<'a>(reader: &mut Reader<'a>, from: &'a Node) -> Option<FromFacts> {
    let mut found = Vec::new();
    let source = reader.source;
    let read = read_from(from, &mut |node, message| {
        let at = source.position(node.span.start).into();
        found.push(Finding::new(at, Severity::Error, message));
    });
    reader.findings.append(&mut found);
    read
}

const ONLY_TAGS: &str =
    "only an ImageStreamTag type of reference is allowed in an ImageChange trigger.";

/// Only `spec.triggers[].imageChange.lastTriggeredImageID` moves: that change is what a build
/// system starts on. `status.imageChangeTriggers[].lastTriggeredImageID`, which took its place in
/// OpenShift, stays as it is: it says which build a cluster has started, and with the new image in
/// it the build would never start (openshift-controller-manager
/// `pkg/image/trigger/buildconfigs`).
fn read_build<'a>(
    reader: &mut Reader<'a>,
    spec: &'a Node,
    item: &'a Node,
    path: FieldPath,
    facts: &mut ObjectFacts,
) {
    let change = reader.get(item, "imageChange");
    let own = change.and_then(|change| reader.get(change, "from"));
    let Some(from) = own.or_else(|| strategy_from(reader, spec)) else {
        let message = format!("neither the trigger nor the strategy has a `from`; {ONLY_TAGS}");
        reader.error(item, message);
        return;
    };
    if reader.text(from, "kind") != Some("ImageStreamTag") {
        reader.error(from, ONLY_TAGS);
        return;
    }
    let Some(from) = read_reported(reader, from) else {
        return;
    };
    let is_same = |a: &FromFacts, b: &FromFacts| {
        let namespace = |from: &FromFacts| from.namespace.clone().or(facts.namespace.clone());
        namespace(a) == namespace(b) && a.stream == b.stream && a.tag == b.tag
    };
    let is_again = |other: &TriggerFacts| {
        other.kind == TriggerKind::BuildConfig && is_same(&other.from, &from)
    };
    if facts.triggers.iter().any(is_again) {
        reader.error(
            item,
            "multiple ImageChange triggers refer to the same image stream tag",
        );
        return;
    }
    let last = change.and_then(|change| reader.get(change, "lastTriggeredImageID"));
    let trigger = TriggerFacts {
        from,
        kind: TriggerKind::BuildConfig,
        at: reader.spot(change.unwrap_or(item)),
        paused: change.is_some_and(|change| reader.flag(change, "paused")),
        group: None,
        has_fired: false,
        field: path.key("imageChange").key("lastTriggeredImageID"),
        field_at: reader.spot(last.or(change).unwrap_or(item)),
        current: last.and_then(Node::text).map(str::to_owned),
        form: PinForm::DigestReference,
    };
    facts.triggers.push(trigger);
}

/// library-go `pkg/build/buildutil`, `GetInputReference`.
fn strategy_from<'a>(reader: &Reader<'a>, spec: &'a Node) -> Option<&'a Node> {
    let strategy = reader.get(spec, "strategy")?;
    ["sourceStrategy", "dockerStrategy", "customStrategy"]
        .iter()
        .find_map(|kind| reader.at(strategy, &[kind, "from"]))
}

#[cfg(test)]
mod tests {
    use crate::manifest::{FileFacts, read_file};

    fn deployment(triggers: &str) -> FileFacts {
        let text = format!(
            "kind: DeploymentConfig\nmetadata: {{name: web}}\nspec:\n  triggers:\n{triggers}  template: {{spec: {{initContainers: [{{name: c, image: i}}], containers: [{{name: c, image: x}}, {{name: d, image: y}}]}}}}\n"
        );
        read_file(text.as_bytes())
    }

    fn build(namespace: &str, strategy: &str, changes: &[&str]) -> FileFacts {
        let triggers: String = changes
            .iter()
            .map(|change| format!("  - {{type: ImageChange, imageChange: {change}}}\n"))
            .collect();
        let text = format!(
            "kind: BuildConfig\nmetadata: {{name: web{namespace}}}\nspec:\n  strategy: {strategy}\n  triggers:\n{triggers}"
        );
        read_file(text.as_bytes())
    }

    /// `field = current (what else)` of each trigger.
    fn shown(facts: &FileFacts) -> Vec<String> {
        let triggers = facts.objects.iter().flat_map(|object| &object.triggers);
        triggers
            .map(|t| {
                let paused = if t.paused { " paused" } else { "" };
                let fired = if t.has_fired { " fired" } else { "" };
                let field = t.field.to_string().replace("spec.template.spec.", "");
                let current = t.current.as_deref().unwrap_or("(none)");
                format!("{field} = {current} {:?}{paused}{fired}", t.form)
            })
            .collect()
    }

    #[test]
    fn all_containers_of_a_name_and_the_last_image_where_it_stands() {
        let from = "from: {kind: ImageStreamTag, name: 'web:1'}";
        let facts = deployment(&format!(
            "  - {{type: ImageChange, imageChangeParams: {{automatic: true, containerNames: [c], {from}, lastTriggeredImage: old}}}}\n  - {{type: ImageChange, imageChangeParams: {{containerNames: [d], from: {{name: 'web:2'}}, lastTriggeredImage: old}}}}\n  - {{type: ConfigChange}}\n"
        ));
        assert!(facts.findings.is_empty(), "{:?}", facts.findings);
        assert_eq!(
            shown(&facts),
            [
                "initContainers[?(@.name==\"c\")].image = i Image fired",
                "containers[?(@.name==\"c\")].image = x Image fired",
                "spec.triggers[0].imageChangeParams.lastTriggeredImage = old DigestReference fired",
                "containers[?(@.name==\"d\")].image = y Image paused fired",
            ]
        );
    }

    #[test]
    fn a_bad_deployment_trigger_says_what_openshift_says() {
        for (params, message) in [
            ("{automatic: true, containerNames: [c]}", "no `from`"),
            (
                "{automatic: true, containerNames: [c], from: {kind: DockerImage, name: 'a:1'}}",
                "kind must be an ImageStreamTag",
            ),
            (
                "{automatic: true, containerNames: [c], from: {name: a}}",
                "must be in the form of <name>:<tag>",
            ),
            (
                "{automatic: true, from: {name: 'a:1'}}",
                "`containerNames` is required",
            ),
            (
                "{automatic: true, containerNames: [z], from: {name: 'a:1'}}",
                "no such container: z",
            ),
        ] {
            let facts = deployment(&format!(
                "  - {{type: ImageChange, imageChangeParams: {params}}}\n"
            ));
            let [finding] = facts.findings.as_slice() else {
                panic!("{params}: {:?}", facts.findings)
            };
            assert!(finding.message.contains(message), "{params}: {finding:?}");
            assert!(shown(&facts).is_empty(), "{params}");
        }
    }

    #[test]
    fn a_build_follows_its_trigger_or_its_strategy() {
        let strategy = "{sourceStrategy: {from: {kind: ImageStreamTag, name: 'ruby:3', namespace: openshift}}}";
        let facts = build(
            "",
            strategy,
            &[
                "{}",
                "{from: {kind: ImageStreamTag, name: 'base:1'}, paused: true, lastTriggeredImageID: old}",
                "{automatic: true, from: {kind: ImageStreamTag, name: 'base:2'}}",
            ],
        );
        assert!(facts.findings.is_empty(), "{:?}", facts.findings);
        assert_eq!(
            shown(&facts),
            [
                "spec.triggers[0].imageChange.lastTriggeredImageID = (none) DigestReference",
                "spec.triggers[1].imageChange.lastTriggeredImageID = old DigestReference paused",
                "spec.triggers[2].imageChange.lastTriggeredImageID = (none) DigestReference",
            ]
        );
        let from = &facts.objects[0].triggers[0].from;
        assert_eq!(from.namespace.as_deref(), Some("openshift"));
    }

    #[test]
    fn a_bad_build_trigger_says_what_openshift_says() {
        let tag = "{dockerStrategy: {from: {kind: ImageStreamTag, name: 'ruby:3'}}}";
        let image = "{customStrategy: {from: {kind: DockerImage, name: 'ruby:3'}}}";
        let again = "{from: {kind: ImageStreamTag, name: 'ruby:3', namespace: dev}}";
        for (strategy, changes, message, left) in [
            (
                tag,
                vec!["{}", again],
                "multiple ImageChange triggers refer to the same",
                1,
            ),
            (
                image,
                vec!["{}"],
                "only an ImageStreamTag type of reference",
                0,
            ),
            (
                "{jenkinsPipelineStrategy: {}}",
                vec!["{}"],
                "only an ImageStreamTag type",
                0,
            ),
        ] {
            let facts = build(", namespace: dev", strategy, &changes);
            let [finding] = facts.findings.as_slice() else {
                panic!("{strategy}: {:?}", facts.findings)
            };
            assert!(finding.message.contains(message), "{strategy}: {finding:?}");
            assert_eq!(shown(&facts).len(), left);
        }
    }
}
