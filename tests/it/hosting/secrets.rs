//! Secrets stay where the operator put them.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::hosting::Hosted;
use crate::support::forge::{Interruption, Moment, What};

const MARKER_KEY: &str = "m4rker-key-of-the-operator";

/// A secret as it might be written somewhere.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut forms = vec![secret.to_owned(), hex, percent];
    for user in ["", "oauth2:", "x-access-token:", "git:"] {
        let text = format!("{user}{secret}");
        forms.push(STANDARD.encode(&text));
        forms.push(URL_SAFE_NO_PAD.encode(&text));
    }
    forms.into_iter().map(String::into_bytes).collect()
}

fn holds_text(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    forms(secret).iter().any(|form| holds_text(bytes, form))
}

/// All files below a folder.
fn files(folder: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push((
                path.display().to_string(),
                fs::read(&path).unwrap_or_default(),
            ));
        }
    }
}

/// What others on this machine can see of a process and of what it started.
fn visible(process: &str) -> Vec<u8> {
    let folder = format!("/proc/{process}");
    let read = |name: &str| fs::read(format!("{folder}/{name}")).unwrap_or_default();
    let mut seen = [read("cmdline"), read("environ")].concat();
    let children = read(&format!("task/{process}/children"));
    for child in String::from_utf8_lossy(&children).split_whitespace() {
        seen.extend(visible(child));
    }
    seen
}

/// A pass, with what it said and what could be seen of it while it wrote to the forge.
fn watched(hosted: &Arc<Hosted>) -> Vec<u8> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (all, home) = (Arc::clone(&seen), hosted.scene.home().to_owned());
    let look = move || {
        let process = fs::read_to_string(home.join("process")).unwrap();
        all.lock().unwrap().extend(visible(process.trim()));
        true
    };
    hosted.forge.interrupt(Some(Interruption {
        spares: 0,
        what: What::Act(Moment::Before, Box::new(look)),
    }));
    let arguments = ["reconcile", "-vv", &hosted.git.url()];
    let output = hosted.numbered(&arguments).output().unwrap();
    hosted.forge.interrupt(None);
    let mut seen = seen.lock().unwrap().clone();
    seen.extend([output.stdout, output.stderr].concat());
    seen
}

/// Everything that a pass has written somewhere.
fn written(hosted: &Hosted) -> Vec<(String, Vec<u8>)> {
    let mut written = Vec::new();
    files(&hosted.scene.home().join("cache"), &mut written);
    let origin = &hosted.scene.origin;
    let objects = origin.git(&["cat-file", "--batch-all-objects", "--batch", "--buffer"]);
    written.push(("objects".to_owned(), objects.into_bytes()));
    for seen in hosted.forge.requests() {
        let text = format!("{} {}", seen.path, seen.body);
        written.push((format!("{} {}", seen.method, seen.path), text.into_bytes()));
    }
    for request in hosted.git.requests() {
        written.push(("access log".to_owned(), request.into_bytes()));
    }
    written
}

fn assert_nowhere(hosted: &Hosted, seen: &[u8], secrets: &[&str]) {
    for secret in secrets {
        let shown = String::from_utf8_lossy(seen);
        assert!(!holds(seen, secret), "{secret} in {shown}");
        for (name, content) in written(hosted) {
            assert!(!holds(&content, secret), "{secret} in {name}");
        }
    }
}

#[test]
fn a_token_and_a_marker_key_are_shown_nowhere() {
    let hosted = Arc::new(Hosted::moved());
    let key = hosted.scene.home().join("key");
    fs::write(&key, MARKER_KEY).unwrap();
    hosted.write_server_file(&format!("  markerKeyFile: {}\n", key.display()));
    let mut seen = watched(&hosted);
    assert!(hosted.is_open(2));
    // Its command line is among what was seen.
    assert!(holds_text(&seen, b"reconcile\0-vv\0"));
    hosted.scene.image("acme/web", "1", "third");
    seen.extend(watched(&hosted));
    hosted.take_over();
    seen.extend(watched(&hosted));
    assert_eq!(hosted.remarks(2).len(), 1);
    hosted.forge.model().tick(2, "Rebuild this pull request");
    hosted.scene.image("acme/web", "1", "fourth");
    hosted.forge.fail_next(
        "PATCH",
        "/pulls/2",
        crate::support::forge::Failure::Status(422),
    );
    seen.extend(watched(&hosted));
    hosted.scene.image("acme/web", "1", "first");
    seen.extend(watched(&hosted));
    assert_eq!(hosted.open(), [0; 0]);
    hosted.forge.model().token = "another".to_owned();
    seen.extend(watched(&hosted));
    assert!(String::from_utf8_lossy(&seen).contains("refuses the token"));
    assert_nowhere(&hosted, &seen, &[hosted.forge.token(), MARKER_KEY]);
}

#[test]
fn an_apps_key_and_its_tokens_are_shown_nowhere() {
    let hosted = Arc::new(Hosted::with_app());
    let seen = watched(&hosted);
    assert!(hosted.is_open(1));
    let key = fs::read_to_string(hosted.app_key()).unwrap();
    let line = key.lines().nth(3).unwrap();
    let tokens = hosted.forge.model().app.clone().unwrap().tokens;
    let mut secrets: Vec<&str> = tokens.iter().map(|(token, _)| token.as_str()).collect();
    secrets.push(line);
    assert_nowhere(&hosted, &seen, &secrets);
}
