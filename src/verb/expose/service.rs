//! A Service of pods (kubectl `pkg/cmd/expose`, `pkg/polymorphichelpers`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::verb::Refused;
use crate::verb::beside::New;
use crate::verb::expose::{Expose, number_or_name, texts};
use crate::verb::labels::parse_labels;
use crate::verb::object::Object;

const MAX_NAME: usize = 63;
const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

pub(super) fn default_name(object: &Object) -> String {
    object.name.chars().take(MAX_NAME).collect()
}

/// Where a kind has its pod spec; none for what cannot be exposed (`CanBeExposed`).
fn pod_spec(kind: &str) -> Option<&'static str> {
    match kind {
        "Pod" => Some("/spec"),
        "Deployment" | "ReplicaSet" | "ReplicationController" | "DeploymentConfig" => {
            Some("/spec/template/spec")
        }
        _ => None,
    }
}

pub(super) fn service(object: &Object, words: &Expose) -> Result<New, Refused> {
    let Some(pod_spec) = pod_spec(object.kind.kind) else {
        let kind = match object.kind.group {
            "" => object.kind.kind.to_owned(),
            group => format!("{}.{group}", object.kind.kind),
        };
        return Err(Refused::new(format!("cannot expose a {kind}")));
    };
    for (flag, is_given) in [
        ("--hostname", words.hostname.is_some()),
        ("--path", words.path.is_some()),
        ("--wildcard-policy", words.wildcard_policy.is_some()),
        ("--ingress", words.is_ingress),
    ] {
        if is_given {
            return Err(
                Refused::new(format!("cannot use {flag} when exposing a service"))
                    .hint("a service is made first; expose that one"),
            );
        }
    }
    let selector = match &words.selector {
        Some(selector) => parse_labels(selector)?,
        None => selector(object).map_err(|why| {
            Refused::new(format!(
                "couldn't retrieve selectors via --selector flag or introspection: {why}"
            ))
        })?,
    };
    let mut spec = Map::new();
    spec.insert("selector".to_owned(), json!(selector));
    spec.insert("ports".to_owned(), ports(object, pod_spec, words)?.into());
    if let Some(kind) = &words.kind {
        if !TYPES.contains(&kind.as_str()) {
            let known: Vec<String> = TYPES.iter().map(|kind| format!("{kind:?}")).collect();
            return Err(Refused::new(format!(
                "spec.type: Unsupported value: {kind:?}: supported values: {}",
                known.join(", ")
            )));
        }
        spec.insert("type".to_owned(), kind.as_str().into());
    }
    Ok(New {
        spec: spec.into(),
        ..New::default()
    })
}

/// `MapBasedSelectorForObject`.
fn selector(object: &Object) -> Result<BTreeMap<String, String>, String> {
    match object.kind.kind {
        "Pod" => {
            let labels = texts(&object.value, "/metadata/labels");
            match labels.is_empty() {
                true => Err("the pod has no labels and cannot be exposed".to_owned()),
                false => Ok(labels),
            }
        }
        "Deployment" | "ReplicaSet" => {
            let expressions = object.list("/spec/selector/matchExpressions");
            if !expressions.is_empty() {
                return Err(format!(
                    "couldn't convert expressions - {:?} to map-based selector format",
                    Value::from(expressions).to_string()
                ));
            }
            let labels = texts(&object.value, "/spec/selector/matchLabels");
            match labels.is_empty() {
                true => Err(format!(
                    "invalid {}: no selectors, therefore cannot be exposed",
                    object.kind.kind.to_ascii_lowercase()
                )),
                false => Ok(labels),
            }
        }
        // What names none has the labels of its template.
        _ => {
            let own = texts(&object.value, "/spec/selector");
            let labels = match own.is_empty() {
                true => texts(&object.value, "/spec/template/metadata/labels"),
                false => own,
            };
            match labels.is_empty() {
                true => Err("no selectors, therefore cannot be exposed".to_owned()),
                false => Ok(labels),
            }
        }
    }
}

/// `createService`: those that were asked for, else those of the containers, with the protocols
/// that stand there.
fn ports(object: &Object, pod_spec: &str, words: &Expose) -> Result<Vec<Value>, Refused> {
    let own = container_ports(object, pod_spec);
    let mut numbers: Vec<u16> = Vec::new();
    match words.port.as_deref().filter(|port| !port.is_empty()) {
        Some(asked) => {
            for text in asked.split(',') {
                let number = text.parse().ok().filter(|number| *number > 0);
                numbers.push(number.ok_or_else(|| {
                    Refused::new(format!("invalid port {text:?}"))
                        .hint("the port of a service is a number; --target-port takes a name too")
                })?);
            }
        }
        None => {
            for (number, _) in &own {
                if !numbers.contains(number) {
                    numbers.push(*number);
                }
            }
        }
    }
    if numbers.is_empty() {
        return Err(Refused::new(
            "couldn't find port via --port flag or introspection",
        ));
    }
    let asked = match words.protocol.as_deref() {
        None | Some("") => None,
        Some(text) => match text.to_ascii_uppercase().as_str() {
            "TCP" => Some("TCP"),
            "UDP" => Some("UDP"),
            "SCTP" => Some("SCTP"),
            _ => {
                return Err(Refused::new(format!(
                    "spec.ports[0].protocol: Unsupported value: {text:?}: supported values: \"SCTP\", \"TCP\", \"UDP\""
                )));
            }
        },
    };
    let mut ports = Vec::new();
    for (position, number) in numbers.iter().enumerate() {
        let of_port = own.iter().filter(|(own, _)| own == number);
        let spoken: BTreeSet<&str> = of_port.map(|(_, protocol)| protocol.as_str()).collect();
        let protocols: Vec<&str> = match asked {
            Some(protocol) => vec![protocol],
            None if spoken.is_empty() => vec!["TCP"],
            None => spoken.into_iter().collect(),
        };
        for protocol in &protocols {
            let name = match (numbers.len(), protocols.len()) {
                (1, 1) => None,
                (_, 1) => Some(format!("port-{}", position + 1)),
                _ => Some(format!(
                    "port-{}-{}",
                    position + 1,
                    protocol.to_ascii_lowercase()
                )),
            };
            let mut port = Map::new();
            if let Some(name) = name {
                port.insert("name".to_owned(), name.into());
            }
            let target = words.target_port.as_deref();
            let target = target.map_or_else(|| Value::from(*number), number_or_name);
            port.insert("port".to_owned(), (*number).into());
            port.insert("protocol".to_owned(), (*protocol).into());
            port.insert("targetPort".to_owned(), target);
            ports.push(port.into());
        }
    }
    Ok(ports)
}

/// `containerPort` and protocol of each, in the order of the file.
fn container_ports(object: &Object, pod_spec: &str) -> Vec<(u16, String)> {
    let containers = object.list(&format!("{pod_spec}/containers")).iter();
    containers
        .filter_map(|container| container.get("ports")?.as_array())
        .flatten()
        .filter_map(|port| {
            let number = port.get("containerPort")?.as_u64()?;
            let protocol = port.get("protocol").and_then(Value::as_str);
            let number = u16::try_from(number).ok().filter(|number| *number > 0)?;
            Some((number, protocol.unwrap_or("TCP").to_owned()))
        })
        .collect()
}
