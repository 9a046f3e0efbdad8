//! A push that creates a stream, or a tag of one.

use std::fs;

use crate::integrated::{DEPLOYMENT, STREAM, integrated};
use crate::serve::hooks::{notified, notifying};
use crate::serve::{Daemon, free_port};
use crate::support::scene::{HOST, Run, Scene};
use crate::support::scripted::{Reply, Scripted};
use crate::support::wait::until;

const NEW: &str = "headwater/default/create.shop.api";
const TAGS: &str = "headwater/default/create.shop.web";

/// As [`integrated`], and pushes create streams.
fn creating(scene: &Scene) -> String {
    integrated(scene).replace("{host", "{createStreams: true, host")
}

/// One pass with this server file.
fn reconcile_with(scene: &Scene, server: &str) -> Run {
    let file = scene.home().join("server.yaml");
    fs::write(&file, server).unwrap();
    let file = file.to_string_lossy();
    scene.run(&["reconcile", &scene.bare(), "--config", &file])
}

fn reconcile(scene: &Scene) -> Run {
    reconcile_with(scene, &creating(scene))
}

/// Two passes, the second of which has nothing to do.
#[track_caller]
fn settle(scene: &Scene) {
    reconcile(scene).exits(0);
    let before = scene.state();
    reconcile(scene).exits(0).says("nothing to do");
    assert_eq!(scene.state(), before);
}

/// The namespace `shop` with a stream whose tag is pinned.
fn shop() -> Scene {
    let scene = Scene::of(&[("streams/web.yaml", STREAM), ("web.yaml", DEPLOYMENT)]);
    scene.image("shop/web", "1", "one");
    reconcile(&scene).exits(0);
    scene.merge(&scene.bot_branch());
    settle(&scene);
    scene
}

#[track_caller]
fn forget(scene: &Scene, path: &str) {
    let repositories = scene
        .registry
        .storage()
        .join("docker/registry/v2/repositories");
    fs::remove_dir_all(repositories.join(path)).unwrap();
}

