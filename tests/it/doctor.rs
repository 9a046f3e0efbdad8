//! `headwater doctor`, through the binary: real registries, Git servers and sshd, and test forges.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::lifecycle::web;
use crate::support::forge::{Kind, Rule, TestForge};
use crate::support::git::{HttpServer, Setup, SshServer};
use crate::support::registry::DockerRegistry;
use crate::support::scene::{HOST, Run, Scene, stream};

const KINDS: [Kind; 4] = [Kind::GitLab, Kind::GitHub, Kind::Gitea, Kind::Forgejo];

/// A repository behind a Git server that asks for a login, and its forge.
struct Stage {
    scene: Scene,
    server: HttpServer,
    forge: TestForge,
    kind: Kind,
}

impl Stage {
    fn new(kind: Kind) -> Self {
        Self::with(web(), kind)
    }

    fn with(scene: Scene, kind: Kind) -> Self {
        let forge = TestForge::start(kind, scene.origin.path());
        forge.model().now = Timestamp::now();
        let user = match kind {
            Kind::GitHub => "x-access-token",
            _ => "oauth2",
        };
        let login = Some((user, forge.token()));
        let setup = Setup {
            login,
            ..Setup::default()
        };
        let server = HttpServer::with(&scene.origin, setup);
        write_secret(&scene.home().join("token"), forge.token());
        Self {
            scene,
            server,
            forge,
            kind,
        }
    }

    /// The server file; `more` stands at its end.
    fn server_file(&self, more: &str) -> PathBuf {
        let path = self.scene.home().join("config.yaml");
        let text = format!(
            "forges:\n- kind: {}\n  url: http://127.0.0.1:{}\n  api: {}\n  tokenFile: {}\n  insecure: true\n{more}",
            self.kind.name(),
            self.server.port(),
            self.forge.api(),
            self.scene.home().join("token").display(),
        );
        fs::write(&path, text).unwrap();
        path
    }

    fn doctor(&self, arguments: &[&str]) -> Run {
        let (file, url) = (self.server_file(""), self.server.url());
        let mut words = vec!["--config", file.to_str().unwrap(), "doctor", &url];
        words.extend(arguments);
        self.scene.run(&words).never_says(self.forge.token())
    }
}

fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// State and what was found, of each finding of a check.
fn found(run: &Run, check: &str) -> Vec<(String, String)> {
    let checkup: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(checkup["kind"], "Checkup");
    let findings = checkup["findings"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    findings
        .iter()
        .filter(|finding| finding["check"] == check)
        .map(|finding| (text(&finding["state"]), text(&finding["found"])))
        .collect()
}

#[track_caller]
fn is(run: &Run, check: &str, state: &str, words: &str) {
    let all = found(run, check);
    assert!(
        all.iter()
            .any(|(is, found)| is == state && found.contains(words)),
        "{check}: {all:?}\n{}",
        run.stdout
    );
}

/// A repository at this location, without a server file.
fn doctor_of(scene: &Scene, location: &str) -> Run {
    scene.run(&["doctor", location, "-o", "json"])
}

#[test]
fn where_all_is_well_nothing_is_to_be_done_and_nothing_is_written() {
    for kind in KINDS {
        let stage = Stage::new(kind);
        let before = stage.scene.state();
        let run = stage.doctor(&[]).exits(0);
        assert_eq!(run.stderr, "");
        // Gitea does not say what a token may do.
        let (token, told) = match kind {
            Kind::GitHub | Kind::GitLab => ("ok ", 0),
            Kind::Gitea | Kind::Forgejo => ("unknown ", 1),
        };
        let advice = run.stdout.split("what to do").nth(1).unwrap_or_default();
        assert_eq!(advice.trim().lines().count(), told, "{advice}");
        for (check, found) in [
            ("repository", "default branch main at"),
            ("push", "the server takes pushes of this login"),
            ("token", "of headwater-bot"),
            ("writing", "it may push branches"),
            (
                "registry",
                &format!("gives {HOST}/acme/web:1 without a login"),
            ),
            ("clock", ""),
        ] {
            let line = run.stdout.lines().find(|line| {
                let state = if check == "token" { token } else { "ok " };
                line.starts_with(state)
                    && line.contains(&format!(" {check} "))
                    && line.contains(found)
            });
            assert!(line.is_some(), "{check}\n{}", run.stdout);
        }
        assert_eq!(stage.scene.state(), before);
        assert_eq!(stage.forge.writes().len(), 0);
        assert_eq!(stage.forge.violations(), [""; 0]);
    }
}

#[test]
fn what_a_forge_does_not_allow_is_a_fault_with_its_cure() {
    for kind in KINDS {
        let stage = Stage::new(kind);
        stage.forge.model().may_write = false;
        let run = stage.doctor(&["-o", "json"]).exits(3);
        is(&run, "writing", "fault", "it may not push branches");

        let stage = Stage::new(kind);
        stage.forge.model().is_archived = true;
        let run = stage.doctor(&["-o", "json"]).exits(3);
        is(&run, "archived", "fault", "nothing can be written");

        let stage = Stage::new(kind);
        write_secret(&stage.scene.home().join("token"), "expired-t0ken");
        let run = stage.doctor(&["-o", "json"]).exits(3);
        is(&run, "forge", "fault", "refuses the token");
        // The same token is the login for Git.
        is(&run, "repository", "fault", "user name or the password");
        run.never_says("expired-t0ken");
    }
}

#[test]
fn a_token_is_to_have_its_scopes_and_no_more() {
    let stage = Stage::new(Kind::GitLab);
    stage.forge.model().scopes = vec!["read_api".to_owned()];
    let run = stage.doctor(&[]).exits(3).says("it lacks api");
    let advice = "token of gitlab acme/shop: use a project access token with the role Developer";
    run.says(advice);

    stage.forge.model().scopes = vec!["api".to_owned(), "sudo".to_owned()];
    let run = stage.doctor(&["-o", "json"]).exits(0);
    is(&run, "token", "warning", "more than is needed: sudo");
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    for (seconds, code, state) in [(-120, 0, "warning"), (900, 3, "fault")] {
        let kind = KINDS[0];
        let stage = Stage::new(kind);
        stage.forge.model().now += SignedDuration::from_secs(seconds);
        let run = stage.doctor(&["-o", "json"]).exits(code);
        let clocks = found(&run, "clock");
        // The registry's is right.
        assert!(clocks.iter().any(|(is, _)| is == "ok"), "{clocks:?}");
        assert!(clocks.iter().any(|(is, _)| is == state), "{clocks:?}");
    }
}

#[test]
fn a_protected_branch_takes_no_commits() {
    for kind in KINDS {
        let scene = web();
        let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments: [{name: dev, delivery: commit}]\n";
        scene.commit(&[("headwater.yaml", config)], "commit");
        let stage = Stage::with(scene, kind);
        let rule = Rule {
            approvals: 1,
            ..Rule::default()
        };
        stage.forge.model().protect("main", rule);
        let run = stage.doctor(&[]).exits(3);
        run.says("`delivery: commit` will be refused: protected, 1 approval")
            .says("set `delivery: pullRequest` for dev");
    }
}

#[test]
fn an_automerge_that_is_not_offered_is_named() {
    let scene = web();
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments: [{name: dev, automerge: true}]\n  pullRequests: {mergeMethod: squash}\n";
    scene.commit(&[("headwater.yaml", config)], "automerge");
    let kind = KINDS[0];
    let stage = Stage::with(scene, kind);
    let run = stage.doctor(&["-o", "json"]).exits(0);
    is(&run, "merge method", "ok", "`squash` is allowed");
    let merge = headwater::pull_request::MergeMethod::Merge;
    stage.forge.model().merge_methods = vec![merge];
    let run = stage.doctor(&["-o", "json"]).exits(3);
    is(&run, "merge method", "fault", "only merge is allowed");
}

#[test]
fn a_host_key_is_compared_and_shown() {
    let scene = web();
    let server = SshServer::start(&scene.origin);
    let none = scene.home().join("none");
    fs::write(&none, "").unwrap();
    let run = |known: &Path, arguments: &[&str]| {
        let url = server.url();
        let mut words = vec!["doctor", &url];
        words.extend(arguments);
        let mut command = scene.command(&words);
        command
            .env("HEADWATER_GIT_SSH_KEY", server.client_key())
            .env("HEADWATER_GIT_KNOWN_HOSTS", known);
        scene.ended(&command.output().unwrap())
    };
    let shown = format!("ssh-ed25519 {}", server.fingerprint());
    let line = fs::read_to_string(server.known_hosts()).unwrap();
    let line: Vec<&str> = line.split(' ').take(3).collect();
    let line = line.join(" ");

    let well = run(&server.known_hosts(), &["-o", "json"]).exits(0);
    is(&well, "host key", "ok", &format!("{shown}, as expected"));
    is(&well, "push", "ok", "takes pushes");

    let unknown = run(&none, &[]).exits(3);
    unknown
        .says(&format!(
            "it shows {shown}, and {} has none for it",
            none.display()
        ))
        .says(&format!("then add this line: {}", line.trim()));

    let changed = run(&server.changed_known_hosts(), &[]).exits(3);
    changed
        .says(&format!(
            "it shows {shown}, and expected is ssh-ed25519 SHA256:"
        ))
        .says("somebody may be in between");

    // The line that is shown is the line that helps.
    fs::write(&none, format!("{}\n", line.trim())).unwrap();
    run(&none, &[]).exits(0);
}

#[test]
fn a_login_that_may_only_read_is_named() {
    let scene = web();
    let extra = "if ($arg_service = git-receive-pack) { return 403; }";
    let setup = Setup {
        extra,
        ..Setup::default()
    };
    let server = HttpServer::with(&scene.origin, setup);
    let run = doctor_of(&scene, &server.url()).exits(3);
    is(&run, "repository", "ok", "main");
    is(&run, "push", "fault", "status 403");
}

#[test]
fn a_repository_that_is_not_there_is_named_and_the_rest_is_looked_at() {
    let scene = web();
    let run = scene.run(&[
        "doctor",
        "http://127.0.0.1:1/acme/shop.git",
        &scene.bare(),
        "-o",
        "json",
    ]);
    let run = run.exits(3);
    is(&run, "repository", "fault", "cannot be reached");
    is(&run, "repository", "ok", "default branch main");
}

#[test]
fn branches_that_are_missing_or_in_the_way_are_named() {
    let scene = web();
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments: [{name: dev, branch: env/dev}]\n";
    scene.commit(&[("headwater.yaml", config)], "a branch");
    scene.origin.git(&["branch", "headwater", "main"]);
    let run = scene.run(&["doctor", &scene.bare()]).exits(3);
    run.says("environment dev has no branch yet")
        .says("git push origin main:refs/heads/env/dev")
        .says("git branch -m headwater headwater-old");
    scene
        .origin
        .git(&["branch", "-m", "headwater", "headwater-old"]);
    scene.origin.git(&["branch", "env/dev", "main"]);
    scene.run(&["doctor", &scene.bare()]).exits(0);
}

#[test]
fn a_shallow_clone_and_a_broken_configuration_are_named() {
    let scene = web();
    scene.commit(&[("headwater.yaml", "kind: Confg\n")], "broken");
    let shallow = scene.origin.clone_with(&["--depth", "1"]);
    let run = doctor_of(&scene, &shallow.path().display().to_string()).exits(3);
    is(&run, "history", "fault", "it is shallow");
    is(&run, "headwater.yaml", "fault", "headwater.yaml:1:");
}

#[test]
fn each_registry_is_asked_for_what_is_followed_there() {
    let other = DockerRegistry::start();
    let scene = web();
    let elsewhere = stream("dev", "api", "1").replace(HOST, &other.host());
    let down = stream("dev", "down", "1").replace(HOST, "127.0.0.1:1");
    let files = [
        ("streams/api.yaml", &*elsewhere),
        ("streams/down.yaml", &down),
    ];
    scene.commit(&files, "more registries");
    let run = doctor_of(&scene, &scene.bare()).exits(3);
    is(&run, "registry", "ok", "gives");
    is(
        &run,
        "registry",
        "warning",
        "acme/api:1, asked without a login",
    );
    is(&run, "registry", "fault", "127.0.0.1:1/acme/down:1");

    let file = scene.home().join("config.yaml");
    let allowed = scene.registry.host();
    fs::write(&file, format!("registries: {{allow: [\"{allowed}\"]}}\n")).unwrap();
    let file = file.to_str().unwrap();
    let run = scene
        .run(&["--config", file, "doctor", &scene.bare(), "-o", "json"])
        .exits(3);
    is(&run, "registry", "fault", "acme/api:1");
    is(&run, "registry", "ok", "acme/web:1");
}

#[test]
fn files_of_the_server_file_are_looked_at() {
    let kind = KINDS[0];
    let stage = Stage::new(kind);
    let token = stage.scene.home().join("token");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    let run = stage.doctor(&[]).exits(0);
    run.says("everybody on this machine can read it")
        .says(&format!("chmod o-r {}", token.display()));

    let gone = stage.scene.home().join("gone");
    let more = format!("git: {{knownHosts: {}}}\n", gone.display());
    let file = stage.server_file(&more);
    let words = [
        "--config",
        file.to_str().unwrap(),
        "doctor",
        &stage.server.url(),
    ];
    stage
        .scene
        .run(&words)
        .exits(3)
        .says("`git.knownHosts` names it, and it cannot be read");
}

#[test]
fn the_signing_key_is_shown_by_its_fingerprint() {
    let scene = web();
    let key = scene.home().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "open sesame", "-f"])
        .arg(&key)
        .status()
        .unwrap();
    assert!(made.success());
    let listed = Command::new("ssh-keygen")
        .arg("-lf")
        .arg(&key)
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let fingerprint = listed.split(' ').nth(1).unwrap();
    let bare = scene.bare();
    let run = |passphrase: &str| {
        let mut command = scene.command(&["doctor", &bare, "-o", "json"]);
        command
            .env("HEADWATER_GIT_SIGNING_KEY", &key)
            .env("HEADWATER_GIT_SIGNING_PASSPHRASE", passphrase);
        scene.ended(&command.output().unwrap())
    };
    let well = run("open sesame").exits(0).never_says("open sesame");
    is(&well, "signing", "ok", fingerprint);
    let wrong = run("close sesame").exits(3).never_says("close sesame");
    is(&wrong, "signing", "fault", "the passphrase is wrong");
}

#[test]
fn outside_of_a_repository_those_of_the_server_file_are_looked_at() {
    let (shop, till) = (web(), web());
    let file = shop.home().join("server.yaml");
    let urls = [("shop", shop.bare()), ("till", till.bare())];
    let urls = urls.map(|(name, url)| format!("- {{name: {name}, url: {url}}}\n"));
    fs::write(&file, format!("repositories:\n{}", urls.concat())).unwrap();
    let config = file.to_string_lossy();
    let words = ["--config", &config, "doctor", "-o", "json"];
    let run = shop.run(&words);
    assert_eq!(found(&run, "repository").len(), 2, "{}", run.stdout);
    is(&run, "repository", "ok", "default branch main at");
    let mut command = shop.command(&words);
    let inside = command.current_dir(till.person.path()).output().unwrap();
    let inside = shop.ended(&inside);
    assert_eq!(found(&inside, "repository").len(), 1, "{}", inside.stdout);
}
