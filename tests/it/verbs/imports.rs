//! `import-image` and `tag` against a registry.

use std::fs;

use crate::support::scene::{HOST, Run, Scene, deployment, masked, stream};

impl Scene {
    /// The binary in the person's clone.
    pub(super) fn types(&self, words: &[&str]) -> Run {
        let words: Vec<String> = words.iter().map(|word| self.with_host(word)).collect();
        let mut all = vec!["-C", self.person.path().to_str().unwrap()];
        all.extend(words.iter().map(String::as_str));
        self.run(&all)
    }

    pub(super) fn clone_file(&self, path: &str) -> String {
        let text = fs::read_to_string(self.person.path().join(path)).unwrap();
        masked(&text.replace(&self.registry.host(), HOST))
    }

    fn requests(&self) -> usize {
        self.registry.log().len()
    }
}

#[test]
fn an_image_is_imported_into_a_new_stream_and_again_on_demand() {
    let scene = Scene::of(&[("web.yaml", &deployment("shop", "web", "latest"))]);
    let first = scene.image("acme/web", "1", "one");
    let from = format!("--from={HOST}/acme/web:1");
    let words = ["import-image", "web", &from, "-n", "shop"];
    scene
        .types(&words)
        .exits(2)
        .says("error: no image stream named \"web\" exists, pass --confirm to create and import");
    let dry = [
        "import-image",
        "web",
        &from,
        "-n",
        "shop",
        "--confirm",
        "--dry-run",
    ];
    let run = scene.types(&dry).exits(0);
    assert!(
        run.stdout
            .starts_with("imagestream.image.openshift.io/web imported (dry run)\n\nName:"),
        "{}",
        run.stdout
    );
    assert!(!scene.person.path().join("imagestreams").exists());
    let run = scene
        .types(&["import-image", "web", &from, "-n", "shop", "--confirm"])
        .exits(0);
    assert!(
        run.stdout
            .starts_with("imagestream.image.openshift.io/web imported\n\nName:"),
        "{}",
        run.stdout
    );
    run.says("tagged from registry.example:5000/acme/web:1")
        .says(&format!(
            "\n\nImage Name:\tweb:latest\nDocker Image:\t{HOST}/acme/web@{first}\n"
        ))
        .says("\nArch:\t\tamd64\n");
    let path = "imagestreams/shop/web.yaml";
    assert!(scene.clone_file(path).contains(first.as_str()));
    assert!(scene.clone_file("web.yaml").contains(first.as_str()));

    // Imported once: only the command looks again, as often as it is typed.
    for seed in ["two", "three"] {
        let next = scene.image("acme/web", "1", seed);
        scene.types(&["pin"]).exits(0);
        assert!(!scene.clone_file(path).contains(next.as_str()), "{seed}");
        scene.types(&["import-image", "web"]).exits(0);
        assert!(scene.clone_file(path).contains(next.as_str()), "{seed}");
        assert!(
            scene.clone_file("web.yaml").contains(next.as_str()),
            "{seed}"
        );
    }
}

#[test]
fn a_tag_asks_no_registry_and_the_next_pin_does() {
    let scene = Scene::of(&[
        ("streams/web.yaml", &stream("shop", "web", "1")),
        ("streams/other.yaml", &stream("shop", "other", "1")),
    ]);
    scene.image("acme/web", "1", "one");
    let second = scene.image("acme/web", "2", "two");
    let before = scene.requests();
    let source = format!("{HOST}/acme/web:2");
    scene
        .types(&["tag", &source, "web:2"])
        .exits(0)
        .says("Tag web:2 set to registry.example:5000/acme/web:2.")
        .says("imported by the next `headwater pin`");
    assert_eq!(scene.requests(), before);
    assert!(!scene.clone_file("streams/web.yaml").contains("status"));
    // Only what is imported is asked for.
    scene.types(&["import-image", "web:2"]).exits(0);
    assert!(
        scene
            .clone_file("streams/web.yaml")
            .contains(second.as_str())
    );
    let log = format!("{:?}", scene.registry.log());
    assert!(!log.contains("acme/other"), "{log}");
}

