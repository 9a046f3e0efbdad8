//! Repositories behind sshd and nginx, clones, and work trees.

use std::path::Path;

use crate::lifecycle::{FIRST_PINS, WEB, pinned, web};
use crate::support::git::{HttpServer, Setup, SshAgent, SshServer};
use crate::support::scene::{Run, Scene, deployment};

/// First pins, a move, and runs that change nothing, against `url`.
fn first_pin_and_move(scene: &Scene, run: &dyn Fn() -> Run) {
    let first = scene.image("acme/web", "1", "first");
    run().exits(0).says("create headwater/default/first-pins");
    let pin = |digest: &str| {
        deployment("dev", "web", "1").replace("web:1 #", &format!("web:1@{digest} #"))
    };
    assert_eq!(scene.file(FIRST_PINS, "apps/web.yaml"), pin(first.as_str()));
    unchanged(scene, run);
    scene.merge(FIRST_PINS);
    run().exits(0).says("deleted headwater/default/first-pins");
    unchanged(scene, run);

    let second = scene.image("acme/web", "1", "second");
    run().exits(0).says("create headwater/default/dev.web");
    assert_eq!(scene.bot_branch(), WEB);
    assert_eq!(scene.changed(WEB), ["apps/web.yaml", "streams/web.yaml"]);
    assert_eq!(scene.file(WEB, "apps/web.yaml"), pin(second.as_str()));
    assert_eq!(
        scene.file(WEB, "apps/other.yaml"),
        "image: nothing of ours\r\n"
    );
    unchanged(scene, run);

    let merge = scene.merge(WEB);
    scene.revert(&merge, &["-m", "1"]);
    run().exits(0).says("was taken back by Ada");
    assert_eq!(scene.bot_branches(), [""; 0]);
    unchanged(scene, run);
}

fn unchanged(scene: &Scene, run: &dyn Fn() -> Run) {
    let before = scene.state();
    run().exits(0).says("nothing to do");
    assert_eq!(scene.state(), before);
}

#[test]
fn over_ssh() {
    let scene = web();
    let server = SshServer::start(&scene.origin);
    let url = server.url();
    let ssh = |arguments: &[&str]| over_ssh_to(&scene, &server, arguments);
    first_pin_and_move(&scene, &|| ssh(&["reconcile", &url]));
    scene.image("acme/web", "1", "third");
    ssh(&["reconcile", &url]).exits(0);
    ssh(&["pr", "close", WEB, &url]).exits(0);
    ssh(&["reconcile", &url])
        .exits(0)
        .says("closed on headwater/default/dev.web");
    ssh(&["history", "dev/web:1", &url]).exits(0).says("Ada");
}

fn over_ssh_to(scene: &Scene, server: &SshServer, arguments: &[&str]) -> Run {
    let mut command = scene.command(arguments);
    command
        .env("HEADWATER_GIT_SSH_KEY", server.client_key())
        .env("HEADWATER_GIT_KNOWN_HOSTS", server.known_hosts());
    scene.ended(&command.output().unwrap())
}

#[test]
fn over_ssh_with_a_key_that_only_the_agent_holds() {
    let scene = web();
    let server = SshServer::start(&scene.origin);
    let agent = SshAgent::start();
    let url = server.url();
    let run = |known_hosts: &Path| {
        let mut command = scene.command(&["reconcile", &url]);
        command
            .env("SSH_AUTH_SOCK", agent.socket())
            .env("HEADWATER_GIT_KNOWN_HOSTS", known_hosts);
        scene.ended(&command.output().unwrap())
    };
    let known = server.known_hosts();
    let denied = "it accepts none of the ssh keys: those of the agent (`ssh-add -l` lists them)";
    run(&known).exits(4).says(denied);
    agent.add(&server.stranger_key());
    run(&known).exits(4).says(denied);
    agent.add(&server.client_key());
    std::fs::remove_file(server.client_key()).unwrap();
    let nothing = Path::new("/dev/null");
    run(nothing).exits(3).says("/dev/null has none for it");
    assert_eq!(scene.bot_branches(), [""; 0]);
    first_pin_and_move(&scene, &|| run(&known));
}

/// A socket that nobody listens at does not keep a key in a file from being tried.
#[test]
fn over_ssh_without_the_agent_that_is_named() {
    let scene = web();
    let server = SshServer::start(&scene.origin);
    let url = server.url();
    let command = || {
        let mut command = scene.command(&["reconcile", &url]);
        command
            .env("SSH_AUTH_SOCK", scene.home().join("gone"))
            .env("HEADWATER_GIT_KNOWN_HOSTS", server.known_hosts());
        command
    };
    let alone = command().output().unwrap();
    scene.ended(&alone).exits(4).says("those of the agent");
    let mut with_a_key = command();
    with_a_key.env("HEADWATER_GIT_SSH_KEY", server.client_key());
    scene.ended(&with_a_key.output().unwrap()).exits(0);
    assert_eq!(scene.bot_branch(), FIRST_PINS);
}

