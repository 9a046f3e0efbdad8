//! What a registry says of an image, for people.

use headwater::image::{Digest, Layer, Platform};
use serde_json::json;

use crate::registry::{OCI_MANIFEST, lookup, options, registries};
use crate::support::registry::DockerRegistry;

#[tokio::test]
async fn an_image_is_described_with_all_that_describe_istag_shows() {
    let registry = DockerRegistry::start();
    let config = json!({
        "os": "linux",
        "architecture": "arm",
        "variant": "v7",
        "created": "2026-01-02T03:04:05Z",
        "author": "Acme \u{1b}[31mImages",
        "docker_version": "20.10.24",
        "config": {
            "User": "1001",
            "WorkingDir": "/opt/app-root/src",
            "Entrypoint": ["container-entrypoint"],
            "Cmd": ["/bin/sh", "-c", "$STI_SCRIPTS_PATH/usage"],
            "Env": ["PATH=/usr/bin:/bin", "SUMMARY=Platform for building"],
            "ExposedPorts": {"8080/tcp": {}, "8443/tcp": {}},
            "Volumes": {"/data": {}},
            "Labels": {"io.k8s.description": "x".repeat(300)},
        },
    });
    let digest = registry.push_configured("acme/web", "1.0", "one", config);
    let registries = registries(options());
    let name = format!("{}/acme/web", registry.host());
    let by_tag = registries
        .describe(&lookup(&format!("{name}:1.0")))
        .await
        .unwrap();
    let by_digest = registries
        .describe(&lookup(&format!("{name}@{digest}")))
        .await
        .unwrap();
    assert_eq!(by_tag, by_digest);
    assert_eq!((&by_tag.digest, by_tag.chosen.as_ref()), (&digest, None));
    assert_eq!(by_tag.media_type, OCI_MANIFEST);
    let layer = b"layer of one";
    assert_eq!(
        by_tag.layers,
        [Layer {
            digest: Digest::of(layer),
            media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
            size: layer.len() as u64,
        }]
    );
    let size = by_tag.image_size();
    let configuration = by_tag.configuration.unwrap();
    assert_eq!(size, Some(configuration.size + layer.len() as u64));
    assert_eq!(
        configuration.platform.as_ref().unwrap().to_string(),
        "linux/arm/v7"
    );
    assert_eq!(
        configuration.created.as_deref(),
        Some("2026-01-02T03:04:05Z")
    );
    assert_eq!(configuration.author.as_deref(), Some("Acme [31mImages"));
    assert_eq!(configuration.docker_version.as_deref(), Some("20.10.24"));
    assert_eq!(configuration.user.as_deref(), Some("1001"));
    assert_eq!(
        configuration.working_dir.as_deref(),
        Some("/opt/app-root/src")
    );
    assert_eq!(configuration.entrypoint, ["container-entrypoint"]);
    assert_eq!(
        configuration.command,
        ["/bin/sh", "-c", "$STI_SCRIPTS_PATH/usage"]
    );
    assert_eq!(
        configuration.environment[1],
        "SUMMARY=Platform for building"
    );
    assert_eq!(configuration.exposed_ports, ["8080/tcp", "8443/tcp"]);
    assert_eq!(configuration.volumes, ["/data"]);
    assert_eq!(configuration.labels["io.k8s.description"].len(), 300);
    // The configuration is a blob of the repository, by its own digest.
    let blobs = registry.requests("GET", 4);
    let blob = format!("/v2/acme/web/blobs/{}", configuration.digest);
    assert!(
        blobs.iter().any(|request| request.path == blob),
        "{blobs:?}"
    );
}

#[tokio::test]
async fn an_index_is_described_by_its_images_and_the_chosen_one() {
    let registry = DockerRegistry::start();
    let (index, images) =
        registry.push_index("acme/web", "1.0", "one", &["linux/arm64", "linux/amd64"]);
    let registries = registries(options());
    let mut question = lookup(&format!("{}/acme/web:1.0", registry.host()));
    for (platforms, chosen) in [(vec![], &images[1]), (vec!["linux/arm64"], &images[0])] {
        question.platforms = platforms.iter().map(|text| text.parse().unwrap()).collect();
        let description = registries.describe(&question).await.unwrap();
        assert_eq!(
            (&description.digest, description.chosen.as_ref()),
            (&index, Some(chosen))
        );
        assert_eq!(description.layers.len(), 1);
        assert!(description.image_size().is_some());
        let listed: Vec<_> = description
            .images
            .iter()
            .map(|image| &image.digest)
            .collect();
        assert_eq!(listed, [&images[0], &images[1]]);
        assert!(
            description
                .images
                .iter()
                .all(|image| image.media_type == OCI_MANIFEST)
        );
    }
}

#[tokio::test]
async fn an_image_whose_configuration_is_gone_is_described_without_it() {
    let registry = DockerRegistry::start();
    let image = registry.push_image_for("acme/web", "", "one", &Platform::linux_amd64());
    let registries = registries(options());
    let question = lookup(&format!("{}/acme/web@{image}", registry.host()));
    let described = registries.describe(&question).await.unwrap();
    let config = described.configuration.unwrap().digest;
    let hex = config.encoded();
    let blobs = registry.storage().join("docker/registry/v2/blobs/sha256");
    std::fs::remove_dir_all(blobs.join(&hex[..2]).join(hex)).unwrap();
    let described = registries.describe(&question).await.unwrap();
    assert_eq!(described.digest, image);
    assert_eq!(described.layers.len(), 1);
    assert_eq!(
        (described.image_size(), described.configuration),
        (None, None)
    );
}
