use headwater::image::Digest;
use serde_json::{Value, json};

use crate::image::{Desk, PLATFORMS, push_artifact, with_password};
use crate::support::layout::OCI_MANIFEST;
use crate::support::oci::FerroRegistry;
use crate::support::registry::{DockerRegistry, PASSWORD};

#[test]
fn an_image_is_shown_as_oc_shows_it() {
    let registry = DockerRegistry::start();
    let host = registry.host();
    let config = json!({
        "os": "linux",
        "architecture": "amd64",
        "config": {
            "Entrypoint": ["/bin/web"],
            "Cmd": ["--port", "8080"],
            "WorkingDir": "/srv",
            "User": "1001",
            "ExposedPorts": {"8080/tcp": {}},
            "Volumes": {"/data": {}},
            "Env": ["PATH=/bin"],
            "Labels": {"a": "b"},
        },
    });
    let digest = registry.push_configured("web", "1", "web", config);
    let desk = Desk::new(&[(&host, "registry.example")]);
    let run = desk.run(&["info", &format!("{host}/web:1")]).exits(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let expected = format!(
        "Name:          registry.example/web:1\n\
         Digest:        {digest}\n\
         Media Type:    {OCI_MANIFEST}\n\
         Created:       <unknown>\n"
    );
    assert!(run.stdout.starts_with(&expected), "{run:?}");
    assert!(lines[4].starts_with("Image Size:    ") && lines[4].ends_with("B in 1 layers"));
    assert!(
        lines[5].starts_with("Layers:        12B sha256:"),
        "{run:?}"
    );
    assert_eq!(
        lines[6..],
        [
            "OS:            linux",
            "Arch:          amd64",
            "Entrypoint:    /bin/web",
            "Command:       --port 8080",
            "Working Dir:   /srv",
            "User:          1001",
            "Exposes Ports: 8080/tcp",
            "Environment:   PATH=/bin",
            "Labels:        a=b",
            "Volumes:       /data",
            "",
        ]
    );
    let by_digest = format!("{host}/web@{digest}");
    desk.run(&["info", &by_digest])
        .exits(0)
        .never_says("Digest: ");
    let run = desk.run(&["info", &by_digest, "-o", "json"]).exits(0);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (&json["kind"], &json["digest"]),
        (&json!("ImageInfo"), &json!(digest))
    );
    assert_eq!(json["config"]["config"]["Cmd"], json!(["--port", "8080"]));
}

#[test]
fn of_an_index_one_image_is_chosen_or_each_is_shown() {
    let registry = DockerRegistry::start();
    let host = registry.host();
    let (index, images) = registry.push_index("web", "1.0", "web", &PLATFORMS);
    registry.push_image("web", "1.1", "other");
    let desk = Desk::new(&[]);
    let web = format!("{host}/web:1.0");
    let run = desk.run(&["info", &web]).exits(2);
    assert_eq!(
        (run.stdout.as_str(), run.stderr),
        (
            "",
            format!(
                "error: the image is a manifest list and contains multiple images - use --filter-by-os to select from:\n\n  OS           DIGEST\n  linux/amd64  {}\n  linux/arm64  {}\n  linux/arm/v7 {}\n\n",
                images[0], images[1], images[2]
            )
        )
    );
    desk.run(&["info", &web, "--filter-by-os=linux/arm64"])
        .exits(0)
        .says(&format!(
            "Digest:        {}\nManifest List: {index}\n",
            images[1]
        ))
        .says("Arch:          arm64\n");
    desk.run(&["info", &web, "--filter-by-os=windows/.*"])
        .exits(3)
        .says("error: no manifests could be found for");
    let run = desk
        .run(&["info", &web, "--show-multiarch", "-o", "json"])
        .exits(0);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["kind"], "ImageInfoList");
    let digests: Vec<&str> = (0..3)
        .map(|i| json["items"][i]["digest"].as_str().unwrap())
        .collect();
    assert_eq!(
        digests,
        images.iter().map(Digest::as_str).collect::<Vec<_>>()
    );
    let run = desk
        .run(&[
            "info",
            &format!("{host}/web:1.*"),
            "--filter-by-os=linux/amd64",
        ])
        .exits(0);
    assert_eq!(run.stdout.matches("Name:").count(), 2, "{run:?}");
}

#[test]
fn what_refers_to_an_image_is_named() {
    let registry = FerroRegistry::start();
    let host = registry.host();
    let (digest, size) = push_artifact((&host, "web"), "1", &json!({}));
    let subject = json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": size});
    let sbom = json!({"artifactType": "application/spdx+json", "subject": subject});
    let (sbom, _) = push_artifact((&host, "web"), "", &sbom);
    let tag = format!("{}.sig", digest.as_str().replace(':', "-"));
    let signature = json!({"annotations": {"a": "b"}});
    let (signature, _) = push_artifact((&host, "web"), &tag, &signature);
    let desk = Desk::new(&[]);
    let run = desk.run(&["info", &format!("{host}/web:1")]).exits(0);
    let ending = format!(
        "Referrers:  application/spdx+json {sbom}\n            cosign tag .sig       {signature}\n\n"
    );
    assert!(run.stdout.ends_with(&ending), "{run:?}");
}

#[test]
fn what_cannot_be_shown_says_whose_fault_it_is() {
    let registry = with_password();
    registry.push_image("web", "1", "web");
    let host = registry.host();
    let desk = Desk::new(&[(&host, "registry.example")]);
    let web = format!("{host}/web:1");
    desk.run(&["info", &web])
        .exits(4)
        .says("error: unable to read image registry.example/web:1: registry.example: ");
    let login = desk.log_in("auth.json", &host, PASSWORD);
    let run = desk
        .run(&["info", &format!("{host}/web:2"), &web, "-a", &login])
        .exits(3)
        .says("error: unable to read image registry.example/web:2: ");
    assert_eq!(run.stdout.matches("Name:").count(), 1);
    desk.run(&["info", "file://web"])
        .exits(2)
        .says("skopeo copy");
    desk.run(&["info"]).exits(2);
}
