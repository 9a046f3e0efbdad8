use std::collections::BTreeMap;

use crate::image::{Configuration, Description, Digest, Layer, Referrer};
use crate::show::{ImageInfo, ImageList, info, info_object};

fn digest(sign: char) -> Digest {
    let hex: String = std::iter::repeat_n(sign, 64).collect();
    format!("sha256:{hex}").parse().unwrap()
}

fn referrer(sign: char, artifact_type: Option<&str>) -> Referrer {
    Referrer {
        digest: digest(sign),
        artifact_type: artifact_type.map(str::to_owned),
        predicate: None,
        tag: None,
    }
}

fn image() -> ImageInfo {
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
    let layer = |sign, size| Layer {
        digest: digest(sign),
        media_type: "layer".to_owned(),
        size,
    };
    ImageInfo {
        name: "quay.io/acme/web:1".to_owned(),
        description: Description {
            digest: digest('1'),
            media_type: "manifest".to_owned(),
            size: 500,
            images: Vec::new(),
            chosen: None,
            layers: vec![layer('a', 12_000_000), layer('b', 900)],
            configuration: Some(Configuration {
                digest: digest('c'),
                size: 100,
                platform: Some("linux/arm/v7".parse().unwrap()),
                created: Some("2026-01-02T03:04:05Z".to_owned()),
                author: Some("Ada".to_owned()),
                docker_version: None,
                user: Some("1001".to_owned()),
                working_dir: Some("/app".to_owned()),
                entrypoint: texts(&["/entry", "-x"]),
                command: texts(&["serve"]),
                environment: texts(&["A=1", "B=2\u{1b}[2J"]),
                exposed_ports: texts(&["80/tcp", "443/tcp"]),
                volumes: texts(&["/data"]),
                labels: BTreeMap::from([("k".to_owned(), "v\tw".to_owned())]),
                stop_signal: None,
                healthcheck: Vec::new(),
            }),
            annotations: BTreeMap::new(),
            index_annotations: BTreeMap::new(),
        },
        referrers: vec![
            referrer('d', Some("application/spdx+json")),
            Referrer {
                predicate: Some("https://slsa.dev/provenance/v1".to_owned()),
                ..referrer('e', Some("bundle"))
            },
        ],
        list: Some(ImageList {
            digest: digest('2'),
            referrers: vec![Referrer {
                tag: Some(
                    format!("sha256-{}.sig", digest('2').encoded())
                        .parse()
                        .unwrap(),
                ),
                ..referrer('f', None)
            }],
        }),
    }
}

#[test]
fn an_image_stands_as_oc_shows_it_with_what_refers_to_it() {
    let now = "2026-01-07T03:04:05Z".parse().unwrap();
    let long = |sign| digest(sign).to_string();
    let expected = [
        "Name:           quay.io/acme/web:1".to_owned(),
        format!("Digest:         {}", long('1')),
        format!("Manifest List:  {}", long('2')),
        "Media Type:     manifest".to_owned(),
        "Created:        5d ago".to_owned(),
        "Image Size:     12MB in 2 layers".to_owned(),
        format!("Layers:         12MB  {}", long('a')),
        format!("                900B  {}", long('b')),
        "OS:             linux".to_owned(),
        "Arch:           arm".to_owned(),
        "Author:         Ada".to_owned(),
        "Entrypoint:     /entry -x".to_owned(),
        "Command:        serve".to_owned(),
        "Working Dir:    /app".to_owned(),
        "User:           1001".to_owned(),
        "Exposes Ports:  80/tcp, 443/tcp".to_owned(),
        "Environment:    A=1".to_owned(),
        "                B=2[2J".to_owned(),
        "Labels:         k=v w".to_owned(),
        "Volumes:        /data".to_owned(),
        format!(
            "Referrers:      application/spdx+json                   {}",
            long('d')
        ),
        format!(
            "                bundle (https://slsa.dev/provenance/v1) {}",
            long('e')
        ),
        format!(
            "List Referrers: cosign tag .sig                         {}",
            long('f')
        ),
        String::new(),
    ]
    .map(|line| line + "\n")
    .concat();
    let widths = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = info(&image(), now);
    assert_eq!(widths(&shown), widths(&expected));
    for line in [
        "List Referrers: cosign tag .sig ",
        "Name:           quay.io/acme/web:1\n",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(
        shown.ends_with("\n\n") && !shown.ends_with("\n\n\n"),
        "{shown}"
    );
}

#[test]
fn the_document_has_the_originals_names() {
    let object = info_object(&image());
    assert_eq!(object["listDigest"], digest('2').as_str());
    assert_eq!(object["config"]["architecture"], "arm");
    assert_eq!(object["config"]["config"]["Labels"]["k"], "v\tw");
    assert_eq!(object["config"]["config"]["Entrypoint"][1], "-x");
    assert_eq!(object["config"]["size"], 12_001_000);
    assert_eq!(
        object["referrers"][0]["artifactType"],
        "application/spdx+json"
    );
}
