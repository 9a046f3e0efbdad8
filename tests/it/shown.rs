//! `get` and `describe` of the binary: on files, at a commit, and with what a registry knows.

use headwater::image::Digest;
use serde_json::json;

use crate::support::scene::{HOST, Run, Scene, deployment, stream};

/// With a status that names images.
fn recorded(name: &str, images: &[&Digest]) -> String {
    let mut text = stream("shop", name, "1");
    text.push_str("status:\n  tags:\n    - tag: \"1\"\n      items:\n");
    for image in images {
        text.push_str(&format!(
            "        - created: \"2026-01-02T03:04:05Z\"\n          dockerImageReference: {HOST}/acme/{name}@{image}\n          image: {image}\n          generation: 1\n"
        ));
    }
    text
}

fn in_clone(scene: &Scene, words: &[&str]) -> Run {
    let output = scene
        .command(words)
        .current_dir(scene.person.path())
        .output()
        .unwrap();
    scene.ended(&output)
}

#[test]
fn an_image_is_given_by_a_prefix_of_its_digest_with_what_the_registry_knows() {
    let scene = Scene::new();
    let config = json!({
        "os": "linux",
        "architecture": "amd64",
        "created": "2026-01-02T03:04:05Z",
        "author": "SoftwareCollections.org",
        "config": {
            "User": "1001",
            "Cmd": ["/bin/sh", "-c", "usage"],
            "ExposedPorts": {"8080/tcp": {}},
            "Labels": {"io.k8s.display-name": "Ruby 2.2"},
        },
    });
    let digest = scene
        .registry
        .push_configured("acme/ruby", "1", "one", config);
    scene.commit(&[("ruby.yaml", &recorded("ruby", &[&digest]))], "streams");
    let id = &digest.encoded()[..7];

    let name = format!("ruby@{id}");
    let run = in_clone(&scene, &["get", "isimage", &name, "-o", "json"]).exits(0);
    let object: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(object["kind"], "ImageStreamImage");
    assert_eq!(object["metadata"]["name"], name);
    let image = &object["image"];
    assert_eq!(image["metadata"]["name"], digest.to_string());
    assert_eq!(
        image["dockerImageReference"],
        format!("{HOST}/acme/ruby@{digest}")
    );
    assert_eq!(
        image["dockerImageLayers"][0]["name"],
        Digest::of(b"layer of one").to_string()
    );
    let metadata = &image["dockerImageMetadata"];
    assert_eq!(metadata["Author"], "SoftwareCollections.org");
    assert_eq!(metadata["Config"]["User"], "1001");
    assert_eq!(metadata["Config"]["ExposedPorts"]["8080/tcp"], json!({}));
    assert_eq!(
        metadata["Config"]["Labels"]["io.k8s.display-name"],
        "Ruby 2.2"
    );

    in_clone(&scene, &["describe", "istag/ruby:1"])
        .exits(0)
        .says("Image Name:\truby:1\n")
        .says("\nAuthor:\t\tSoftwareCollections.org\n")
        .says("\nExposes Ports:\t8080/tcp\n");
}

#[test]
fn an_image_of_an_index_is_found_by_its_own_digest() {
    let scene = Scene::new();
    let (index, images) =
        scene
            .registry
            .push_index("acme/web", "1", "one", &["linux/amd64", "linux/arm64"]);
    scene.commit(&[("web.yaml", &recorded("web", &[&index]))], "streams");

    let name = format!("web@{}", &images[1].encoded()[..12]);
    in_clone(&scene, &["get", "isimage", &name, "-o", "yaml"])
        .exits(0)
        .says(&format!(
            "\n  dockerImageReference: {HOST}/acme/web@{}\n",
            images[1]
        ))
        .says("\n    Architecture: arm64\n");
    in_clone(&scene, &["describe", "istag", "web:1"])
        .exits(0)
        .says(&format!("Manifests:\tlinux/amd64\t{}\n", images[0]))
        .says(&format!("\t\tlinux/arm64\t{}\n", images[1]));
    in_clone(&scene, &["get", "isimage", "web@0123456789"])
        .exits(2)
        .says("imagestreamimage.image.openshift.io \"web@0123456789\" not found");
}

