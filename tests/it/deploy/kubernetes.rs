//! The manifests, without a cluster and without kubectl.

use std::collections::BTreeSet;

use headwater::git::{OPERATIONS, RESULTS};
use headwater::serve::metrics::NAMES;
use serde_json::{Value, json};

use crate::deploy::{document, documents, root, text, texts};
use crate::tidy::files_below;

const FOLDER: &str = "examples/deploy/kubernetes";
const SECRETS: &str = "/run/secrets/headwater/";

#[test]
fn every_manifest_is_listed_and_everything_listed_is_there() {
    for folder in [
        "base",
        "shards",
        "components/route",
        "components/monitoring",
    ] {
        let folder = format!("{FOLDER}/{folder}");
        let kustomization = document(&format!("{folder}/kustomization.yaml"));
        let listed: BTreeSet<String> = texts(&kustomization)
            .into_iter()
            .filter(|text| text.ends_with(".yaml") && !text.contains(char::is_whitespace))
            .collect();
        let found: BTreeSet<String> = files_below(&root().join(&folder))
            .iter()
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .filter(|name| name != "kustomization.yaml")
            .collect();
        assert_eq!(listed, found, "{folder}");
    }
}

/// No cluster rights at all, nor a cluster's own objects.
#[test]
fn nothing_is_asked_of_the_cluster() {
    let allowed = [
        "Kustomization",
        "Component",
        "Deployment",
        "Service",
        "ServiceAccount",
        "NetworkPolicy",
        "Route",
        "ServiceMonitor",
        "PrometheusRule",
    ];
    for (file, object) in objects() {
        let kind = object["kind"].as_str().unwrap();
        assert!(allowed.contains(&kind), "{file}: {kind}");
    }
    let account = of_kind("ServiceAccount");
    assert_eq!(account["automountServiceAccountToken"], false);
    for pod in [pod(&workload()), pod(&sharded())] {
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
    }
}

/// The profile "restricted" of Kubernetes' pod security standards, and a read-only root beyond it.
#[test]
fn pods_are_restricted() {
    for workload in [workload(), sharded()] {
        let pod = pod(&workload);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        let seccomp = &pod["securityContext"]["seccompProfile"]["type"];
        assert_eq!(seccomp, "RuntimeDefault");
        for field in ["hostNetwork", "hostPID", "hostIPC", "initContainers"] {
            assert!(pod[field].is_null(), "{field}");
        }
        for volume in pod["volumes"].as_array().unwrap() {
            let kinds: Vec<&String> = volume.as_object().unwrap().keys().collect();
            let is_allowed = |kind: &&String| {
                ["name", "configMap", "secret", "emptyDir"].contains(&kind.as_str())
            };
            assert!(kinds.iter().all(is_allowed), "{volume}");
        }
        let container = container(&workload);
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["capabilities"], json!({"drop": ["ALL"]}));
        // A number of ours would be refused on OpenShift, which gives each namespace its own.
        assert!(context["runAsUser"].is_null() && pod["securityContext"]["runAsUser"].is_null());
        assert!(container["ports"].as_array().unwrap().iter().all(|port| {
            port["hostPort"].is_null() && port["containerPort"].as_u64().unwrap() > 1024
        }));
        assert!(container["resources"]["limits"]["memory"].is_string());
        assert!(container["resources"]["requests"]["cpu"].is_string());
    }
}

