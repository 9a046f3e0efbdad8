//! When an image was created, as it says itself.

use futures_util::future::try_join_all;
use jiff::Timestamp;
use jiff::civil::date;

use crate::lookup::{Lookup, Wanted};
use crate::registry::access::Access;
use crate::registry::error::Failure;
use crate::registry::image_manifest::{Descriptor, ImageManifest};
use crate::registry::question::choose;
use crate::stream::ImportMode;

/// Images of one index that are looked at.
const MOST_IMAGES: usize = 8;

impl Access<'_> {
    /// The youngest time that the image, or the images of the index, say; in import mode Legacy
    /// that of the one image that is taken.
    pub async fn created(&self, lookup: &Lookup) -> Result<Option<String>, Failure> {
        let read = self.read(&lookup.wanted).await?;
        let children = match &read.manifest {
            ImageManifest::Image { config, .. } => {
                let configuration = self.configuration(config).await?;
                return Ok(configuration
                    .and_then(|configuration| configuration.created)
                    .filter(|created| believable(created).is_some()));
            }
            ImageManifest::Index { children, .. } => children,
        };
        let images: Vec<&Descriptor> = match lookup.import_mode {
            ImportMode::Legacy => choose(children, &lookup.platforms).into_iter().collect(),
            ImportMode::PreserveOriginal => children
                .iter()
                .filter(|child| !child.is_attestation)
                .take(MOST_IMAGES)
                .collect(),
        };
        let asked = images.into_iter().map(|image| self.created_of(image));
        Ok(youngest(try_join_all(asked).await?))
    }

    async fn created_of(&self, image: &Descriptor) -> Result<Option<String>, Failure> {
        let read = self.read(&Wanted::Digest(image.digest.clone())).await?;
        match &read.manifest {
            ImageManifest::Image { config, .. } => {
                let configuration = self.configuration(config).await?;
                Ok(configuration.and_then(|configuration| configuration.created))
            }
            ImageManifest::Index { .. } => Ok(None),
        }
    }
}

fn youngest(created: Vec<Option<String>>) -> Option<String> {
    created
        .into_iter()
        .flatten()
        .filter_map(|created| Some((believable(&created)?, created)))
        .max()
        .map(|(_, created)| created)
}

/// Builds that are reproducible write 1970 or 1980: no time at all.
fn believable(created: &str) -> Option<Timestamp> {
    let earliest = date(2000, 1, 1).at(0, 0, 0, 0).in_tz("UTC").ok()?;
    let created: Timestamp = created.parse().ok()?;
    (created >= earliest.timestamp()).then_some(created)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_youngest_time_that_can_be_believed_counts() {
        let of =
            |times: &[&str]| youngest(times.iter().map(|time| Some((*time).to_owned())).collect());
        assert_eq!(
            of(&[
                "2026-01-02T03:04:05Z",
                "2026-01-02T05:00:00.5+01:00",
                "1980-01-01T00:00:00Z",
                "yesterday",
            ])
            .as_deref(),
            Some("2026-01-02T05:00:00.5+01:00")
        );
        assert_eq!(
            of(&["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", ""]),
            None
        );
        assert_eq!(of(&["1999-12-31T23:59:59Z"]), None);
        assert_eq!(
            of(&["2000-01-01T00:00:00Z"]).as_deref(),
            Some("2000-01-01T00:00:00Z")
        );
        assert_eq!(youngest(vec![None]), None);
    }
}
