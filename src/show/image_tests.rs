use std::collections::BTreeMap;

use crate::image::{Configuration, Description, Digest, Layer, Platform, PlatformImage};
use crate::show::image::describe;
use crate::show::item::{Item, stream_images, stream_tags};
use crate::show::sorted;
use crate::show::stream_tests::{now, streams};
use crate::yaml;

fn digest(digit: char) -> Digest {
    format!("sha256:{}", digit.to_string().repeat(64))
        .parse()
        .unwrap()
}

fn platform(variant: Option<&str>) -> Option<Platform> {
    Some(Platform {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        variant: variant.map(str::to_owned),
    })
}

fn described() -> Description {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    Description {
        digest: digest('a'),
        media_type: "application/vnd.oci.image.index.v1+json".to_owned(),
        size: 500,
        images: vec![
            PlatformImage {
                digest: digest('b'),
                media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
                size: 400,
                platform: platform(Some("v2")),
            },
            PlatformImage {
                digest: digest('c'),
                media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
                size: 300,
                platform: None,
            },
        ],
        chosen: Some(digest('b')),
        layers: vec![
            Layer {
                digest: digest('d'),
                media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
                size: 196_634_330,
            },
            Layer {
                digest: digest('e'),
                media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
                size: 55_679_776,
            },
        ],
        configuration: Some(Configuration {
            digest: digest('f'),
            size: 100,
            platform: platform(None),
            created: Some("2026-11-19T12:00:00Z".to_owned()),
            author: Some("A <a@example.com>".to_owned()),
            docker_version: Some("1.8.2-el7".to_owned()),
            user: Some("1001".to_owned()),
            working_dir: Some("/opt/app".to_owned()),
            entrypoint: texts(&["container-entrypoint"]),
            command: texts(&["/bin/sh", "-c", "usage"]),
            environment: texts(&["HOME=/opt", "A=b"]),
            exposed_ports: texts(&["8080/tcp", "9090/tcp"]),
            volumes: texts(&["/data"]),
            labels: BTreeMap::from([
                ("vendor".to_owned(), "acme".to_owned()),
                ("name".to_owned(), "web".to_owned()),
            ]),
            stop_signal: None,
            healthcheck: Vec::new(),
        }),
        annotations: BTreeMap::new(),
        index_annotations: BTreeMap::new(),
    }
}

fn stream() -> Vec<crate::stream::ImageStream> {
    let digest = digest('a');
    streams(&format!(
        "kind: ImageStream\nmetadata: {{name: web, namespace: demo}}\nspec: {{tags: [{{name: '1', annotations: {{description: The web, tags: 'a,b'}}, from: {{kind: DockerImage, name: 'quay.io/acme/web:1'}}}}]}}\nstatus: {{tags: [{{tag: '1', items: [{{created: 2026-11-21T10:00:00Z, dockerImageReference: 'quay.io/acme/web@{digest}', image: '{digest}', generation: 1}}]}}]}}\n"
    ))
}

#[test]
fn a_tag_stands_as_oc_describes_its_image() {
    let (a, b, d, e) = (digest('a'), digest('b'), digest('d'), digest('e'));
    let streams = stream();
    let item = Item::StreamTag(stream_tags(&streams[0])[0].clone());
    let expected = format!(
        "Image Name:\tweb:1
Docker Image:\tquay.io/acme/web@{a}
Name:\t\t{a}
Created:\t2 hours ago
Description:\tThe web
Annotations:\ttags=a,b
Image Size:\t252.3MB in 2 layers
Layers:\t\t196.6MB\t{d}
\t\t55.68MB\t{e}
Image Created:\t2 days ago
Author:\t\tA <a@example.com>
Arch:\t\tamd64
Manifests:\tlinux/amd64/v2\t{b}
Entrypoint:\tcontainer-entrypoint
Command:\t/bin/sh -c usage
Working Dir:\t/opt/app
User:\t\t1001
Exposes Ports:\t8080/tcp, 9090/tcp
Docker Labels:\tname=web
\t\tvendor=acme
Environment:\tHOME=/opt
\t\tA=b
Volumes:\t/data
"
    );
    assert_eq!(describe(&item, Some(&described()), now()), expected);
}

