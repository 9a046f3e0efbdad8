//! What stands behind a digest, for people. Everything is read by digest, so that a tag that
//! moves meanwhile mixes nothing.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;

use crate::image::{Configuration, Description, Platform, PlatformImage};
use crate::lookup::{Lookup, Wanted};
use crate::registry::access::Access;
use crate::registry::error::{Failure, clean};
use crate::registry::image_manifest::{Descriptor, ImageManifest};
use crate::registry::question::{Read, choose};

const CONFIGURATION_LIMIT: usize = 4 * 1024 * 1024;

impl Access<'_> {
    pub async fn describe(&self, lookup: &Lookup) -> Result<Description, Failure> {
        let read = self.read(&lookup.wanted).await?;
        let configuration = match &read.manifest {
            ImageManifest::Image { config, .. } => self.configuration(config).await.ok(),
            ImageManifest::Index { children, .. } => match choose(children, &lookup.platforms) {
                Some(image) => self.configuration_of(image).await.ok(),
                None => None,
            },
        };
        Ok(Description {
            media_type: read.manifest.media_type().to_owned(),
            size: read.body.len() as u64,
            images: images(&read),
            digest: read.digest,
            configuration: configuration.flatten(),
        })
    }

    async fn configuration_of(&self, image: &Descriptor) -> Result<Option<Configuration>, Failure> {
        let read = self.read(&Wanted::Digest(image.digest.clone())).await?;
        match &read.manifest {
            ImageManifest::Image { config, .. } => self.configuration(config).await,
            ImageManifest::Index { .. } => Ok(None),
        }
    }

    pub async fn configuration(
        &self,
        config: &Descriptor,
    ) -> Result<Option<Configuration>, Failure> {
        let address = format!("blobs/{}", config.digest);
        let answer = self.ask(Method::GET, &address, CONFIGURATION_LIMIT).await?;
        if !answer.status.is_success() {
            return Err(self.explain(&answer, &Wanted::Digest(config.digest.clone())));
        }
        let is_whole = answer.body.len() as u64 == config.size;
        if !is_whole || !config.digest.matches(&answer.body) {
            return Err(self.refused("the image's configuration is not the one that it names"));
        }
        Ok(read_configuration(&answer.body))
    }
}

fn images(read: &Read) -> Vec<PlatformImage> {
    let ImageManifest::Index { children, .. } = &read.manifest else {
        return Vec::new();
    };
    children
        .iter()
        .map(|child| PlatformImage {
            digest: child.digest.clone(),
            size: child.size,
            platform: child.platform.clone().filter(|_| !child.is_attestation),
        })
        .collect()
}

#[derive(Deserialize)]
struct RawConfiguration {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    created: Option<String>,
    config: Option<RawRuntime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawRuntime {
    labels: Option<BTreeMap<String, String>>,
}

/// None where it is no container image's: a chart, an attestation.
fn read_configuration(body: &[u8]) -> Option<Configuration> {
    let raw: RawConfiguration = serde_json::from_slice(body).ok()?;
    let text = |text: Option<String>| {
        text.map(|text| clean(&text))
            .filter(|text| !text.is_empty())
    };
    let platform = match (text(raw.os), text(raw.architecture)) {
        (Some(os), Some(architecture)) => Some(Platform {
            os,
            architecture,
            variant: text(raw.variant),
        }),
        _ => None,
    };
    let labels = raw
        .config
        .and_then(|config| config.labels)
        .unwrap_or_default();
    Some(Configuration {
        platform,
        created: text(raw.created),
        labels: labels
            .iter()
            .map(|(key, value)| (clean(key), clean(value)))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_are_read_leniently_and_cleaned() {
        let body = br#"{"os":"linux","architecture":"arm64","created":"2026-01-02T03:04:05Z","config":{"Labels":{"a":"b\u001b[0m"}}}"#;
        let read = read_configuration(body).unwrap();
        assert_eq!(read.platform.unwrap().to_string(), "linux/arm64");
        assert_eq!(read.labels["a"], "b[0m");
        assert!(read_configuration(b"{}").unwrap().platform.is_none());
        assert!(read_configuration(b"chart").is_none());
    }
}
