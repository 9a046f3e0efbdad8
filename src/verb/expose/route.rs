//! A Route of a service (oc `pkg/cli/create/route`, openshift/library-go `pkg/route`), or an
//! Ingress.

use serde_json::{Map, Value, json};

use crate::verb::Refused;
use crate::verb::beside::New;
use crate::verb::expose::{Expose, is_object_name, number_or_name};
use crate::verb::object::Object;

/// The flags that a service has no use for.
fn refuse_service_flags(words: &Expose, what: &str) -> Result<(), Refused> {
    for (flag, value) in [
        ("--type", &words.kind),
        ("--target-port", &words.target_port),
        ("--protocol", &words.protocol),
        ("--selector", &words.selector),
    ] {
        if value.is_some() {
            return Err(Refused::new(format!(
                "cannot use {flag} when exposing {what}"
            )));
        }
    }
    Ok(())
}

/// The first port of the service that speaks TCP: what routers forward.
fn tcp_port(service: &Object) -> Result<&Value, Refused> {
    let ports = service.list("/spec/ports").iter();
    let mut tcp = ports.filter(|port| {
        let protocol = port.get("protocol").and_then(Value::as_str);
        protocol.is_none_or(|protocol| protocol == "TCP")
    });
    tcp.next()
        .ok_or_else(|| Refused::new(format!("service {:?} doesn't support TCP", service.name)))
}

fn given(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|text| !text.is_empty())
}

pub(super) fn route(service: &Object, words: &Expose) -> Result<New, Refused> {
    refuse_service_flags(words, "route")?;
    let port = tcp_port(service)?;
    let target = match given(words.port.as_ref()) {
        Some(port) => number_or_name(port),
        None => {
            let name = port.get("name").filter(|name| name.as_str() != Some(""));
            let own = name.or_else(|| port.get("targetPort")).or(port.get("port"));
            own.cloned().unwrap_or_default()
        }
    };
    let invalid = |field: &str, value: &str, why: &str| {
        let name = words.name.as_ref().unwrap_or(&service.name);
        Refused::new(format!(
            "The Route {name:?} is invalid: {field}: Invalid value: {value:?}: {why}"
        ))
    };
    let (host, path) = (given(words.hostname.as_ref()), given(words.path.as_ref()));
    let mut spec = Map::new();
    if let Some(host) = host {
        if !is_object_name(host) {
            let why = "host must conform to DNS naming conventions";
            return Err(invalid("spec.host", host, why));
        }
        spec.insert("host".to_owned(), host.into());
    }
    if let Some(path) = path {
        if !path.starts_with('/') {
            return Err(invalid("spec.path", path, "path must begin with /"));
        }
        spec.insert("path".to_owned(), path.into());
    }
    spec.insert("port".to_owned(), json!({"targetPort": target}));
    spec.insert(
        "to".to_owned(),
        json!({"kind": "Service", "name": service.name}),
    );
    if let Some(policy) = given(words.wildcard_policy.as_ref()) {
        if policy == "Subdomain" && host.is_none() {
            let why = "host name not specified for wildcard policy";
            return Err(invalid("spec.wildcardPolicy", policy, why));
        }
        spec.insert("wildcardPolicy".to_owned(), policy.into());
    }
    Ok(New {
        spec: spec.into(),
        ..New::default()
    })
}

/// Without a host the rule takes every one. The backend is a port of the service itself, where a
/// Route names one of its pods.
pub(super) fn ingress(service: &Object, words: &Expose) -> Result<New, Refused> {
    refuse_service_flags(words, "ingress")?;
    let first = tcp_port(service)?;
    let port = match given(words.port.as_ref()) {
        None => first,
        Some(asked) => {
            let is = |port: &Value, key: &str| port.get(key) == Some(&number_or_name(asked));
            let ports = || service.list("/spec/ports").iter();
            let found = ["name", "port", "targetPort"]
                .iter()
                .find_map(|key| ports().find(|port| is(port, key)));
            found.ok_or_else(|| {
                Refused::new(format!("service {:?} has no port {asked:?}", service.name))
            })?
        }
    };
    let name = port.get("name").and_then(Value::as_str);
    let port = match name.filter(|name| !name.is_empty()) {
        Some(name) => json!({"name": name}),
        None => json!({"number": port.get("port")}),
    };
    let path = given(words.path.as_ref()).unwrap_or("/");
    if !path.starts_with('/') {
        return Err(Refused::new(format!(
            "spec.rules[0].http.paths[0].path: Invalid value: {path:?}: must be an absolute path"
        )));
    }
    let is_wildcard = words.wildcard_policy.as_deref() == Some("Subdomain");
    let host = match (given(words.hostname.as_ref()), is_wildcard) {
        (None, true) => {
            return Err(Refused::new("host name not specified for wildcard policy"));
        }
        (Some(host), true) => {
            let parent = host.split_once('.').map_or(host, |(_, parent)| parent);
            Some((format!("*.{parent}"), parent))
        }
        (host, false) => host.map(|host| (host.to_owned(), host)),
    };
    let mut rule = Map::new();
    if let Some((host, plain)) = host {
        if !is_object_name(plain) {
            return Err(Refused::new(format!(
                "spec.rules[0].host: Invalid value: {host:?}: host must conform to DNS naming conventions"
            )));
        }
        rule.insert("host".to_owned(), host.into());
    }
    let backend = json!({"service": {"name": service.name, "port": port}});
    let path = json!({"path": path, "pathType": "Prefix", "backend": backend});
    rule.insert("http".to_owned(), json!({"paths": [path]}));
    Ok(New {
        spec: json!({"rules": [rule]}),
        ..New::default()
    })
}