#[test]
fn selectors_select_the_pods() {
    for (workload, folder) in [(workload(), "base"), (sharded(), "shards")] {
        let mut labels = workload["spec"]["template"]["metadata"]["labels"].clone();
        let selector = &workload["spec"]["selector"]["matchLabels"];
        assert!(is_within(selector, &labels), "{selector}");
        if folder == "shards" {
            // Kubernetes' own, of one of the copies.
            labels["apps.kubernetes.io/pod-index"] = json!("any");
        }
        for service in documents(&format!("{FOLDER}/{folder}/services.yaml")) {
            let mut selector = service["spec"]["selector"].clone();
            if let Some(index) = selector.get_mut("apps.kubernetes.io/pod-index") {
                *index = json!("any");
            }
            assert!(is_within(&selector, &labels), "{selector} of {folder}");
            for port in service["spec"]["ports"].as_array().unwrap() {
                let name = port["targetPort"].as_str().unwrap();
                assert!(port_of(&workload, name).is_some(), "{name}");
            }
        }
        let policy = of_kind("NetworkPolicy");
        assert!(is_within(
            &policy["spec"]["podSelector"]["matchLabels"],
            &labels
        ));
    }
    let monitor = of_kind("ServiceMonitor");
    let wanted = &monitor["spec"]["selector"]["matchLabels"];
    let services = documents(&format!("{FOLDER}/base/services.yaml"));
    let watched: Vec<&Value> = services
        .iter()
        .filter(|service| is_within(wanted, &service["metadata"]["labels"]))
        .collect();
    assert_eq!(watched.len(), 1);
    let endpoint = &monitor["spec"]["endpoints"][0]["port"];
    assert_eq!(*endpoint, watched[0]["spec"]["ports"][0]["name"]);
    let route = of_kind("Route");
    let target = services
        .iter()
        .find(|service| service["metadata"]["name"] == route["spec"]["to"]["name"])
        .unwrap();
    assert_eq!(
        route["spec"]["port"]["targetPort"],
        target["spec"]["ports"][0]["name"]
    );
}

/// Listeners, ports, probes and the policy speak of the same numbers.
#[test]
fn ports_are_those_of_the_listeners() {
    let config = document(&format!("{FOLDER}/base/config.yaml"));
    let workload = workload();
    let mut numbers = BTreeSet::new();
    for listener in ["hooks", "status", "metrics"] {
        let address = config["serve"][listener]["listen"].as_str().unwrap();
        let number: u64 = address.rsplit(':').next().unwrap().parse().unwrap();
        assert_eq!(port_of(&workload, listener), Some(number), "{listener}");
        numbers.insert(number);
    }
    let ports = container(&workload)["ports"].as_array().unwrap().len();
    assert_eq!(ports, numbers.len());
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        let get = &container(&workload)[probe]["httpGet"];
        assert_eq!(*get, json!({"path": path, "port": "metrics"}));
    }
    let policy = of_kind("NetworkPolicy");
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(policy_ports(&policy["spec"]["ingress"]), numbers);
    let out = BTreeSet::from([22, 53, 443, 5353]);
    assert_eq!(policy_ports(&policy["spec"]["egress"]), out);
}

/// The page and the metrics are not for everybody, and no pod asks a machine for its credentials.
#[test]
fn only_hooks_come_from_anywhere_and_nothing_goes_to_link_local_addresses() {
    let policy = of_kind("NetworkPolicy");
    for rule in policy["spec"]["ingress"].as_array().unwrap() {
        let is_hooks = rule["ports"][0]["port"] == 8080;
        assert_eq!(rule["from"].is_null(), is_hooks, "{rule}");
    }
    for rule in policy["spec"]["egress"].as_array().unwrap() {
        if rule["ports"][0]["port"] == 443 {
            let blocks = texts(&rule["to"]);
            for block in ["169.254.0.0/16", "fe80::/10"] {
                assert!(blocks.iter().any(|it| it == block), "{block}");
            }
        }
    }
    let config = document(&format!("{FOLDER}/base/config.yaml"));
    assert!(config["serve"]["status"]["tokenFile"].is_string());
}

