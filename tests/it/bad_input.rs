//! Bad input: one clear problem with its place, and everything else goes on.

use std::os::unix::fs::symlink;

use headwater::image::Digest;

use crate::lifecycle::{WEB, pinned};
use crate::support::scene::{HOST, Run, Scene, stream};
use crate::support::scripted::{Reply, Scripted};

/// The pinned scene, whose tag has moved on meanwhile.
fn scene() -> Scene {
    let scene = pinned();
    scene.image("acme/web", "1", "second");
    scene
}

/// A pass that fails in part: the good tag has its branch with its two files, and no other byte is
/// written, now and in a second pass.
#[track_caller]
fn the_rest_goes_on(scene: &Scene) -> Run {
    let second = scene.image("acme/web", "1", "second");
    let run = scene
        .reconcile()
        .exits(3)
        .says("create headwater/default/dev.web");
    assert_eq!(scene.bot_branch(), WEB);
    assert_eq!(scene.changed(WEB), ["apps/web.yaml", "streams/web.yaml"]);
    assert!(scene.file(WEB, "apps/web.yaml").contains(second.as_str()));
    let state = scene.state();
    let again = scene.reconcile().exits(3);
    assert_eq!(scene.state(), state);
    assert_eq!(errors(&run), errors(&again));
    run
}

/// How many problems are said.
fn errors(run: &Run) -> usize {
    run.stderr.matches("error: ").count()
}

#[test]
fn broken_yaml_is_named_with_its_place() {
    let scene = scene();
    scene.commit(
        &[(
            "apps/broken.yaml",
            "apiVersion: v1\nkind: Pod\nspec: {image: \"x\" # {\"$imagestream\": \"dev/web:1\"}\n",
        )],
        "break",
    );
    let run = the_rest_goes_on(&scene).says("apps/broken.yaml:");
    assert_eq!(errors(&run), 1, "{}", run.stderr);
}

#[test]
fn one_broken_document_leaves_the_others_of_its_file() {
    let scene = scene();
    let text = format!(
        "{}---\nkind: ImageStream\n  bad: [indent\n",
        stream("dev", "api", "1")
    );
    scene.commit(&[("streams/two.yaml", &text)], "break");
    scene.reconcile().exits(3).says("streams/two.yaml:1");
    assert!(scene.bot_branches().contains(&WEB.to_owned()));
}

#[test]
fn a_bad_reference_is_named_with_its_place() {
    let scene = scene();
    let bad = stream("dev", "bad", "1").replace("acme/bad:1", "acme/Bad:1:2");
    scene.commit(&[("streams/bad.yaml", &bad)], "break");
    let run = the_rest_goes_on(&scene).says("streams/bad.yaml:11:15: error: ");
    assert_eq!(errors(&run), 1, "{}", run.stderr);
}

