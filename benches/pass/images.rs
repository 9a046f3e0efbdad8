//! N repositories of one tiny image, written straight into the registry's storage.

use std::path::PathBuf;

use crate::support::registry::DockerRegistry;
use crate::workload::{copy_folder, repository};

/// What a tag names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Image,
    /// An index of two images.
    Index,
}

/// Pushes one image, and links it into `count` repositories, as a push to each would leave it.
pub fn serve(registry: &DockerRegistry, kind: Kind, count: usize) {
    let seed = format!("bench/seed-{kind:?}").to_lowercase();
    match kind {
        Kind::Image => {
            registry.push_image(&seed, "latest", &seed);
        }
        Kind::Index => {
            registry.push_index(&seed, "latest", &seed, &["linux/amd64", "linux/arm64"]);
        }
    }
    let repositories = repositories(registry);
    for number in 0..count {
        copy_folder(
            &repositories.join(&seed),
            &repositories.join(repository(number)),
        );
    }
}

fn repositories(registry: &DockerRegistry) -> PathBuf {
    registry.storage().join("docker/registry/v2/repositories")
}
