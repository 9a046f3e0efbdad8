use std::fs;

use headwater::image::Digest;

use crate::prune::{ANY_AGE, CONFIG, is_stored, on, prune, server_file, shop, stored, stream};
use crate::support::registry::{DockerRegistry, Setup};
use crate::support::scene::{HOST, Scene};

/// A stream of four images, of which the oldest goes.
fn four(registry: DockerRegistry) -> (Scene, Digest) {
    let scene = shop(registry);
    let images: Vec<Digest> = ["1", "c", "b", "a"]
        .iter()
        .map(|name| scene.image("shop/web", name, name))
        .collect();
    on(&scene, "env/dev");
    let had: Vec<&Digest> = images.iter().collect();
    scene.commit(&[("web.yaml", &stream("", &had))], "a stream");
    (scene, images[3].clone())
}

#[test]
fn nothing_goes_where_not_everything_can_be_read() {
    let (scene, _) = four(DockerRegistry::start());
    let before = stored(&scene);
    let refused = |what: &str| {
        for run in [
            prune(&scene, &[ANY_AGE]),
            prune(&scene, &[ANY_AGE, "--confirm"]),
        ] {
            run.exits(3)
                .says("nothing is deleted")
                .says("what cannot be read may need any image")
                .says(what);
        }
        assert_eq!(stored(&scene), before, "{what}");
    };
    let undo = || {
        scene.person.git(&["reset", "-q", "--hard", "HEAD~1"]);
        scene.person.git(&["push", "-q", "-f", "origin", "HEAD"]);
    };
    on(&scene, "env/prod");
    let broken = "kind: ImageStream\nmetadata: {name: web\n";
    scene.commit(&[("web.yaml", broken)], "break it");
    refused("web.yaml");
    undo();

    let twice = stream("", &[]);
    scene.commit(&[("a.yaml", &twice), ("b.yaml", &twice)], "twice");
    refused("stands at");
    undo();

    on(&scene, "main");
    scene.commit(
        &[("headwater.yaml", "kind: Config\nspec: {environments: 7}\n")],
        "break it",
    );
    refused("headwater.yaml");
    undo();

    let more = format!("{CONFIG}    - {{name: qa, branch: env/qa}}\n");
    scene.commit(&[("headwater.yaml", &more)], "a branch that is not there");
    refused("env/qa");
    undo();

    // A branch of the bot counts as any other.
    on(&scene, "env/dev");
    scene
        .person
        .git(&["checkout", "-q", "-b", "headwater/dev/shop.web"]);
    scene.commit(&[("web.yaml", broken)], "break it");
    refused("headwater/dev/shop.web");
    scene
        .person
        .git(&["push", "-q", "origin", ":headwater/dev/shop.web"]);
    prune(&scene, &[ANY_AGE, "--confirm"])
        .exits(0)
        .says("deleted 1 image ");
}

#[test]
fn nothing_goes_where_a_git_repository_is_missing() {
    let (scene, old) = four(DockerRegistry::start());
    let missing = scene.home().join("missing.git");
    let more = format!(
        "repositories: [{{name: shop, url: \"{}\"}}, {{name: other, url: \"{}\"}}]\n",
        scene.bare(),
        missing.display()
    );
    let file = server_file(&scene, &more);
    let run = scene.run(&["prune", "images", "--config", &file, ANY_AGE, "--confirm"]);
    run.exits(2)
        .says("missing.git cannot be read, so nothing is deleted");
    assert!(is_stored(&scene, old.as_str()));
}

#[test]
fn a_registry_that_does_not_answer_is_left_alone() {
    let (mut scene, old) = four(DockerRegistry::start());
    scene.registry.stop();
    prune(&scene, &[ANY_AGE, "--confirm"])
        .exits(5)
        .says(&format!("{HOST}/shop/web was left alone"))
        .never_says("Deleting");
    assert!(is_stored(&scene, old.as_str()));
}

#[test]
fn a_registry_that_keeps_everything_says_how_it_learns_to_delete() {
    let (scene, old) = four(DockerRegistry::start_with(Setup {
        keeps_all: true,
        ..Setup::default()
    }));
    prune(&scene, &[ANY_AGE])
        .exits(0)
        .says("would delete 1 image ");
    let run = prune(&scene, &[ANY_AGE, "--confirm"]).exits(3);
    run.says(&format!("{old} was not deleted from {HOST}/shop/web"))
        .says("REGISTRY_STORAGE_DELETE_ENABLED=true")
        .says("Summary: deleted 0 images");
    assert!(is_stored(&scene, old.as_str()));
}

#[test]
fn without_an_integrated_registry_there_is_nothing_to_prune() {
    let scene = Scene::new();
    let file = scene.home().join("server.yaml");
    fs::write(&file, "access: {enforce: false}\n").unwrap();
    let file = file.display().to_string();
    let bare = scene.bare();
    scene
        .run(&["prune", "images", &bare, "--config", &file])
        .exits(2)
        .says("integratedRegistry: {host: …}");
    scene
        .run(&["adm", "prune", "images"])
        .exits(2)
        .says("`headwater prune images`");
}
