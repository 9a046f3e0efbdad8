//! The image triggers of DeploymentConfigs and BuildConfigs.

use crate::field_path::Step;
use crate::manifest::annotation::read_from;
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
    for (index, item) in reader.items(spec, "triggers").iter().enumerate() {
        let item = reader.follow(item);
        if !matches!(
            reader.text(item, "type"),
            Some("ImageChange" | "imageChange")
        ) {
            continue;
        }
        match facts.kind.as_str() {
            "DeploymentConfig" => read_deployment(reader, item, facts),
            "BuildConfig" => read_build(reader, spec, item, index, facts),
            _ => return,
        }
    }
}

/// openshift-controller-manager `pkg/image/trigger/deploymentconfigs`: only automatic triggers
/// act, on containers and init containers alike, and all of a DeploymentConfig's together.
fn read_deployment<'a>(reader: &mut Reader<'a>, item: &'a Node, facts: &mut ObjectFacts) {
    let Some(params) = reader.get(item, "imageChangeParams") else {
        reader.error(item, "an ImageChange trigger has `imageChangeParams`");
        return;
    };
    if !reader.flag(params, "automatic") {
        reader.find(
            params,
            Severity::Note,
            "the trigger is not automatic, so it is left alone",
            None,
        );
        return;
    }
    let Some(from) = read_named_from(reader, params) else {
        return;
    };
    let names = reader.items(params, "containerNames");
    if names.is_empty() {
        reader.error(params, "`containerNames` is required");
    }
    for node in names {
        let name = node.text().unwrap_or_default();
        let mut found = facts
            .containers
            .iter()
            .filter(|container| container.name == name)
            .peekable();
        if found.peek().is_none() {
            reader.error(node, format!("no such container: {name}"));
        }
        let at = reader.spot(params);
        facts.triggers.extend(found.map(|container| TriggerFacts {
            from: from.clone(),
            kind: TriggerKind::DeploymentConfig,
            at,
            paused: false,
            group: Some(0),
            field: container.field.clone(),
            field_at: container.at,
            current: container.image.clone(),
            form: PinForm::Image,
        }));
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

/// Only `lastTriggeredImageID` moves: that change is what a build system starts on.
fn read_build<'a>(
    reader: &mut Reader<'a>,
    spec: &'a Node,
    item: &'a Node,
    index: usize,
    facts: &mut ObjectFacts,
) {
    let change = reader.get(item, "imageChange");
    let own = change.and_then(|change| reader.get(change, "from"));
    let Some(from) = own.or_else(|| strategy_from(reader, spec)) else {
        reader.error(item, "neither the trigger nor the strategy has a `from`");
        return;
    };
    if reader.text(from, "kind") != Some("ImageStreamTag") {
        reader.error(
            from,
            "only an ImageStreamTag type of reference is allowed in an ImageChange trigger.",
        );
        return;
    }
    let Some(from) = read_reported(reader, from) else {
        return;
    };
    let is_of_same =
        |other: &TriggerFacts| other.kind == TriggerKind::BuildConfig && other.from == from;
    if facts.triggers.iter().any(is_of_same) {
        reader.error(
            item,
            "multiple ImageChange triggers refer to the same image stream tag",
        );
        return;
    }
    let last = change.and_then(|change| reader.get(change, "lastTriggeredImageID"));
    let triggers = facts.root.clone().key("spec").key("triggers");
    let trigger = TriggerFacts {
        from,
        kind: TriggerKind::BuildConfig,
        at: reader.spot(change.unwrap_or(item)),
        paused: change.is_some_and(|change| reader.flag(change, "paused")),
        group: None,
        field: below(&triggers, Step::Index(index))
            .key("imageChange")
            .key("lastTriggeredImageID"),
        field_at: reader.spot(last.or(change).unwrap_or(item)),
        current: last.and_then(Node::text).map(str::to_owned),
        form: PinForm::DigestReference,
    };
    facts.triggers.push(trigger);
}

fn strategy_from<'a>(reader: &Reader<'a>, spec: &'a Node) -> Option<&'a Node> {
    let strategy = reader.get(spec, "strategy")?;
    ["sourceStrategy", "dockerStrategy", "customStrategy"]
        .iter()
        .find_map(|kind| reader.at(strategy, &[kind, "from"]))
}
