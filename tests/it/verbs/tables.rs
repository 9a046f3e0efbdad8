//! Errors in the originals' words.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater::environment::Environment;
use headwater::manifest::{self, Reach};
use headwater::snapshot::Files;
use headwater::verb::{
    CreateTag, Import, Named, Realm, Scene, Tag, create_stream, create_tag, delete, import_image,
    tag,
};

const STREAM: &str = r#"
apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {name: ruby, namespace: demo}
spec:
  tags:
    - {name: "2.0", from: {kind: DockerImage, name: "quay.io/acme/ruby:2.0"}}
    - {name: alias, from: {kind: ImageStreamTag, name: "2.0"}}
    - {name: far, from: {kind: ImageStreamTag, name: "other:1"}}
    - {name: self, from: {kind: ImageStreamTag, name: self}}
    - {name: bad, from: {kind: ImageStreamTag, name: "a:b:c"}}
    - {name: image, from: {kind: ImageStreamImage, name: "ruby@3a335d7"}}
    - {name: bare}
    - {name: verbatim, reference: true, from: {kind: DockerImage, name: "quay.io/acme/ruby:9"}}
status:
  tags:
    - tag: "2.0"
      items:
        - {image: "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b", dockerImageReference: "quay.io/acme/ruby@sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b", generation: 1}
    - tag: odd
      items:
        - {image: "", dockerImageReference: "quay.io/Acme/ruby", generation: 1}
---
apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {name: plain, namespace: demo}
spec: {tags: [{name: a, from: {kind: ImageStreamTag, name: b}}]}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: demo
  annotations:
    image.openshift.io/triggers: '[{"from":{"kind":"ImageStreamTag","name":"ruby:2.0"},"fieldPath":"spec.template.spec.containers[0].image"}]'
spec:
  template:
    spec:
      containers: [{name: web, image: " "}, {name: log, image: " "}]
---
apiVersion: apps.openshift.io/v1
kind: DeploymentConfig
metadata: {name: old, namespace: demo}
spec: {template: {spec: {containers: [{name: a, image: " "}, {name: b, image: " "}]}}}
---
apiVersion: build.openshift.io/v1
kind: BuildConfig
metadata: {name: build, namespace: demo}
spec: {}
---
apiVersion: v1
kind: Pod
metadata: {name: pod, namespace: demo}
spec: {containers: [{name: a, image: x}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: pullers, namespace: demo}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:image-puller}
subjects: [{kind: User, name: ann}]
"#;