/// Every file that is named is below a mount, and everything that is written is a volume.
#[test]
fn mounts_are_what_is_named() {
    let workload = workload();
    let container = container(&workload);
    let mounts = container["volumeMounts"].as_array().unwrap();
    let pod = pod(&workload);
    let volume = |name: &Value| {
        let mut volumes = pod["volumes"].as_array().unwrap().iter();
        volumes.find(|volume| volume["name"] == *name).unwrap()
    };
    let mount = |path: &str| {
        let mut mounts = mounts.iter();
        let mount = mounts.find(|mount| mount["mountPath"] == path).unwrap();
        assert!(mount["subPath"].is_null(), "{path} would never be updated");
        (mount["readOnly"] == true, volume(&mount["name"]))
    };
    assert_eq!(mounts.len(), pod["volumes"].as_array().unwrap().len());
    let (is_read_only, secret) = mount(SECRETS.trim_end_matches('/'));
    assert!(is_read_only && secret["secret"]["secretName"] == "headwater");
    let (is_read_only, config) = mount("/etc/headwater");
    let generator =
        &document(&format!("{FOLDER}/base/kustomization.yaml"))["configMapGenerator"][0];
    assert!(is_read_only && config["configMap"]["name"] == generator["name"]);
    assert_eq!(generator["options"]["disableNameSuffixHash"], true);
    let read = container["args"].as_array().unwrap().last().unwrap();
    let file = generator["files"][0].as_str().unwrap();
    assert_eq!(*read, json!(format!("/etc/headwater/{file}")));
    for path in ["/tmp", "/var/cache/headwater"] {
        let (is_read_only, volume) = mount(path);
        assert!(!is_read_only && volume["emptyDir"]["sizeLimit"].is_string());
    }
    let named = texts(&document(&format!("{FOLDER}/base/config.yaml")));
    let files: Vec<&String> = named.iter().filter(|text| text.starts_with('/')).collect();
    assert!(files.len() >= 4, "{files:?}");
    assert!(
        files.iter().all(|file| file.starts_with(SECRETS)),
        "{files:?}"
    );
    // The guide makes the Secret of the very same keys.
    let guide = text("docs/deploy.md");
    let made: BTreeSet<&str> = guide
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--from-file="))
        .collect();
    let named: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.strip_prefix(SECRETS))
        .collect();
    assert_eq!(made, named);
}

#[test]
fn shards_are_as_many_as_copies() {
    let set = sharded();
    assert_eq!(set["kind"], "StatefulSet");
    let copies = set["spec"]["replicas"].as_u64().unwrap();
    let container = container(&set);
    let arguments = texts(&container["args"]);
    let shard = arguments.last().unwrap();
    assert_eq!(*shard, format!("$(POD_INDEX)/{copies}"));
    assert_eq!(arguments[arguments.len() - 2], "--shard");
    let before = texts(&crate::deploy::kubernetes::container(&workload())["args"]);
    assert_eq!(arguments[..arguments.len() - 2], before);
    let index = &container["env"][0];
    assert_eq!(index["name"], "POD_INDEX");
    let path = &index["valueFrom"]["fieldRef"]["fieldPath"];
    assert_eq!(path, "metadata.labels['apps.kubernetes.io/pod-index']");

    let services = documents(&format!("{FOLDER}/shards/services.yaml"));
    let named = |name: &str| services.iter().any(|it| it["metadata"]["name"] == name);
    assert!(named(set["spec"]["serviceName"].as_str().unwrap()));
    let hooks = services.iter().filter_map(|service| {
        let index = service["spec"]["selector"]["apps.kubernetes.io/pod-index"].as_str()?;
        assert_eq!(
            service["metadata"]["name"],
            format!("headwater-hooks-{index}")
        );
        index.parse::<u64>().ok()
    });
    let hooks: BTreeSet<u64> = hooks.collect();
    assert_eq!(hooks, (0..copies).collect());
}

