//! Debian's docker-registry answers.

use headwater::lookup::{Found, Resolution};
use headwater::registry::{Registries, RegistryOptions};

use crate::registry::lookup;
use crate::support::registry::DockerRegistry;

#[tokio::test]
async fn a_tag_is_resolved_to_the_digest_that_was_pushed() {
    let registry = DockerRegistry::start();
    let digest = registry.push_image("acme/web", "1.0", "one");
    let registries = Registries::new(RegistryOptions::default()).unwrap();
    let answer = registries
        .resolve(&lookup(&format!("{}/acme/web:1.0", registry.host())))
        .await;
    assert_eq!(
        answer,
        Resolution::Found(Found {
            digest,
            index: None
        })
    );
}