pub(crate) fn with_scene<T>(work: impl FnOnce(&Scene<'_>) -> T) -> T {
    let files = Files::from([("app.yaml".parse().unwrap(), STREAM.as_bytes().into())]);
    let facts: Vec<_> = files
        .iter()
        .map(|(path, bytes)| (path.clone(), Arc::new(manifest::read_file(bytes))))
        .collect();
    let environment = Environment::default();
    let own = std::slice::from_ref(&environment);
    let scene = Scene {
        realms: vec![Realm {
            environment: &environment,
            manifests: manifest::assemble(&facts, &BTreeMap::new(), &environment, own),
            reach: Reach::new(&facts, &environment),
        }],
        files: &files,
        namespace: "demo".to_owned(),
    };
    work(&scene)
}

pub(crate) fn texts(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

pub(crate) fn given(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn tag_refuses_in_ocs_words() {
    let plain = |names: &str| Tag {
        names: texts(names),
        ..Tag::default()
    };
    let kind = |kind: &str, names: &str| Tag {
        source_kind: given(kind),
        ..plain(names)
    };
    let alias = |names: &str| Tag {
        alias: true,
        ..plain(names)
    };
    let scheduled = |words: Tag| Tag {
        scheduled: Some(true),
        ..words
    };
    let deleted = |words: Tag| Tag {
        delete: true,
        ..words
    };
    let table = [
        (
            plain(""),
            "you must specify a source and at least one destination or one or more tags to delete",
        ),
        (
            deleted(plain("")),
            "you must specify a source and at least one destination or one or more tags to delete",
        ),
        (plain("ruby:2.0"), "at least a destination is required"),
        (
            kind("secret", "a:1 b:1"),
            "invalid source \"secret\"; valid values are docker, dockerimage, imagestreamimage, imagestreamtag, isimage, istag",
        ),
        (
            plain("Ruby b:1"),
            "invalid SOURCE: repository name must be lowercase",
        ),
        (
            kind("istag", "quay.io/a/b:1 b:1"),
            "server in SOURCE is only allowed when providing a container image",
        ),
        (
            kind("istag", "ruby b:1"),
            "--source=ImageStreamTag requires a valid <name>:<tag> in SOURCE",
        ),
        (
            kind("isimage", "ruby:2.0 b:1"),
            "--source=ImageStreamImage requires a valid <name>@<id> in SOURCE",
        ),
        (
            plain("nothing:1 b:1"),
            "imagestreams.image.openshift.io \"nothing\" not found",
        ),
        (
            plain("ruby:3.0 b:1"),
            "\"ruby:3.0\" is not currently pointing to an image, cannot use it as the source of a tag",
        ),
        (
            plain("ruby:odd b:1"),
            "the image stream tag \"ruby:odd\" has an invalid pull spec and cannot be used to tag: repository name must be lowercase",
        ),
        (
            plain("ruby:2.0 a/b/c:1"),
            "invalid image stream \"a/b/c:1\"",
        ),
        (
            plain("ruby:2.0 /c:1"),
            "invalid namespace \"\" for image stream \"/c:1\"",
        ),
        (
            plain("ruby:2.0 a/"),
            "invalid name \"\" for image stream \"a/\"",
        ),
        (
            plain("ruby:2.0 c:1:2"),
            "\"c:1:2\" must be of the form <stream_name>:<tag>",
        ),
        (
            plain("ruby:2.0 c:-x"),
            "invalid tag \"-x\" format, tags must start with an alphanumeric character followed by alphanumeric, '.' or '-' characters, and have a maximum of 128 characters",
        ),
        (
            Tag {
                reference_policy: given("far"),
                ..plain("ruby:2.0 c:1")
            },
            "reference policy must be set to 'source' or 'local'",
        ),
        (
            Tag {
                import_mode: given("Half"),
                ..plain("ruby:2.0 c:1")
            },
            "valid ImportMode values are Legacy or PreserveOriginal",
        ),
        (
            scheduled(plain("ruby:2.0 c:1")),
            "only container images can have importing flags set",
        ),
        (
            scheduled(Tag {
                source_kind: given("docker"),
                ..alias("a/b:1 c:1")
            }),
            "cannot set a container image tag as an alias and also set import flags",
        ),
        (
            alias("ruby:2.0 other:2"),
            "cannot set alias across different Image Streams",
        ),
        // The original compares the current namespace only.
        (
            alias("prod/ruby:2.0 ruby:x"),
            "cannot set alias across different Image Streams",
        ),
        (
            alias("ruby:2.0 prod/ruby:x"),
            "cannot set alias across different Image Streams",
        ),
        (
            deleted(alias("a:1")),
            "--alias and --delete may not be both specified",
        ),
        (
            deleted(kind("docker", "a:1")),
            "cannot specify a source kind when deleting",
        ),
        (
            deleted(scheduled(plain("a:1"))),
            "cannot set flags for importing images when deleting a tag",
        ),
        (
            deleted(Tag {
                import_mode: given("Legacy"),
                ..plain("a:1")
            }),
            "cannot specify an import mode when deleting",
        ),
        (
            deleted(plain("ruby:gone")),
            "destination tag demo/ruby:gone does not exist.",
        ),
    ];
    with_scene(|scene| {
        for (words, message) in &table {
            let refused = tag(scene, words).unwrap_err();
            assert_eq!(refused.message, *message, "{words:?}");
        }
    });
}

#[test]
fn tag_says_what_oc_says() {
    let table = [
        (
            "ruby:2.0 ruby:tip",
            "Tag ruby:tip set to ruby@sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b.",
        ),
        (
            "demo/ruby:2.0 prod/ruby:tip",
            "Tag prod/ruby:tip set to demo/ruby@sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b.",
        ),
        (
            "quay.io/acme/ruby:2.1 ruby:2.1",
            "Tag ruby:2.1 set to quay.io/acme/ruby:2.1.",
        ),
        ("ruby new", "Tag new set to ruby."),
        ("ruby@3a335d7 ruby:old", "Tag ruby:old set to ruby@3a335d7."),
        (
            "--scheduled quay.io/acme/ruby:2 ruby:2",
            "Tag ruby:2 set to import quay.io/acme/ruby:2 periodically.",
        ),
        (
            "--scheduled quay.io/acme/ruby:2 prod/ruby:2",
            "Tag prod/ruby:2 set to quay.io/acme/ruby:2 periodically.",
        ),
        (
            "--alias ruby:2.0 ruby:latest",
            "Tag ruby:latest set up to track ruby:2.0.",
        ),
        ("-d ruby:2.0", "Deleted tag demo/ruby:2.0."),
        ("-d gone:1", "Image stream \"gone\" does not exist."),
    ];
    with_scene(|scene| {
        for (line, said) in table {
            let flag = |name: &str| line.split(' ').any(|word| word == name);
            let words = Tag {
                names: texts(line)
                    .into_iter()
                    .filter(|word| !word.starts_with('-'))
                    .collect(),
                delete: flag("-d"),
                alias: flag("--alias"),
                scheduled: flag("--scheduled").then_some(true),
                ..Tag::default()
            };
            assert_eq!(
                tag(scene, &words).unwrap().said,
                format!("{said}\n"),
                "{line}"
            );
        }
    });
}

#[test]
fn import_image_refuses_in_ocs_words() {
    let plain = |target: &str| Import {
        target: target.to_owned(),
        ..Import::default()
    };
    let from = |target: &str, from: &str| Import {
        from: given(from),
        ..plain(target)
    };
    let all = |words: Import| Import { all: true, ..words };
    let table = [
        (
            plain("A"),
            "the image name must be a valid container image pull spec or reference to an image stream (e.g. myregistry/myteam/image:tag)",
        ),
        (
            plain("new"),
            "no image stream named \"new\" exists, pass --confirm to create and import",
        ),
        (
            plain("ruby@sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"),
            "to import images by ID, use the 'tag' command",
        ),
        (
            all(plain("ruby:2.0")),
            "cannot specify a tag \"ruby:2.0\" as well as --all",
        ),
        (
            all(plain("plain")),
            "image stream does not have tags pointing to external container images",
        ),
        (
            all(from("ruby", "quay.io/acme/ruby")),
            "the image stream does not currently import an entire Docker repository, pass --confirm to update",
        ),
        (
            plain("ruby:bad"),
            "tag \"bad\" points to an invalid imagestreamtag",
        ),
        (
            plain("ruby:far"),
            "tag \"far\" points to an imagestreamtag from another ImageStream",
        ),
        (
            plain("ruby:self"),
            "tag \"self\" on the image stream is a reference to same tag",
        ),
        (
            plain("ruby"),
            "the tag \"latest\" does not exist on the image stream - choose an existing tag to import or use the 'tag' command to create a new tag",
        ),
        (
            plain("ruby:image"),
            "tag \"image\" points to existing ImageStreamImage \"ruby@3a335d7\", it cannot be re-imported",
        ),
        (
            from("ruby:2.0", "quay.io/x:1"),
            "the tag \"2.0\" points to \"quay.io/acme/ruby:2.0\" - use the 'tag' command if you want to change the source to \"quay.io/x:1\"",
        ),
        (
            from("ruby:alias", "quay.io/x:1"),
            "the tag \"alias\" points to the tag \"2.0\" which points to \"quay.io/acme/ruby:2.0\" - use the 'tag' command if you want to change the source to \"quay.io/x:1\"",
        ),
        (
            from("ruby:bare", "quay.io/x:1"),
            "tag \"bare\" already exists - you must use the 'tag' command if you want to change the source to \"quay.io/x:1\"",
        ),
    ];
    with_scene(|scene| {
        for (words, message) in &table {
            let refused = import_image(scene, words).unwrap_err();
            assert_eq!(refused.message, *message, "{words:?}");
        }
    });
}

#[test]
fn create_and_delete_refuse_in_the_servers_words() {
    let create = |name: &str| CreateTag {
        name: name.to_owned(),
        ..CreateTag::default()
    };
    let from = |from: &str| CreateTag {
        from: given(from),
        ..create("new:1")
    };
    let table = [
        (
            create("ruby:2.0"),
            "imagestreamtags.image.openshift.io \"ruby:2.0\" already exists",
        ),
        (
            CreateTag {
                from_image: given("a"),
                ..from("b:1")
            },
            "--from and --from-image may not be used together",
        ),
        (
            from("quay.io/a/b:1"),
            "Invalid --from, registry may not be specified",
        ),
        (
            CreateTag {
                reference_policy: given("x"),
                ..create("a:1")
            },
            "valid values for --reference-policy are: source, local",
        ),
        (
            CreateTag {
                annotations: texts("a-"),
                ..create("a:1")
            },
            "annotations must be of the form name=value",
        ),
        (
            CreateTag {
                scheduled: true,
                ..from(":2")
            },
            "only tags pointing to Docker repositories may be scheduled for background import",
        ),
    ];
    with_scene(|scene| {
        for (words, message) in &table {
            assert_eq!(
                create_tag(scene, words).unwrap_err().message,
                *message,
                "{words:?}"
            );
        }
        let refused = create_stream(scene, "ruby", false).unwrap_err();
        assert_eq!(
            refused.message,
            "imagestreams.image.openshift.io \"ruby\" already exists"
        );
        for (line, message) in [
            (
                "is gone",
                "imagestreams.image.openshift.io \"gone\" not found",
            ),
            (
                "istag/ruby:gone",
                "imagestreamtags.image.openshift.io \"ruby:gone\" not found",
            ),
            (
                "istag ruby",
                "ImageStreamTags must be retrieved with <name>:<tag>",
            ),
            ("is", "resource(s) were provided, but no name was specified"),
            ("pod x", "the server doesn't have a resource type \"pod\""),
        ] {
            let refused = Named::read(&texts(line)).and_then(|names| delete(scene, &names, false));
            assert_eq!(refused.unwrap_err().message, message, "{line}");
        }
    });
}
