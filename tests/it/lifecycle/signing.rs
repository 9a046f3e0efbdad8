//! Commits signed with SSH keys, as Git itself verifies them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lifecycle::{FIRST_PINS, WEB, moved, web};
use crate::support::scene::{Run, Scene};

/// A key of ssh-keygen's.
fn key(scene: &Scene, kind: &[&str], passphrase: &str) -> PathBuf {
    let path = scene.home().join(format!("key-{}", kind.join("-")));
    let made = Command::new("ssh-keygen")
        .args(["-q", "-C", "bot", "-N", passphrase, "-t"])
        .args(kind)
        .arg("-f")
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    path
}

fn reconcile(scene: &Scene, key: &Path, passphrase: &str) -> Run {
    let bare = scene.bare();
    let mut command = scene.command(&["reconcile", &bare]);
    command
        .env("HEADWATER_GIT_SIGNING_KEY", key)
        .env("HEADWATER_GIT_SIGNING_PASSPHRASE", passphrase);
    scene.ended(&command.output().unwrap())
}

/// What `git verify-commit` says of a commit, when `key` alone may sign for the bot.
fn verify(scene: &Scene, commit: &str, key: &Path) -> bool {
    let allowed = scene.home().join("allowed");
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    std::fs::write(&allowed, format!("headwater@localhost {public}")).unwrap();
    let verified = Command::new("git")
        .arg("-C")
        .arg(scene.origin.path())
        .args(["-c", "gpg.format=ssh", "-c"])
        .arg(format!("gpg.ssh.allowedSignersFile={}", allowed.display()))
        .args(["verify-commit", commit])
        .output()
        .unwrap();
    verified.status.success()
}

#[test]
fn git_verifies_what_was_signed_and_the_next_pass_knows_it() {
    for (kind, passphrase) in [
        (&["ed25519"][..], ""),
        (&["ed25519"], "open sesame"),
        (&["ecdsa", "-b", "256"], ""),
        (&["ecdsa", "-b", "384"], ""),
    ] {
        let scene = web();
        let key = key(&scene, kind, passphrase);
        reconcile(&scene, &key, passphrase).exits(0);
        assert!(verify(&scene, FIRST_PINS, &key), "{kind:?}");
        let before = scene.state();
        reconcile(&scene, &key, passphrase)
            .exits(0)
            .says("nothing to do");
        // Whoever has no key knows the branch as the bot's all the same.
        scene.reconcile().exits(0).says("nothing to do");
        assert_eq!(scene.state(), before);
    }
}

#[test]
fn another_key_verifies_nothing() {
    let scene = web();
    let mine = key(&scene, &["ed25519"], "");
    let other = key(&scene, &["ecdsa"], "");
    reconcile(&scene, &mine, "").exits(0);
    assert!(!verify(&scene, FIRST_PINS, &other));
    // Nor is a commit signed where no key is given.
    scene.merge(FIRST_PINS);
    scene.image("acme/web", "1", "second");
    scene.reconcile().exits(0);
    assert!(!verify(&scene, WEB, &mine));
}

#[test]
fn the_server_file_names_the_key_for_closed_branches_and_commands_too() {
    let scene = moved();
    let key = key(&scene, &["ed25519"], "open sesame");
    let passphrase = scene.home().join("passphrase");
    std::fs::write(&passphrase, "open sesame\n").unwrap();
    let file = scene.home().join("server.yaml");
    let (key_path, passphrase) = (key.display(), passphrase.display());
    let signing = format!("{{sshKeyFile: {key_path}, passphraseFile: {passphrase}}}");
    std::fs::write(&file, format!("git: {{signing: {signing}}}\n")).unwrap();
    let config = file.to_str().unwrap();
    let bare = scene.bare();
    scene
        .run(&["--config", config, "pr", "close", WEB, &bare])
        .exits(0);
    assert!(verify(&scene, WEB, &key));
    let clone = scene.person.path().to_str().unwrap();
    scene
        .run(&[
            "--config",
            config,
            "-C",
            clone,
            "tag",
            "-n",
            "dev",
            "--pull-request",
            "web:1",
            "web:2",
        ])
        .exits(0);
    let branches = scene.person.git(&[
        "for-each-ref",
        "--format=%(objectname)",
        "refs/heads/headwater/",
    ]);
    let commit = branches.trim().to_owned();
    scene
        .person
        .git(&["push", "-q", "origin", &format!("{commit}:refs/heads/look")]);
    assert!(verify(&scene, &commit, &key));
}

#[test]
fn without_the_signature_nothing_is_committed() {
    let scene = web();
    let locked = key(&scene, &["ed25519"], "open sesame");
    let rsa = key(&scene, &["rsa"], "");
    let empty = scene.home().join("empty");
    std::fs::write(&empty, "").unwrap();
    let before = scene.state();
    for (key, passphrase, why) in [
        (&locked, "", "it has a passphrase, and none is given"),
        (&locked, "wrong", "the passphrase is wrong"),
        (&rsa, "", "ssh-keygen -t ed25519"),
        (&empty, "", "it is no private key in OpenSSH's form"),
        (&scene.home().join("none"), "", "No such file"),
    ] {
        reconcile(&scene, key, passphrase)
            .exits(2)
            .says("commits cannot be signed, so none is made")
            .says(&key.display().to_string())
            .says(why)
            .never_says("open sesame");
        assert_eq!(scene.state(), before, "{why}");
    }
}