#[test]
fn a_push_of_a_stream_that_is_not_there_creates_it() {
    let scene = shop();
    scene.image("shop/api", "latest", "latest");
    let digest = scene.image("shop/api", "2.0", "two");
    // Without the setting, nobody looks.
    reconcile_with(&scene, &integrated(&scene))
        .exits(0)
        .says("nothing to do");
    reconcile(&scene)
        .exits(0)
        .says("create headwater/default/create.shop.api")
        .says("shop/api:2.0  added: it is what is pushed");
    assert_eq!(scene.bot_branch(), NEW);
    assert_eq!(scene.changed(NEW), ["streams/api.yaml"]);
    assert_eq!(
        scene.file(NEW, "streams/api.yaml"),
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: api
  namespace: shop
  annotations:
    config.kubernetes.io/local-config: \"true\"
spec:
  tags:
  - name: latest
  - name: \"2.0\"
"
    );
    let message = scene.message(NEW);
    let (told, plan) = message.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(
        told,
        format!(
            "create shop/api in default

Somebody pushed to {HOST}/shop/api, and no manifest
names it. Each of these tags is what is pushed there:

  latest
  2.0

No image is pinned by it. To undo this, revert the commit that merges it, and
delete what was pushed.

Created: shop/api
Environment: default"
        )
    );
    assert!(plan.starts_with("Headwater-Plan: "), "{plan}");
    settle(&scene);
    scene.merge(NEW);
    // What is proposed then is the pin of what was pushed.
    reconcile(&scene).exits(0);
    let branch = scene.bot_branch();
    assert!(!branch.contains("create"), "{branch}");
    let file = scene.file(&branch, "streams/api.yaml");
    assert!(file.contains(digest.as_str()), "{file}");
    scene.merge(&branch);
    settle(&scene);
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn a_pushed_tag_of_a_stream_that_follows_pushes_is_added() {
    let scene = shop();
    let digest = scene.image("shop/web", "2", "two");
    let digits = digest.encoded();
    // What lies beside images is nobody's tag.
    for beside in [
        format!("sha256-{digits}.sig"),
        format!("sha256-{digits}"),
        format!("headwater-sha256-{digits}"),
    ] {
        scene.image("shop/web", &beside, "beside");
    }
    reconcile(&scene).exits(0);
    assert_eq!(scene.bot_branch(), TAGS);
    let before = scene.file("main", "streams/web.yaml");
    let after = scene.file(TAGS, "streams/web.yaml");
    assert_eq!(
        after,
        before.replace(
            "    - name: \"1\"\n",
            "    - name: \"1\"\n    - name: \"2\"\n"
        )
    );
    assert!(
        scene
            .message(TAGS)
            .starts_with("add shop/web:2 in default\n")
    );
    settle(&scene);
    // Another one comes along with it.
    scene.image("shop/web", "3", "three");
    reconcile(&scene)
        .exits(0)
        .says("what is wanted has changed");
    assert!(
        scene
            .message(TAGS)
            .starts_with("add 2 tags to shop/web in default\n")
    );
    scene.merge(TAGS);
    reconcile(&scene).exits(0);
    let file = scene.file(&scene.bot_branch(), "streams/web.yaml");
    assert!(file.contains(digest.as_str()), "{file}");
}

#[test]
fn a_stream_that_is_only_imported_gets_no_tag() {
    let scene = Scene::of(&[(
        "web.yaml",
        &crate::support::scene::stream("shop", "web", "1"),
    )]);
    scene.image("acme/web", "1", "one");
    reconcile(&scene).exits(0);
    scene.merge(&scene.bot_branch());
    settle(&scene);
    scene.image("shop/web", "2", "two");
    reconcile(&scene).exits(0).says("nothing to do");
}

#[test]
fn only_namespaces_that_are_there_get_streams() {
    let scene = shop();
    for path in ["till/api", "api", "shop/a/b", "shop/a__b"] {
        scene.image(path, "1", "one");
    }
    reconcile(&scene).exits(0).says("nothing to do");
    // A workload makes it one; its streams get a folder of their own.
    let workload = DEPLOYMENT
        .replace("shop", "till")
        .replace("/web:1", "/api:1");
    scene.commit(&[("till.yaml", &workload)], "add till");
    reconcile(&scene)
        .exits(0)
        .says("note: the trigger names the stream till/api, which no manifest declares")
        .says("hint: it was pushed, and is proposed with this");
    let branch = scene.bot_branch();
    assert_eq!(branch, "headwater/default/create.till.api");
    assert_eq!(scene.changed(&branch), ["imagestreams/till/api.yaml"]);
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {imports: {createStreams: false}}\n";
    scene.commit(&[("headwater.yaml", config)], "no streams by pushes");
    reconcile(&scene)
        .says("error: the trigger names the stream till/api, which no manifest declares")
        .says(&format!("delete {branch}: nothing is left to do"));
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn what_was_closed_is_not_proposed_again() {
    let scene = shop();
    scene.image("shop/api", "1", "one");
    scene.image("shop/web", "2", "two");
    reconcile(&scene).exits(0);
    assert_eq!(scene.bot_branches(), [NEW, TAGS]);
    for branch in [NEW, TAGS] {
        let bare = scene.bare();
        scene.run(&["pr", "close", branch, &bare]).exits(0);
    }
    settle(&scene);
    reconcile(&scene)
        .exits(0)
        .says("shop/api:1")
        .says(&format!("closed on {NEW}; it does not come again"))
        .says(&format!("closed on {TAGS}"));
    // The stream is declined, whatever is pushed into it; of tags, each.
    scene.image("shop/api", "2", "two");
    scene.image("shop/web", "3", "three");
    reconcile(&scene).exits(0);
    let second = format!("{TAGS}-2");
    assert_eq!(scene.bot_branches(), [NEW, TAGS, &second]);
    let file = scene.file(&second, "streams/web.yaml");
    assert!(
        file.contains("name: \"3\"") && !file.contains("name: \"2\""),
        "{file}"
    );
    settle(&scene);
    // Who deletes the branch has it proposed anew.
    scene
        .origin
        .git(&["update-ref", "-d", &format!("refs/heads/{NEW}")]);
    reconcile(&scene).exits(0);
    assert!(scene.file(NEW, "streams/api.yaml").contains("name: \"2\""));
}

#[test]
fn a_push_that_is_deleted_and_a_stream_that_comes_by_hand_end_it() {
    let scene = shop();
    scene.image("shop/api", "1", "one");
    scene.image("shop/till", "1", "one");
    reconcile(&scene).exits(0);
    let till = "headwater/default/create.shop.till";
    assert_eq!(scene.bot_branches(), [NEW, till]);
    forget(&scene, "shop/api");
    let by_hand = STREAM.replace("name: web", "name: till");
    scene.commit(&[("by-hand.yaml", &by_hand)], "till");
    reconcile(&scene)
        .exits(0)
        .says(&format!("delete {NEW}: nothing is left to do"))
        .says(&format!("delete {till}: nothing is left to do"));
    let branch = scene.bot_branch();
    assert_eq!(scene.changed(&branch), ["by-hand.yaml"]);
}

#[test]
fn while_the_registry_is_away_what_was_proposed_stays() {
    let mut scene = shop();
    scene.image("shop/api", "1", "one");
    reconcile(&scene).exits(0);
    scene.registry.stop();
    reconcile(&scene).says(&format!(
        "new streams that are pushed into {HOST} are not found"
    ));
    assert_eq!(scene.bot_branch(), NEW);
}

#[test]
fn a_branch_that_conflicts_is_made_anew_and_a_name_that_is_taken_is_left() {
    let scene = shop();
    scene.image("shop/api", "1", "one");
    reconcile(&scene).exits(0);
    scene.commit(
        &[(
            "streams/api.yaml",
            "kind: ConfigMap\napiVersion: v1\nmetadata: {name: api}\n",
        )],
        "in the way",
    );
    reconcile(&scene).exits(0);
    assert_eq!(scene.bot_branch(), NEW);
    assert_eq!(scene.changed(NEW), ["streams/api-2.yaml"]);
    settle(&scene);
}

#[test]
fn what_is_promoted_is_pushed_into_its_source_alone() {
    let scene = shop();
    let config = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments:
    - {name: dev, branch: main}
    - {name: prod, branch: prod, promotedFrom: dev}
";
    scene.commit(&[("headwater.yaml", config)], "two environments");
    scene.person.git(&["push", "-q", "origin", "main:prod"]);
    scene.image("shop/api", "1", "one");
    reconcile(&scene).exits(0);
    assert_eq!(scene.bot_branches(), ["headwater/dev/create.shop.api"]);
}

#[test]
fn of_environments_on_one_branch_the_one_that_has_the_namespace_gets_it() {
    let scene = shop();
    let config = "apiVersion: headwater.dev/v1alpha1
kind: Config
spec:
  environments:
    - {name: dev, namespaces: [shop]}
    - {name: test, namespaces: [till]}
";
    let till = STREAM.replace("namespace: shop", "namespace: till");
    scene.commit(
        &[("headwater.yaml", config), ("till/web.yaml", &till)],
        "two environments",
    );
    scene.image("till/api", "1", "one");
    reconcile(&scene).exits(0);
    let branch = scene.bot_branch();
    assert_eq!(branch, "headwater/test/create.till.api");
    assert_eq!(scene.changed(&branch), ["till/api.yaml"]);
    assert!(
        scene
            .file(&branch, "till/api.yaml")
            .contains("namespace: till")
    );
    scene.merge(&branch);
    reconcile(&scene).exits(0);
    let pin = scene.bot_branch();
    assert!(pin.starts_with("headwater/test/"), "{pin}");
    scene.merge(&pin);
    settle(&scene);
}

#[test]
fn nobody_is_asked_for_more_where_pushes_create_nothing() {
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {imports: {createStreams: false}}\n";
    let scene = Scene::of(&[("streams/web.yaml", STREAM), ("headwater.yaml", config)]);
    let first = scene.image("shop/web", "1", "one");
    reconcile(&scene).exits(0);
    scene.merge(&scene.bot_branch());
    scene.commit(&[("headwater.yaml", "")], "defaults");
    reconcile_with(&scene, &integrated(&scene)).exits(0);
    assert!(
        scene
            .file("main", "streams/web.yaml")
            .contains(first.as_str())
    );
    // The registry writes down what it is asked in order: all before this is there.
    let uploads = scene.registry.requests("PUT", 1).len();
    scene.image("shop/web", "1", "two");
    scene.registry.requests("PUT", uploads + 1);
    let asked = scene.registry.requests("GET", 1);
    let is_list = |path: &str| path.contains("_catalog") || path.contains("tags/list");
    assert!(asked.iter().all(|it| !is_list(&it.path)), "{asked:?}");
}

#[test]
fn an_environment_that_is_committed_to_gets_commits() {
    let scene = shop();
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {environments: [{name: default, delivery: commit}]}\n";
    scene.commit(&[("headwater.yaml", config)], "commit");
    scene.image("shop/api", "1", "one");
    scene.image("shop/web", "1", "second");
    let tag = scene.image("shop/web", "2", "two");
    for _ in 0..3 {
        reconcile(&scene).exits(0);
    }
    settle(&scene);
    assert_eq!(scene.bot_branches(), [""; 0]);
    assert!(
        scene
            .file("main", "streams/api.yaml")
            .contains("image: sha256:")
    );
    assert!(
        scene
            .file("main", "streams/web.yaml")
            .contains(tag.as_str())
    );
}

#[test]
fn a_registry_without_a_list_is_asked_for_what_is_known() {
    let scene = Scene::of(&[
        ("streams/web.yaml", STREAM),
        ("api.yaml", &DEPLOYMENT.replace(
            "metadata:\n  name: web\n  namespace: shop\n",
            "metadata:\n  name: api\n  namespace: shop\n  annotations:\n    image.openshift.io/triggers: '[{\"from\":{\"kind\":\"ImageStreamTag\",\"name\":\"api:1\"},\"fieldPath\":\"spec.template.spec.containers[0].image\"}]'\n",
        ).replace("svc:5000/shop/web:1", "svc:5000/shop/api:1")),
    ]);
    let registry = Scripted::start(|request| match request.path.split('?').next().unwrap() {
        "/v2/" => Reply::ok("application/json", "{}"),
        "/v2/shop/web/tags/list" => Reply::ok(
            "application/json",
            "{\"name\":\"shop/web\",\"tags\":[\"1\",\"2\"]}",
        ),
        "/v2/shop/api/tags/list" => Reply::ok(
            "application/json",
            "{\"name\":\"shop/api\",\"tags\":[\"1\"]}",
        ),
        _ => Reply::status(404).body("{\"errors\":[{\"code\":\"UNSUPPORTED\"}]}"),
    });
    let server = format!(
        "integratedRegistry: {{createStreams: true, host: \"{}\"}}\n",
        registry.host()
    );
    reconcile_with(&scene, &server)
        .says("warning: new streams that are pushed into")
        .says("it has no list of its repositories")
        .says("headwater create imagestream NAME");
    assert_eq!(scene.bot_branches(), [NEW, TAGS]);
    let lists = registry.seen();
    let lists = lists.iter().filter(|it| it.path.contains("_catalog"));
    assert_eq!(lists.count(), 1);
}

#[test]
fn where_access_is_enforced_git_says_whether_anybody_may_push() {
    let scene = shop();
    let enforced = format!("{}access: {{enforce: true}}\n", creating(&scene));
    let first = scene.file("main", "web.yaml");
    scene.image("shop/web", "1", "another");
    scene.image("shop/web", "2", "two");
    scene.image("shop/api", "1", "one");
    reconcile_with(&scene, &enforced)
        .exits(3)
        .says("streams/web.yaml:")
        .says("error: shop/web:1: forbidden: no RoleBinding in the namespace shop lets anybody push its images; what is recorded stays")
        .says("headwater policy add-role-to-user system:image-pusher USER -n shop")
        .says("note: pushed and not created: no RoleBinding in their namespaces lets anybody create streams: shop/api")
        .says("headwater policy add-role-to-user system:image-builder USER -n shop");
    assert_eq!(scene.bot_branches(), [""; 0]);
    assert_eq!(scene.file("main", "web.yaml"), first);

    let binding = |role: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: b, namespace: shop}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: '{role}'}}\nsubjects: [{{kind: ServiceAccount, name: ci, namespace: shop}}]\n"
        )
    };
    // Who may pull may not push.
    scene.commit(&[("binding.yaml", &binding("system:image-puller"))], "pull");
    reconcile_with(&scene, &enforced).exits(3);
    assert_eq!(scene.bot_branches(), [""; 0]);
    scene.commit(&[("binding.yaml", &binding("system:image-pusher"))], "push");
    reconcile_with(&scene, &enforced).exits(0).says("shop/api");
    let pin = "headwater/default/shop.web";
    assert_eq!(scene.bot_branches(), [TAGS, pin]);
    for role in ["system:image-builder", "edit"] {
        scene.commit(&[("binding.yaml", &binding(role))], role);
        reconcile_with(&scene, &enforced)
            .exits(0)
            .never_says("not created");
        assert_eq!(scene.bot_branches(), [NEW, TAGS, pin], "{role}");
    }
    // Without the setting nobody is asked.
    scene.commit(&[("binding.yaml", &binding("view"))], "view");
    settle(&scene);
    assert_eq!(scene.bot_branches(), [NEW, TAGS, pin]);
    reconcile_with(&scene, &enforced).exits(3);
    assert!(!scene.bot_branches().contains(&NEW.to_owned()));
}