#[test]
fn an_unknown_field_in_the_configuration_stops_the_pass_before_it_guesses() {
    let scene = scene();
    scene.commit(
        &[(
            "headwater.yaml",
            "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  pullRequests: {groupedBy: tag}\n",
        )],
        "break",
    );
    let state = scene.state();
    let run = scene.reconcile().exits(3);
    assert!(
        run.stderr
            .contains("headwater.yaml:4:18: error: unknown field `groupedBy`"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("groupBy"), "{}", run.stderr);
    assert_eq!(scene.state(), state);
}

#[test]
fn a_missing_tag_is_named_with_its_place_and_its_image() {
    let scene = scene();
    scene.commit(&[("streams/none.yaml", &stream("dev", "none", "1"))], "add");
    the_rest_goes_on(&scene)
        .says("dev/none:1  streams/none.yaml:8:7  missing")
        .says("acme/none");
}

#[test]
fn a_trigger_without_a_stream_is_named_with_its_place() {
    let scene = scene();
    scene.commit(
        &[(
            "apps/x.yaml",
            "image: x:1 # {\"$imagestream\": \"dev/wep:1\"}\n",
        )],
        "add",
    );
    the_rest_goes_on(&scene)
        .says("apps/x.yaml:1:")
        .says("dev/wep");
}

/// A stream of the tag 1 at another host.
fn at(host: &str) -> String {
    stream("dev", "other", "1").replace(HOST, host)
}

#[test]
fn a_denied_registry_is_named() {
    let scene = scene();
    let denied =
        Scripted::start(|_| Reply::status(401).header("www-authenticate", "Basic realm=\"x\""));
    scene.commit(&[("streams/other.yaml", &at(&denied.host()))], "add");
    the_rest_goes_on(&scene)
        .says("dev/other:1  streams/other.yaml:8:7  denied")
        .says(&denied.host());
}

#[test]
fn an_unreachable_host_is_named() {
    let scene = scene();
    let host = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    scene.commit(&[("streams/other.yaml", &at(&host))], "add");
    the_rest_goes_on(&scene)
        .says("dev/other:1  streams/other.yaml:8:7  unavailable")
        .says(&host);
}

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

#[test]
fn an_oversized_manifest_is_refused() {
    let scene = scene();
    let huge = Scripted::start(|_| Reply::ok(OCI_MANIFEST, Vec::new()).endless());
    scene.commit(&[("streams/other.yaml", &at(&huge.host()))], "add");
    the_rest_goes_on(&scene)
        .says("dev/other:1  streams/other.yaml:8:7  ")
        .says(&huge.host());
}

#[test]
fn a_wrong_digest_is_refused() {
    let scene = scene();
    let lying = Scripted::start(|_| {
        Reply::ok(OCI_MANIFEST, "{\"schemaVersion\": 2}")
            .header("docker-content-digest", Digest::of(b"another").as_str())
    });
    scene.commit(&[("streams/other.yaml", &at(&lying.host()))], "add");
    the_rest_goes_on(&scene)
        .says("dev/other:1  streams/other.yaml:8:7  ")
        .says(&lying.host());
    assert!(!scene.message(WEB).contains(Digest::of(b"another").as_str()));
}

#[test]
fn a_redirect_and_a_realm_to_another_host_are_refused() {
    let scene = scene();
    let target = Scripted::start(|_| Reply::status(200));
    let elsewhere = target.url("/elsewhere");
    let redirecting = Scripted::start(move |_| Reply::redirect(&elsewhere));
    let realm = target.url("/token");
    let asking = Scripted::start(move |_| Reply::bearer(&realm));
    scene.commit(
        &[
            ("streams/other.yaml", &at(&redirecting.host())),
            (
                "streams/realm.yaml",
                &at(&asking.host()).replace("name: other\n", "name: realm\n"),
            ),
        ],
        "add",
    );
    the_rest_goes_on(&scene)
        .says("dev/other:1  streams/other.yaml:8:7  ")
        .says("dev/realm:1  streams/realm.yaml:8:7  ")
        .says(&target.host());
    assert!(target.seen().is_empty());
}

#[test]
fn a_symlink_out_of_the_repository_is_not_followed() {
    let scene = scene();
    let outside = scene.home().join("outside.yaml");
    std::fs::write(&outside, scene.with_host(&stream("dev", "outside", "1"))).unwrap();
    symlink(&outside, scene.person.path().join("streams/link.yaml")).unwrap();
    symlink("/", scene.person.path().join("root")).unwrap();
    scene.commit(&[], "links");
    the_rest_goes_on(&scene)
        .says("error: streams/link.yaml is a symbolic link out of the repository; it is not read")
        .never_says("outside:1");
    // An ImageTrigger that names it is refused, and so is a path out of the repository.
    let trigger = |file: &str| {
        format!(
            "apiVersion: headwater.dev/v1alpha1\nkind: ImageTrigger\nmetadata: {{name: t, namespace: dev}}\nspec:\n  from: {{kind: ImageStreamTag, name: \"web:1\"}}\n  targets: [{{file: {file}, field: a.b}}]\n"
        )
    };
    scene.commit(
        &[
            ("t1.yaml", &trigger("streams/link.yaml")),
            ("t2.yaml", &trigger("../../../etc/passwd.yaml")),
        ],
        "name them",
    );
    scene
        .reconcile()
        .exits(3)
        .says("t1.yaml:6:13: error: ")
        .says("t2.yaml:6:13: error: ");
    // The work tree's reader follows none either.
    let folder = scene.person.path().display().to_string();
    let run = scene.run(&["pin", &folder]);
    assert_eq!(run.code, 3, "{run:?}");
    let text = std::fs::read_to_string(&outside).unwrap();
    assert_eq!(text, scene.with_host(&stream("dev", "outside", "1")));
}

#[test]
fn a_yaml_bomb_is_refused() {
    let scene = scene();
    let mut bomb = String::from("kind: ImageStream\na0: &a0 [x, x]\n");
    for level in 1..40 {
        let before = level - 1;
        bomb.push_str(&format!(
            "a{level}: &a{level} [*a{before}, *a{before}, *a{before}]\n"
        ));
    }
    bomb.push_str("image: x # {\"$imagestream\": \"dev/web:1\"}\nmetadata: *a39\n");
    let deep = format!(
        "kind: ImageStream\na: {}{}\n",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    scene.commit(&[("bomb.yaml", &bomb), ("deep.yaml", &deep)], "boom");
    let run = scene.reconcile().exits(3);
    assert!(run.stderr.contains("deep.yaml:"), "{}", run.stderr);
    assert!(run.stderr.contains("bomb.yaml:"), "{}", run.stderr);
    assert!(scene.bot_branches().contains(&WEB.to_owned()));
}

#[test]
fn an_edit_that_cannot_be_exact_is_refused_and_the_status_stays_too() {
    let scene = scene();
    let shared = format!(
        "apiVersion: v1
kind: Pod
metadata:
  name: shared
  namespace: dev
  annotations:
    image.openshift.io/triggers: '[{{\"from\":{{\"kind\":\"ImageStreamTag\",\"name\":\"web:1\"}},\"fieldPath\":\"spec.containers[0].image\"}}]'
spec:
  containers:
    - {{image: &image {HOST}/acme/web:1}}
    - {{image: *image}}
"
    );
    scene.commit(&[("apps/shared.yaml", &shared)], "an anchor");
    scene
        .reconcile()
        .exits(3)
        .says("apps/shared.yaml:10:")
        .says("cannot be edited exactly");
}

#[test]
fn a_manifest_in_two_files_is_refused_in_both() {
    let scene = scene();
    scene.commit(
        &[
            ("streams/a.yaml", &stream("dev", "twice", "1")),
            ("streams/b.yaml", &stream("dev", "twice", "1")),
        ],
        "twice",
    );
    the_rest_goes_on(&scene)
        .says(
            "streams/a.yaml:1:1: error: the ImageStream dev/twice stands at streams/b.yaml:1:1 too",
        )
        .says("streams/b.yaml:1:1: error: ");
}