#[test]
fn the_operators_rules_are_the_plain_ones() {
    let plain = document("examples/deploy/prometheus/alerts.yaml");
    assert_eq!(of_kind("PrometheusRule")["spec"], plain);
    let rules = plain["groups"][0]["rules"].as_array().unwrap();
    let results = [&RESULTS[..], &["ok", "failed"]].concat();
    let mut names = BTreeSet::new();
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        assert!(
            name.starts_with("Headwater") && names.insert(name),
            "{name}"
        );
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(
            ["info", "warning", "critical"].contains(&severity),
            "{name}"
        );
        for annotation in ["summary", "description"] {
            assert!(rule["annotations"][annotation].is_string(), "{name}");
        }
        let expression = rule["expr"].as_str().unwrap();
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let metrics: Vec<&str> = words
            .filter(|word| word.starts_with("headwater_"))
            .collect();
        assert!(!metrics.is_empty(), "{name}");
        for metric in metrics {
            assert!(NAMES.contains(&metric), "{name}: there is no {metric}");
        }
        // A label's value that does not exist would never fire.
        for (label, known) in [("op", &OPERATIONS[..]), ("result", &results[..])] {
            for (at, _) in expression.match_indices(&format!("{label}=\"")) {
                let value = expression[at..].split('"').nth(1).unwrap();
                assert!(known.contains(&value), "{name}: {label}={value}");
            }
        }
    }
}

/// Every object of every folder, with its file.
fn objects() -> Vec<(String, Value)> {
    let mut objects = Vec::new();
    for path in files_below(&root().join(FOLDER)) {
        let file = path
            .strip_prefix(root())
            .unwrap()
            .to_string_lossy()
            .into_owned();
        if file.ends_with("/config.yaml") || file.ends_with("/stateful-set.yaml") {
            continue;
        }
        objects.extend(documents(&file).into_iter().map(|it| (file.clone(), it)));
    }
    objects
}

/// The one object of a kind.
fn of_kind(kind: &str) -> Value {
    let mut found = objects().into_iter().filter(|(_, it)| it["kind"] == kind);
    let object = found.next().unwrap().1;
    assert!(found.next().is_none(), "two of {kind}");
    object
}

fn workload() -> Value {
    of_kind("Deployment")
}

/// The Deployment as the overlay makes it a StatefulSet: JSON Patch, RFC 6902, as far as the
/// overlay uses it.
fn sharded() -> Value {
    let mut object = workload();
    let patch = document(&format!("{FOLDER}/shards/stateful-set.yaml"));
    for step in patch.as_array().unwrap() {
        let path = step["path"].as_str().unwrap();
        let (parent, key) = path.rsplit_once('/').unwrap();
        let parent = object.pointer_mut(parent).unwrap();
        let fields = parent.as_object_mut().unwrap();
        match step["op"].as_str().unwrap() {
            "replace" => assert!(fields.contains_key(key), "{path} is not there"),
            "add" => assert!(!fields.contains_key(key), "{path} is there"),
            other => panic!("{other}"),
        }
        fields.insert(key.to_owned(), step["value"].clone());
    }
    object
}

fn pod(workload: &Value) -> Value {
    workload["spec"]["template"]["spec"].clone()
}

fn container(workload: &Value) -> Value {
    let containers = pod(workload)["containers"].clone();
    assert_eq!(containers.as_array().unwrap().len(), 1);
    containers[0].clone()
}

fn port_of(workload: &Value, name: &str) -> Option<u64> {
    let ports = container(workload)["ports"].clone();
    let mut ports = ports.as_array().unwrap().iter();
    ports.find(|port| port["name"] == name)?["containerPort"].as_u64()
}

fn policy_ports(rules: &Value) -> BTreeSet<u64> {
    let rules = rules.as_array().unwrap().iter();
    rules
        .flat_map(|rule| rule["ports"].as_array().unwrap())
        .map(|port| port["port"].as_u64().unwrap())
        .collect()
}

fn is_within(part: &Value, whole: &Value) -> bool {
    let fields = part.as_object().unwrap();
    !fields.is_empty() && fields.iter().all(|(key, value)| whole[key] == *value)
}
