//! The binary itself, as a shell sees it.

use std::io::Read;
use std::process::{Command, Output, Stdio};

fn headwater(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.args(words);
    for name in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "RUST_LOG",
        "HEADWATER_CONFIG",
    ] {
        command.env_remove(name);
    }
    command
}

fn output(words: &[&str]) -> Output {
    headwater(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn an_unknown_flag_is_a_usage_error_with_a_suggestion() {
    let output = output(&["version", "--outputt", "json"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("--output"), "{output:?}");
}

#[test]
fn an_unknown_command_is_a_usage_error_with_a_suggestion() {
    let output = output(&["versoin"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("'version'"), "{output:?}");
}

#[test]
fn the_version_is_data() {
    let output = output(&["version", "-o", "json"]);
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "");
    let version: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(version["apiVersion"], "headwater.dev/v1alpha1");
    assert_eq!(version["kind"], "Version");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn exit_codes_are_documented() {
    let output = output(&["help", "exit-codes"]);
    assert!(output.status.success());
    snapbox::assert_data_eq!(
        text(&output.stdout),
        snapbox::str![[r#"
Exit codes

    0  done, or nothing to do
    1  differences, with --exit-code; findings of `validate`
    2  the command line or a configuration is wrong; nothing was done
    3  part of the pass failed; the rest was done
    4  a registry, Git server or forge refused the credentials
    5  a registry, Git server or forge could not be reached, or not in time
  130  interrupted

Of several that apply, the gravest is given: 2, then 5, 4, 3, 1.

"#]]
    );
}

#[test]
fn colours_obey_flag_and_environment() {
    let colored = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        output.stderr.contains(&0x1b)
    };
    let wrong = ["-C", "/nowhere/at/all", "version"];
    assert!(!colored(&mut headwater(&wrong)));
    assert!(colored(headwater(&wrong).env("CLICOLOR_FORCE", "1")));
    assert!(!colored(
        headwater(&wrong)
            .env("CLICOLOR_FORCE", "1")
            .env("NO_COLOR", "1")
    ));
    assert!(colored(
        headwater(&wrong)
            .args(["--color", "always"])
            .env("NO_COLOR", "1")
    ));
    assert!(!colored(
        headwater(&wrong)
            .arg("--color=never")
            .env("CLICOLOR_FORCE", "1")
    ));
    assert!(colored(&mut headwater(&["--color=always", "--nonsense"])));
    assert!(!colored(&mut headwater(&["--color=never", "--nonsense"])));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child = headwater(&["completion", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(stderr, "");
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = text(&output(&["completion", shell]).stdout);
        for command in ["completion", "describe", "migrate", "reconcile"] {
            assert!(script.contains(command), "{shell} {command}");
        }
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let output = output(&["-C", "/nowhere/at/all", "version"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert!(
        stderr.starts_with("error: -C /nowhere/at/all: No such file"),
        "{stderr}"
    );
}

#[test]
fn a_plan_of_nothing_says_how_to_begin() {
    let folder = tempfile::tempdir().unwrap();
    let output = output(&["-C", folder.path().to_str().unwrap(), "plan"]);
    assert!(output.status.success());
    assert!(text(&output.stdout).ends_with("nothing to do\n"));
    assert!(
        text(&output.stderr).contains("headwater init"),
        "{output:?}"
    );
}
