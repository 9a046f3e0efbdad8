//! `expose`: a service to the outside, or pods as a service (oc `pkg/cli/expose`, kubectl
//! `pkg/cmd/expose`).

mod route;
mod service;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::verb::beside::Beside;
use crate::verb::labels::parse_labels;
use crate::verb::object::{Kind, Object, Selection};
use crate::verb::{Draft, Refused, Scene};

/// The words of `expose`.
#[derive(Clone, Debug, Default)]
pub struct Expose {
    /// `KIND/NAME`, or `KIND NAME`.
    pub words: Vec<String>,
    pub name: Option<String>,
    pub port: Option<String>,
    /// `key=value,…`
    pub labels: Option<String>,
    pub hostname: Option<String>,
    pub path: Option<String>,
    pub wildcard_policy: Option<String>,
    /// An Ingress instead of a Route.
    pub is_ingress: bool,
    pub target_port: Option<String>,
    pub protocol: Option<String>,
    /// `--type`
    pub kind: Option<String>,
    /// `key=value,…`
    pub selector: Option<String>,
}

/// Decides what `expose` writes: a Route or an Ingress of a service, a Service of anything else.
pub fn expose(scene: &Scene<'_>, words: &Expose) -> Result<(Draft, Vec<Object>), Refused> {
    if let Some(policy) = &words.wildcard_policy
        && !matches!(policy.as_str(), "" | "None" | "Subdomain")
    {
        return Err(Refused::new(
            "only \"Subdomain\" or \"None\" are supported for wildcard-policy",
        ));
    }
    let selection = Selection {
        words: words.words.clone(),
        ..Selection::default()
    };
    let found = selection.find(scene)?;
    let object = match found.as_slice() {
        [] => {
            return Err(
                Refused::new("you must provide one or more resources by argument")
                    .hint("such as service/web or deployment/web"),
            );
        }
        [only] => only,
        _ => {
            return Err(Refused::new(format!(
                "multiple resources provided: [{}]",
                words.words.join(" ")
            )));
        }
    };
    let labels = match &words.labels {
        Some(labels) => Some(parse_labels(labels)?),
        None => None,
    };
    let (kind, name, new) = match (object.kind.kind, words.is_ingress) {
        ("Service", true) => (
            "ingresses",
            object.name.clone(),
            route::ingress(object, words)?,
        ),
        ("Service", false) => ("routes", object.name.clone(), route::route(object, words)?),
        _ => (
            "services",
            service::default_name(object),
            service::service(object, words)?,
        ),
    };
    let mut new = new;
    let labels = match (labels, kind) {
        (Some(labels), "services") => labels,
        (labels, _) => {
            let mut all = texts(&object.value, "/metadata/labels");
            all.extend(labels.unwrap_or_default());
            all
        }
    };
    if !labels.is_empty() {
        let labels: Map<String, Value> = labels
            .into_iter()
            .map(|(key, value)| (key, value.into()))
            .collect();
        new.metadata.insert("labels".to_owned(), labels.into());
    }
    let name = words.name.clone().unwrap_or(name);
    if !is_object_name(&name) {
        return Err(Refused::new(format!(
            "metadata.name: Invalid value: {name:?}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
        )));
    }
    let mut draft = Draft::default();
    let mut beside = Beside::object(scene, object)?;
    let made = beside.put(&mut draft, Kind::find(kind)?, &name, new)?;
    beside.finish(&mut draft);
    draft.say(format!("{} exposed", made.full_name()));
    Ok((draft, vec![made]))
}

/// A mapping of texts; none where there is none.
fn texts(value: &Value, pointer: &str) -> BTreeMap<String, String> {
    let members = value.pointer(pointer).and_then(Value::as_object);
    let members = members.into_iter().flatten();
    members
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// A number where the text is one, else a name (Kubernetes' `IntOrString`).
fn number_or_name(text: &str) -> Value {
    match text.parse::<u16>() {
        Ok(number) => number.into(),
        Err(_) => text.into(),
    }
}

/// Kubernetes' DNS-1123 subdomain.
fn is_object_name(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(is_good)
    };
    name.len() <= 253 && name.split('.').all(is_label)
}
