//! OpenShift's settings for imports (`imagePolicyConfig` of master-config.yaml and of the
//! controller's configuration, and `config.openshift.io` Image), as headwater.yaml says them.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::field_path::FieldPath;
use crate::plan::migrate::scan::{self, Object};
use crate::plan::migrate::write::Work;
use crate::problem::Problem;
use crate::snapshot::FilePath;
use crate::yaml::{Edit, Node};

const WORDS: [&str; 5] = [
    "cheduledImageImportsPerMinute",
    "cheduledImageImportMinimumIntervalSeconds",
    "axImagesBulkImportedPerRepository",
    "isableScheduledImport",
    "llowedRegistriesForImport",
];
const CONFIG_FILE: &str = "headwater.yaml";

pub(crate) fn migrate(work: &mut Work<'_>) {
    let files = scan::parse(work.inputs.files, &WORDS);
    for object in scan::objects(&files) {
        let policy = member(object.node, "imagePolicyConfig");
        let spec = member(object.node, "spec");
        for holder in [Some(object.node), policy, spec].into_iter().flatten() {
            imports(&object, holder, work);
            registries(&object, holder, work);
        }
    }
}

/// A member by its name in any case: master-config.yaml is written both ways.
fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let found = node
        .entries()
        .iter()
        .find(|(key, _)| key.text().is_some_and(|key| key.eq_ignore_ascii_case(name)));
    found
        .map(|(_, value)| value)
        .filter(|value| !value.is_null())
}

fn imports(object: &Object<'_>, holder: &Node, work: &mut Work<'_>) {
    let mut put: Vec<(&'static str, &Node, &'static str, Json)> = Vec::new();
    let mut find = |name: &'static str, key: &'static str, value: &dyn Fn(i64) -> Option<Json>| {
        let Some(node) = member(holder, name) else {
            return;
        };
        let number: Option<i64> = node.text().and_then(|text| text.parse().ok());
        match number.and_then(value) {
            Some(value) => put.push((name, node, key, value)),
            None => work.problems.push(
                Problem::note(
                    object.place_of(node),
                    format!(
                        "{name}: {} needs no setting",
                        node.text().unwrap_or_default()
                    ),
                )
                .advice(format!(
                    "without `imports.{key}` there is no such limit, or its default"
                )),
            ),
        }
    };
    let positive = |number: i64| (number > 0).then(|| json!(number));
    find("maxScheduledImageImportsPerMinute", "perMinute", &positive);
    find(
        "maxImagesBulkImportedPerRepository",
        "bulkPerRepository",
        &positive,
    );
    find(
        "scheduledImageImportMinimumIntervalSeconds",
        "interval",
        &|seconds| (seconds > 0).then(|| json!(format!("{seconds}s"))),
    );
    if let Some(node) = member(holder, "disableScheduledImport")
        && node.text() == Some("true")
    {
        put.push(("disableScheduledImport", node, "scheduled", json!(false)));
    }
    let Ok(file) = CONFIG_FILE.parse::<FilePath>() else {
        return;
    };
    if put.is_empty() {
        return;
    }
    for (name, node, key, value) in &put {
        work.became(
            format!("{name} {}", node.text().unwrap_or_default()),
            object.place_of(node),
            format!("imports.{key} {}", value.to_string().trim_matches('"')),
            file.clone(),
        );
    }
    write(
        &file,
        put.into_iter().map(|(_, _, key, value)| (key, value)),
        work,
    );
}

fn write(
    file: &FilePath,
    settings: impl Iterator<Item = (&'static str, Json)>,
    work: &mut Work<'_>,
) {
    if work.inputs.files.get(file).is_some_and(|it| !it.is_empty()) {
        for (key, value) in settings {
            let field = FieldPath::root().key("spec").key("imports").key(key);
            work.edit(
                file,
                Edit::Put {
                    document: 0,
                    field,
                    value,
                },
            );
        }
        return;
    }
    let imports: Map<String, Json> = settings
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    work.add_file(
        file,
        &json!({
            "apiVersion": "headwater.dev/v1alpha1",
            "kind": "Config",
            "spec": {"imports": imports},
        }),
    );
}

/// Which registries may be asked is the operator's, and stands in no Git repository.
fn registries(object: &Object<'_>, holder: &Node, work: &mut Work<'_>) {
    let Some(node) = member(holder, "allowedRegistriesForImport") else {
        return;
    };
    let hosts: Vec<&str> = node
        .items()
        .iter()
        .filter_map(|item| member(item, "domainName")?.text())
        .collect();
    let insecure: Vec<&str> = node
        .items()
        .iter()
        .filter(|item| member(item, "insecure").and_then(Node::text) == Some("true"))
        .filter_map(|item| member(item, "domainName")?.text())
        .collect();
    let list: Arc<str> = json!(hosts).to_string().into();
    let mut advice = format!("write `registries: {{allow: {list}}}` into the server file");
    if !insecure.is_empty() {
        advice.push_str(&format!(
            ", and `hosts: [{{host: …, insecure: true}}]` for {}",
            insecure.join(", ")
        ));
    }
    work.problems.push(
        Problem::note(
            object.place_of(node),
            "which registries may be asked is the operator's, and stands in the server file",
        )
        .advice(advice),
    );
}