#[test]
fn a_failed_import_keeps_what_was_there_and_says_so() {
    let scene = Scene::of(&[]);
    let first = scene.image("acme/web", "1", "one");
    let from = format!("--from={HOST}/acme/web:1");
    scene
        .types(&["import-image", "web:a", &from, "--confirm"])
        .exits(0);
    let gone = format!("--from={HOST}/acme/web:gone");
    let run = scene.types(&["import-image", "web:b", &gone]).exits(3);
    assert!(
        run.stdout
            .starts_with("imagestream.image.openshift.io/web imported with errors\n\n"),
        "{}",
        run.stdout
    );
    run.says("  ! error: Import failed (NotFound): dockerimage.image.openshift.io ")
        .never_says("importing latest image")
        .says("error: tag b failed: registry.example:5000: ")
        .says("error: imported completed with errors");
    let file = scene.clone_file("imagestreams/default/web.yaml");
    assert!(
        file.contains(first.as_str()) && file.contains("web:gone"),
        "{file}"
    );
}

#[test]
fn a_whole_repository_is_imported_and_imported_again() {
    let scene = Scene::of(&[]);
    let one = scene.image("acme/web", "1.0", "one");
    let from = format!("--from={HOST}/acme/web");
    scene
        .types(&["import-image", "web", "--all", &from, "--confirm"])
        .exits(0);
    let path = "imagestreams/default/web.yaml";
    let file = scene.clone_file(path);
    assert!(
        file.contains("dockerImageRepository: registry.example:5000/acme/web"),
        "{file}"
    );
    assert!(file.contains(one.as_str()), "{file}");
    let two = scene.image("acme/web", "2.0", "two");
    scene
        .types(&["import-image", "web", "--all", "--scheduled"])
        .exits(0)
        .says("`imports.follow: all` in headwater.yaml follows its tags");
    let file = scene.clone_file(path);
    assert!(file.contains(two.as_str()), "{file}");
    let other = format!("--from={HOST}/acme/other");
    scene
        .types(&["import-image", "web", "--all", &other])
        .exits(2)
        .says("the image stream has a different import spec \"registry.example:5000/acme/web\", pass --confirm to update");
}

#[test]
fn import_image_writes_its_flags_at_the_tag() {
    let scene = Scene::of(&[]);
    scene.image("acme/web", "1", "one");
    let from = format!("--from={HOST}/acme/web:1");
    let words = ["import-image", "web:a", &from, "--confirm", "--insecure"];
    let more = [
        "--scheduled",
        "--reference-policy=local",
        "--import-mode=Legacy",
    ];
    scene.types(&[&words[..], &more[..]].concat()).exits(0);
    let path = "imagestreams/default/web.yaml";
    let file = scene.clone_file(path);
    for line in [
        "insecure: true",
        "scheduled: true",
        "importMode: Legacy",
        "type: Local",
    ] {
        assert!(file.contains(line), "{line}: {file}");
    }
    scene
        .types(&["import-image", "web:a", "-o", "yaml", "--dry-run"])
        .exits(0)
        .says("kind: ImageStream\n")
        .says("      importMode: Legacy\n");
    // What is not named stays.
    scene
        .types(&["import-image", "web:a", "--insecure=false"])
        .exits(0);
    let changed = scene.clone_file(path);
    assert!(changed.contains("insecure: false"), "{changed}");
    assert!(
        changed.contains("scheduled: true") && changed.contains("importMode: Legacy"),
        "{changed}"
    );
}

#[test]
fn tagging_the_same_source_again_asks_for_one_import_each_time() {
    let scene = Scene::of(&[]);
    scene.image("acme/web", "1", "one");
    let image = format!("{HOST}/acme/web:1");
    let from = format!("--from={image}");
    scene
        .types(&["import-image", "web:1", &from, "--confirm"])
        .exits(0);
    let path = "imagestreams/default/web.yaml";
    for seed in ["two", "three"] {
        let next = scene.image("acme/web", "1", seed);
        scene.types(&["pin"]).exits(0);
        assert!(!scene.clone_file(path).contains(next.as_str()), "{seed}");
        scene.types(&["tag", &image, "web:1"]).exits(0);
        assert!(!scene.clone_file(path).contains(next.as_str()), "{seed}");
        scene.types(&["pin"]).exits(0);
        assert!(scene.clone_file(path).contains(next.as_str()), "{seed}");
    }
}
