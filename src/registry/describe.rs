//! What stands behind a digest, for people. Everything is read by digest, so that a tag that
//! moves meanwhile mixes nothing.

use std::collections::BTreeMap;

use reqwest::Method;

use crate::image::{Configuration, Description, Layer, PlatformImage};
use crate::lookup::{Lookup, Wanted};
use crate::registry::access::Access;
use crate::registry::configuration;
use crate::registry::error::Failure;
use crate::registry::image_manifest::{Descriptor, ImageManifest};
use crate::registry::question::choose;

const CONFIGURATION_LIMIT: usize = 4 * 1024 * 1024;

impl Access<'_> {
    pub async fn describe(&self, lookup: &Lookup) -> Result<Description, Failure> {
        let read = self.read(&lookup.wanted).await?;
        let mut description = Description {
            media_type: read.manifest.media_type().to_owned(),
            size: read.body.len() as u64,
            digest: read.digest,
            images: Vec::new(),
            chosen: None,
            layers: Vec::new(),
            configuration: None,
            annotations: BTreeMap::new(),
            index_annotations: BTreeMap::new(),
        };
        match &read.manifest {
            ImageManifest::Image {
                config,
                layers,
                annotations,
                ..
            } => {
                description.annotations.clone_from(annotations);
                description.layers = layers.iter().map(layer).collect();
                description.configuration = self.configuration(config).await.ok().flatten();
            }
            ImageManifest::Index {
                children,
                annotations,
                ..
            } => {
                description.index_annotations.clone_from(annotations);
                description.images = children.iter().map(image).collect();
                if let Some(chosen) = choose(children, &lookup.platforms) {
                    description.chosen = Some(chosen.digest.clone());
                    self.describe_chosen(chosen, &mut description).await;
                }
            }
        }
        Ok(description)
    }

    /// What can be had: an index may name an image that is gone.
    async fn describe_chosen(&self, chosen: &Descriptor, description: &mut Description) {
        let wanted = Wanted::Digest(chosen.digest.clone());
        let Ok(read) = self.read(&wanted).await else {
            return;
        };
        if let ImageManifest::Image {
            config,
            layers,
            annotations,
            ..
        } = &read.manifest
        {
            description.annotations.clone_from(annotations);
            description.layers = layers.iter().map(layer).collect();
            description.configuration = self.configuration(config).await.ok().flatten();
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
        Ok(configuration::read(&answer.body, config))
    }
}

fn image(child: &Descriptor) -> PlatformImage {
    PlatformImage {
        digest: child.digest.clone(),
        media_type: child.media_type.clone(),
        size: child.size,
        platform: child.platform.clone().filter(|_| !child.is_attestation),
    }
}

fn layer(descriptor: &Descriptor) -> Layer {
    Layer {
        digest: descriptor.digest.clone(),
        media_type: descriptor.media_type.clone(),
        size: descriptor.size,
    }
}