#[test]
fn what_an_image_does_not_say_is_none_and_what_nobody_says_is_left_out() {
    let streams = stream();
    let a = digest('a');
    let item = Item::StreamImage {
        image: stream_images(&streams[0])[0].clone(),
        id: "aaa".to_owned(),
    };
    let git = format!(
        "Image Name:\tweb@aaa\nDocker Image:\tquay.io/acme/web@{a}\nName:\t\t{a}\nCreated:\t2 hours ago\n"
    );
    assert_eq!(describe(&item, None, now()), git);
    let mut bare = described();
    bare.images.clear();
    bare.layers.clear();
    let configuration = bare.configuration.as_mut().unwrap();
    *configuration = Configuration {
        digest: digest('f'),
        size: 100,
        platform: None,
        created: None,
        author: None,
        docker_version: None,
        user: None,
        working_dir: None,
        entrypoint: Vec::new(),
        command: Vec::new(),
        environment: Vec::new(),
        exposed_ports: Vec::new(),
        volumes: Vec::new(),
        labels: BTreeMap::new(),
        stop_signal: None,
        healthcheck: Vec::new(),
    };
    let text = describe(&item, Some(&bare), now());
    let rest = text.strip_prefix(&git).unwrap();
    assert_eq!(
        rest,
        "Image Size:\t100B in 0 layers
Layers:\t\t<none>
Image Created:\t<none>
Author:\t\t<none>
Arch:\t\t<none>
Command:\t<none>
Working Dir:\t<none>
User:\t\t<none>
Exposes Ports:\t<none>
Docker Labels:\t<none>
"
    );
}

#[test]
fn an_image_is_given_as_openshift_gives_it() {
    let (a, b, d, e, f) = (
        digest('a'),
        digest('b'),
        digest('d'),
        digest('e'),
        digest('f'),
    );
    let streams = stream();
    let item = Item::StreamImage {
        image: stream_images(&streams[0])[0].clone(),
        id: "aaa".to_owned(),
    };
    let object = item.object_with(Some(&described()));
    let expected = format!(
        "\
apiVersion: image.openshift.io/v1
image:
  dockerImageLayers:
  - mediaType: application/vnd.oci.image.layer.v1.tar+gzip
    name: {d}
    size: 196634330
  - mediaType: application/vnd.oci.image.layer.v1.tar+gzip
    name: {e}
    size: 55679776
  dockerImageManifestMediaType: application/vnd.oci.image.index.v1+json
  dockerImageManifests:
  - architecture: amd64
    digest: {b}
    manifestSize: 400
    mediaType: application/vnd.oci.image.manifest.v1+json
    os: linux
    variant: v2
  dockerImageMetadata:
    Architecture: amd64
    Author: A <a@example.com>
    Config:
      Cmd:
      - /bin/sh
      - \"-c\"
      - usage
      Entrypoint:
      - container-entrypoint
      Env:
      - HOME=/opt
      - A=b
      ExposedPorts:
        8080/tcp: {{}}
        9090/tcp: {{}}
      Labels:
        name: web
        vendor: acme
      User: \"1001\"
      Volumes:
        /data: {{}}
      WorkingDir: /opt/app
    ContainerConfig: {{}}
    Created: \"2026-11-19T12:00:00Z\"
    DockerVersion: 1.8.2-el7
    Id: {f}
    Size: 252314206
    apiVersion: \"1.0\"
    kind: DockerImage
  dockerImageMetadataVersion: \"1.0\"
  dockerImageReference: quay.io/acme/web@{a}
  metadata:
    creationTimestamp: \"2026-11-21T10:00:00Z\"
    name: {a}
kind: ImageStreamImage
metadata:
  creationTimestamp: \"2026-11-21T10:00:00Z\"
  name: web@aaa
  namespace: demo
"
    );
    assert_eq!(yaml::render(&sorted(object)), expected);
}
