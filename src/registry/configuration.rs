//! An image's configuration (OCI image specification, "Image configuration"), read leniently:
//! builders differ, and people want to see what there is.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::image::{Configuration, Platform};
use crate::registry::error::{clean, harmless};
use crate::registry::image_manifest::Descriptor;

/// Characters of one value; a PATH or a label may be long.
const LONGEST_VALUE: usize = 4096;
/// Values of one kind.
const MOST_VALUES: usize = 1000;

#[derive(Deserialize)]
struct RawConfiguration {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    created: Option<String>,
    author: Option<String>,
    docker_version: Option<String>,
    config: Option<RawRuntime>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawRuntime {
    user: Option<String>,
    working_dir: Option<String>,
    entrypoint: Option<Words>,
    cmd: Option<Words>,
    env: Option<Words>,
    exposed_ports: Option<BTreeMap<String, Value>>,
    volumes: Option<BTreeMap<String, Value>>,
    labels: Option<BTreeMap<String, String>>,
    // As anything, so that an odd one does not take the rest with it.
    stop_signal: Option<Value>,
    healthcheck: Option<Value>,
}

/// Old builders write one word without a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Many(Vec<String>),
    One(String),
}

/// None where it is no container image's: a chart, an attestation.
pub(super) fn read(body: &[u8], descriptor: &Descriptor) -> Option<Configuration> {
    let raw: RawConfiguration = serde_json::from_slice(body).ok()?;
    let runtime = raw.config.unwrap_or_default();
    let platform = match (text(raw.os), text(raw.architecture)) {
        (Some(os), Some(architecture)) => Some(Platform {
            os,
            architecture,
            variant: text(raw.variant),
        }),
        _ => None,
    };
    let labels = runtime.labels.unwrap_or_default();
    Some(Configuration {
        digest: descriptor.digest.clone(),
        size: descriptor.size,
        platform,
        created: text(raw.created),
        author: text(raw.author),
        docker_version: text(raw.docker_version),
        user: text(runtime.user),
        working_dir: text(runtime.working_dir),
        entrypoint: words(runtime.entrypoint),
        command: words(runtime.cmd),
        environment: words(runtime.env),
        exposed_ports: keys(runtime.exposed_ports),
        volumes: keys(runtime.volumes),
        labels: pairs(
            labels
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        ),
        stop_signal: text(
            runtime
                .stop_signal
                .and_then(|signal| serde_json::from_value(signal).ok()),
        ),
        healthcheck: words(
            runtime
                .healthcheck
                .and_then(|check| serde_json::from_value(check.get("Test")?.clone()).ok()),
        ),
    })
}

/// Labels or annotations, as many and as long as are told of, made harmless.
pub(super) fn pairs<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<String, String> {
    pairs
        .take(MOST_VALUES)
        .map(|(key, value)| (clean(key), harmless(value, LONGEST_VALUE)))
        .collect()
}

fn text(text: Option<String>) -> Option<String> {
    text.map(|text| clean(&text))
        .filter(|text| !text.is_empty())
}

fn words(words: Option<Words>) -> Vec<String> {
    let words = match words {
        Some(Words::Many(words)) => words,
        Some(Words::One(word)) => vec![word],
        None => Vec::new(),
    };
    words
        .iter()
        .take(MOST_VALUES)
        .map(|word| harmless(word, LONGEST_VALUE))
        .collect()
}

fn keys(map: Option<BTreeMap<String, Value>>) -> Vec<String> {
    let keys = map.unwrap_or_default().into_keys();
    keys.take(MOST_VALUES).map(|key| clean(&key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Digest;

    fn read(body: &[u8]) -> Option<Configuration> {
        let descriptor = Descriptor {
            digest: Digest::of(body),
            media_type: String::new(),
            size: body.len() as u64,
            platform: None,
            is_attestation: false,
        };
        super::read(body, &descriptor)
    }

    #[test]
    fn configurations_are_read_leniently_and_cleaned() {
        let body = br#"{"os":"linux","architecture":"arm64","created":"2026-01-02T03:04:05Z",
            "config":{"Labels":{"a":"b\u001b[0m"},"Cmd":"run","Entrypoint":null,
            "Env":["PATH=/bin"],"Volumes":{"/data":{}},"User":"","StopSignal":"SIGINT",
            "Healthcheck":{"Test":["CMD","/bin/well"],"Interval":30000000000}}}"#;
        let read_well = read(body).unwrap();
        assert_eq!(read_well.platform.unwrap().to_string(), "linux/arm64");
        assert_eq!(read_well.labels["a"], "b[0m");
        assert_eq!(read_well.command, ["run"]);
        assert_eq!(read_well.environment, ["PATH=/bin"]);
        assert_eq!(read_well.volumes, ["/data"]);
        assert!(read_well.entrypoint.is_empty() && read_well.user.is_none());
        assert_eq!(read_well.stop_signal.as_deref(), Some("SIGINT"));
        assert_eq!(read_well.healthcheck, ["CMD", "/bin/well"]);
        assert!(read(b"{}").unwrap().platform.is_none());
        assert!(read(br#"{"config":null}"#).is_some());
        let odd = br#"{"config":{"User":"1","Healthcheck":["CMD"],"StopSignal":9}}"#;
        assert_eq!(read(odd).unwrap().user.as_deref(), Some("1"));
        assert!(read(b"chart").is_none());
        let long = format!(r#"{{"config":{{"Env":["{}"]}}}}"#, "x".repeat(10_000));
        assert_eq!(read(long.as_bytes()).unwrap().environment[0].len(), 4096);
    }
}