#[test]
fn a_prefix_that_fits_several_images_is_refused_with_their_names() {
    let digests: Vec<Digest> = (0..17_u8).map(|seed| Digest::of(&[seed])).collect();
    let (first, second) = digests
        .iter()
        .enumerate()
        .find_map(|(position, digest)| {
            let start = &digest.encoded()[..1];
            let later = &digests[position + 1..];
            let twin = later.iter().find(|it| it.encoded().starts_with(start))?;
            Some((digest, twin))
        })
        .unwrap();
    let scene = Scene::of(&[("web.yaml", &recorded("web", &[first, second]))]);
    let name = format!("web@{}", &first.encoded()[..1]);
    in_clone(&scene, &["get", "isimage", &name])
        .exits(2)
        .says("multiple images match the prefix")
        .says(&first.to_string())
        .says(&second.to_string());
}

#[test]
fn a_registry_that_gives_nothing_leaves_what_git_knows() {
    let gone = Digest::of(b"gone");
    let scene = Scene::of(&[("web.yaml", &recorded("web", &[&gone]))]);
    let run = in_clone(&scene, &["describe", "istag", "web:1"]).exits(3);
    assert!(
        run.stdout.contains(&format!("Name:\t\t{gone}\n")),
        "{run:?}"
    );
    assert!(
        run.stderr
            .contains(&format!("only what Git knows of {HOST}/acme/web@{gone}")),
        "{run:?}"
    );
}

#[test]
fn things_are_listed_by_namespace_kind_and_label() {
    let digest = Digest::of(b"one");
    let scene = Scene::of(&[
        ("web.yaml", &recorded("web", &[&digest])),
        ("api.yaml", &stream("other", "api", "1")),
        ("deployment.yaml", &deployment("shop", "web", "1")),
    ]);
    let get = |words: &[&str]| {
        let words: Vec<&str> = std::iter::once("get")
            .chain(words.iter().copied())
            .collect();
        in_clone(&scene, &words)
    };
    // Two namespaces have streams: none is the current one.
    get(&["is"])
        .exits(0)
        .says("No resources found in default namespace.\n");
    let shown = get(&["is", "-n", "shop", "--no-headers"]).exits(0).stdout;
    assert!(shown.starts_with("web "), "{shown}");
    let shown = get(&["is", "-A"]).exits(0).stdout;
    let firsts: Vec<&str> = shown
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(firsts, ["NAMESPACE", "other", "shop"]);
    assert_eq!(
        get(&["is,istag", "-A", "-o", "name"]).exits(0).stdout,
        "imagestream.image.openshift.io/api\nimagestream.image.openshift.io/web\nimagestreamtag.image.openshift.io/web:1\n"
    );
    get(&["is", "-A", "-o", "yaml"])
        .exits(0)
        .says("apiVersion: v1\nitems:\n- apiVersion: image.openshift.io/v1\n  kind: ImageStream\n")
        .says("\nkind: List\nmetadata:\n  resourceVersion: \"\"\n");
    get(&["is", "nothing", "-n", "shop"])
        .exits(2)
        .says("error: (NotFound): imagestreams.image.openshift.io \"nothing\" not found")
        .says("looked in namespace shop");
    let nothing = get(&["is", "nothing", "-n", "shop", "-o", "yaml"]).exits(2);
    assert_eq!(nothing.stdout, "", "not even an empty list");
    get(&["is", "nothing", "--ignore-not-found"]).exits(0);
    get(&["is", "-A", "-l", "app=none"])
        .exits(0)
        .says("No resources found.\n");
    get(&["triggers", "-n", "shop"])
        .exits(0)
        .says("deployment/web")
        .says("pending");
    get(&["pods"]).exits(2).says("no resource type \"pods\"");
}