#[test]
fn over_http_with_a_password() {
    let scene = web();
    let login = Some(("bot", "hush-hush"));
    let server = HttpServer::with(
        &scene.origin,
        Setup {
            login,
            ..Setup::default()
        },
    );
    let url = server.url();
    let run = || {
        let mut command = scene.command(&["reconcile", &url]);
        command
            .env("HEADWATER_GIT_USERNAME", "bot")
            .env("HEADWATER_GIT_PASSWORD", "hush-hush");
        scene
            .ended(&command.output().unwrap())
            .never_says("hush-hush")
    };
    first_pin_and_move(&scene, &run);
    let state = scene.state();
    scene.run(&["reconcile", &url]).exits(4).says("127.0.0.1");
    assert_eq!(scene.state(), state);
}

#[test]
fn from_a_file_url() {
    let scene = web();
    let url = format!("file://{}", scene.bare());
    first_pin_and_move(&scene, &|| scene.run(&["reconcile", &url]));
}

#[test]
fn a_clone_gets_local_branches_and_the_line_to_push_them() {
    let scene = web();
    let clone = scene.person.path().display().to_string();
    let head = scene.person.rev("HEAD");
    scene
        .run(&["reconcile", &clone])
        .exits(0)
        .says("git push origin headwater/default/first-pins");
    assert_eq!(scene.bot_branches(), [""; 0]);
    scene.person.git(&["push", "-q", "origin", FIRST_PINS]);
    assert_eq!(scene.bot_branch(), FIRST_PINS);
    assert_eq!(scene.person.rev("HEAD"), head);
    assert_eq!(scene.person.git(&["status", "--porcelain"]), "");
    scene
        .run(&["reconcile", &clone])
        .exits(0)
        .says("nothing to do");
}

#[test]
fn a_clone_pushes_to_the_remote_that_is_named() {
    let scene = web();
    let clone = scene.person.path().display().to_string();
    // What is not pushed does not count.
    scene
        .person
        .commit_files(&[("apps/web.yaml", "a: 1\n")], "not pushed");
    scene
        .run(&["reconcile", &clone, "--push", "origin"])
        .exits(0);
    assert_eq!(scene.bot_branch(), FIRST_PINS);
    assert_eq!(scene.changed(FIRST_PINS).len(), 2);
    assert_eq!(scene.person.git(&["branch", "--list", "headwater/*"]), "");
    let state = scene.state();
    scene
        .run(&["reconcile", &clone, "--push", "origin"])
        .exits(0)
        .says("nothing to do");
    assert_eq!(scene.state(), state);
    scene
        .run(&["reconcile", &clone, "--push", "nowhere"])
        .exits(2)
        .says("nowhere");
}

#[test]
fn a_branch_that_is_checked_out_is_not_moved_under_a_persons_feet() {
    let scene = web();
    scene.commit(
        &[(
            "headwater.yaml",
            "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments: [{name: dev, delivery: commit}]\n",
        )],
        "commit",
    );
    let clone = scene.person.path().display().to_string();
    let head = scene.person.rev("HEAD");
    scene
        .run(&["reconcile", &clone])
        .exits(3)
        .says("main is checked out in");
    assert_eq!(scene.person.rev("HEAD"), head);
    assert_eq!(scene.person.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_shallow_clone_is_refused_for_writing() {
    let scene = pinned();
    let shallow = scene.origin.clone_with(&["--depth", "1"]);
    let path = shallow.path().display().to_string();
    scene
        .run(&["reconcile", &path])
        .exits(2)
        .says("is a shallow clone")
        .says("git fetch --unshallow");
    scene.run(&["plan", &path]).exits(0);
}

#[test]
fn a_push_that_the_server_refuses_is_said_with_its_words() {
    let scene = web();
    scene.origin.hook("update", "exit 1");
    let server = SshServer::start(&scene.origin);
    let before = scene.origin.git(&["for-each-ref"]);
    over_ssh_to(&scene, &server, &["reconcile", &server.url()])
        .exits(3)
        .says("headwater/default/first-pins was not accepted: ")
        .says("hook declined")
        .says("hint: a hook of the server refuses it");
    assert_eq!(scene.origin.git(&["for-each-ref"]), before);
}

#[test]
fn plan_and_pin_work_on_the_files_as_they_are() {
    let scene = web();
    let folder = scene.person.path().display().to_string();
    let first = scene.image("acme/web", "1", "first");
    let state = scene.state();
    scene
        .run(&["plan", &folder, "--diff", "--exit-code"])
        .exits(1)
        .says("-          image: registry.example:5000/acme/web:1 #")
        .says(&format!(
            "+          image: registry.example:5000/acme/web:1@{first} #"
        ));
    assert_eq!(scene.person.git(&["status", "--porcelain"]), "");
    scene.run(&["pin", &folder]).exits(0);
    let pinned = std::fs::read_to_string(scene.person.path().join("apps/web.yaml")).unwrap();
    assert_eq!(
        scene.with_host(
            &deployment("dev", "web", "1").replace("web:1 #", &format!("web:1@{first} #"))
        ),
        pinned
    );
    assert_eq!(
        scene.person.git(&["status", "--porcelain"]),
        " M apps/web.yaml\n M streams/web.yaml"
    );
    scene
        .run(&["plan", &folder, "--exit-code"])
        .exits(0)
        .says("nothing to do");
    scene.run(&["pin", &folder]).exits(0).says("nothing to do");
    assert_eq!(scene.state(), state);
}