#[test]
fn a_push_that_the_registry_tells_of_creates_a_stream_at_once() {
    let port = free_port();
    let scene = Scene::with_registry(notifying(port));
    scene.commit(
        &[("streams/web.yaml", STREAM), ("web.yaml", DEPLOYMENT)],
        "add web",
    );
    let more = format!("{}{}", notified(&scene, port), creating(&scene));
    let mut daemon = Daemon::start(&scene, &[&scene.bare()], &more);
    daemon.says("a pass has ended");
    // The list of repositories was young, and has it not.
    scene.image("shop/api", "1", "one");
    until("the new stream's branch", || {
        scene.bot_branches().contains(&NEW.to_owned()).then_some(())
    });
    // A tag comes by the list of the stream's tags.
    scene.image("shop/web", "2", "two");
    until("the new tag's branch", || {
        scene
            .bot_branches()
            .contains(&TAGS.to_owned())
            .then_some(())
    });
    // Of a namespace that nobody has, nobody is told.
    scene.image("till/api", "1", "one");
    daemon.says("a hook was taken … \"passes\":0");
    assert_eq!(daemon.ends(), 0);
}

#[test]
fn doctor_tells_whether_the_registry_lists_what_is_pushed() {
    let mut scene = Scene::of(&[("streams/web.yaml", STREAM)]);
    scene.image("shop/api", "1", "one");
    let file = scene.home().join("server.yaml");
    fs::write(&file, creating(&scene)).unwrap();
    let file = file.display().to_string();
    let bare = scene.bare();
    let words = ["doctor", &bare, "--config", &file];
    scene
        .run(&words)
        .says("createStreams")
        .says("lists its repositories, 1 now");
    scene.registry.stop();
    scene
        .run(&words)
        .exits(3)
        .says("its repositories cannot be listed");
}