#[test]
fn a_broken_file_is_named_and_the_rest_is_shown() {
    let scene = Scene::of(&[
        ("web.yaml", &stream("shop", "web", "1")),
        ("broken.yaml", "kind: ImageStream\nmetadata: {name: [\n"),
    ]);
    in_clone(&scene, &["get", "is", "-o", "name"])
        .exits(3)
        .says("imagestream.image.openshift.io/web\n")
        .says("broken.yaml:");
}

#[test]
fn a_commit_is_read_instead_of_the_files() {
    let digest = Digest::of(b"one");
    let scene = Scene::of(&[("web.yaml", &stream("shop", "web", "1"))]);
    scene.commit(&[("web.yaml", &recorded("web", &[&digest]))], "an image");
    in_clone(&scene, &["describe", "is", "web"])
        .exits(0)
        .says(&digest.to_string());
    in_clone(&scene, &["describe", "is", "web", "--ref", "HEAD~1"])
        .exits(0)
        .says("\n  ~ importing latest image ...\n")
        .never_says(&digest.to_string());
    in_clone(&scene, &["get", "is", "--ref", "nowhere"])
        .exits(2)
        .says("nowhere");
    let bare = scene.bare();
    scene
        .run(&["-C", &bare, "get", "istag", "-o", "wide"])
        .exits(0)
        .says(&digest.to_string());
}

/// Environments on branches of their own have the same files, and none of them is in another's way.
#[test]
fn a_revision_is_read_as_the_branch_of_one_environment() {
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments: [{name: dev}, {name: prod, branch: prod}]\n";
    let (in_prod, in_dev) = (Digest::of(b"prod"), Digest::of(b"dev"));
    let scene = Scene::of(&[("headwater.yaml", config)]);
    let prod = scene.commit(&[("web.yaml", &recorded("web", &[&in_prod]))], "web");
    let push = ["push", "-q", "origin", "HEAD:refs/heads/prod"];
    scene.person.git(&push);
    scene.commit(&[("web.yaml", &recorded("web", &[&in_dev]))], "a new one");
    let get = |words: &[&str]| {
        let words = [&["get", "istag", "-o", "wide"], words].concat();
        in_clone(&scene, &words)
    };
    for (revision, image) in [
        ("HEAD", &in_dev),
        ("main", &in_dev),
        ("origin/prod", &in_prod),
        (&prod, &in_prod),
    ] {
        get(&["--ref", revision])
            .exits(0)
            .says(&image.to_string())
            .never_says("error");
    }
    get(&["--ref", &prod, "-e", "prod"]).exits(0);
    get(&["-e", "prod"])
        .exits(2)
        .says("there is dev; --ref BRANCH reads those of another branch");
    let bare = scene.bare();
    scene
        .run(&["-C", &bare, "get", "istag", "-o", "wide"])
        .exits(0)
        .says(&in_dev.to_string())
        .never_says("error");
}

#[test]
fn what_oc_does_and_headwater_does_not_is_answered() {
    let scene = Scene::new();
    scene.run(&["new-project", "app-dev"]).exits(2).says(
        "error: headwater has no projects: write `metadata.namespace: app-dev` or use -n app-dev\n",
    );
    scene
        .run(&["create", "-f", "stream.yaml"])
        .exits(2)
        .says("a file that is committed counts");
    scene.run(&["--help"]).exits(0).never_says("new-project");
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let scene = Scene::new();
    scene
        .run(&["man", "pr", "close"])
        .exits(0)
        .says(".TH headwater-pr-close 1")
        .says("headwater pr close");
    scene.run(&["man", "--folder", "pages"]).exits(0);
    for page in ["headwater.1", "headwater-get.1", "headwater-pr-close.1"] {
        assert!(scene.home().join("pages").join(page).is_file(), "{page}");
    }
    scene.run(&["man", "nothing"]).exits(2);
}
