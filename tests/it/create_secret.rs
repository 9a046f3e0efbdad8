//! `create secret docker-registry`: a login for a namespace's streams, never in Git.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

const CANARY: &str = "canary-secret";

/// An operator's machine: a server file, a folder for pull secrets, and a folder to work in.
struct Machine {
    root: TempDir,
}

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Machine {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let text = format!(
            "pullSecrets: {{folder: {}}}\n",
            root.path().join("secrets").display()
        );
        fs::write(root.path().join("config.yaml"), text).unwrap();
        fs::create_dir(root.path().join("work")).unwrap();
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn run(&self, words: &[&str], input: &str) -> Ended {
        let config = self.path("config.yaml").display().to_string();
        let words = [words, &["--config", &config]].concat();
        run(&self.path("work"), &words, input)
    }
}

fn run(folder: &Path, words: &[&str], input: &str) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .args(["create", "secret", "docker-registry"])
        .args(words)
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may have ended before.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The logins that a manifest holds.
fn logins(manifest: &str) -> Value {
    let manifest: Value = serde_yaml::from_str(manifest).unwrap();
    assert_eq!(manifest["type"], "kubernetes.io/dockerconfigjson");
    assert_eq!(
        (&manifest["apiVersion"], &manifest["kind"]),
        (&json!("v1"), &json!("Secret"))
    );
    let data = manifest["data"][".dockerconfigjson"].as_str().unwrap();
    serde_json::from_slice(&STANDARD.decode(data).unwrap()).unwrap()
}

#[test]
fn a_pull_secret_is_written_for_its_owner_only_and_never_overwritten() {
    let machine = Machine::new();
    let words = [
        "quay",
        "-n",
        "app-dev",
        "--docker-server=quay.io",
        "--docker-username=robot",
        "--docker-password-stdin",
        "--docker-email=r@acme.example",
    ];
    let ended = machine.run(&words, &format!("{CANARY}\n"));
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, "secret/quay created\n"),
        "{}",
        ended.stderr
    );
    let path = machine.path("secrets/app-dev/quay.yaml");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let folder = fs::metadata(path.parent().unwrap()).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    let manifest = fs::read_to_string(&path).unwrap();
    assert!(
        manifest.contains("  name: quay\n  namespace: app-dev\n"),
        "{manifest}"
    );
    assert_eq!(
        logins(&manifest)["auths"]["quay.io"],
        json!({
            "username": "robot",
            "password": CANARY,
            "email": "r@acme.example",
            "auth": STANDARD.encode(format!("robot:{CANARY}")),
        })
    );
    let again = machine.run(&words, "another");
    assert_eq!((again.code, again.stdout.as_str()), (3, ""));
    let expected = "error: failed to create secret secrets \"quay\" already exists\n";
    assert!(again.stderr.starts_with(expected), "{}", again.stderr);
    assert_eq!(fs::read_to_string(&path).unwrap(), manifest);
    // Nothing but the secret is left.
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_password_comes_from_a_file_the_input_or_the_line() {
    let machine = Machine::new();
    fs::write(machine.path("work/password"), format!("{CANARY}\r\n")).unwrap();
    for (name, password) in [
        ("a", "--docker-password=canary-secret"),
        ("b", "--docker-password-file=password"),
        ("c", "--docker-password-stdin"),
    ] {
        let ended = machine.run(&[name, "--docker-username=robot", password], CANARY);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let path = machine.path(&format!("secrets/default/{name}.yaml"));
        let logins = logins(&fs::read_to_string(path).unwrap());
        let login = &logins["auths"]["https://index.docker.io/v1/"];
        assert_eq!(login["password"], CANARY, "{name}");
    }
    let both = [
        "d",
        "--docker-username=r",
        "--docker-password=x",
        "--docker-password-stdin",
    ];
    assert_eq!(machine.run(&both, "").code, 2);
    for words in [
        &["e"][..],
        &["e", "--docker-username=robot"],
        &["e", "--docker-password=x"],
    ] {
        let ended = machine.run(words, "");
        assert_eq!(ended.code, 2);
        assert!(
            ended.stderr.contains(
                "error: either --from-file or the combination of --docker-username, \
                 --docker-password and --docker-server is required"
            ),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_file_of_logins_is_taken_as_it_is() {
    let machine = Machine::new();
    let auth = json!({"auths": {"quay.io": {"auth": STANDARD.encode("a:b")}}});
    fs::write(machine.path("work/auth.json"), auth.to_string()).unwrap();
    fs::write(
        machine.path("work/other.json"),
        format!("{{\"password\": \"{CANARY}\"}}"),
    )
    .unwrap();
    for (name, source) in [("a", "auth.json"), ("b", ".dockerconfigjson=auth.json")] {
        let ended = machine.run(&[name, "-n", "app", &format!("--from-file={source}")], "");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let path = machine.path(&format!("secrets/app/{name}.yaml"));
        assert_eq!(logins(&fs::read_to_string(path).unwrap()), auth);
    }
    for (source, reason) in [
        ("other.json", "it holds no logins for registries"),
        ("absent.json", "No such file"),
        (
            "config.json=auth.json",
            "has the key .dockerconfigjson, not `config.json`",
        ),
    ] {
        let ended = machine.run(&["c", &format!("--from-file={source}")], "");
        assert_eq!(ended.code, 2, "{source}");
        assert!(ended.stderr.contains(reason), "{source}: {}", ended.stderr);
        assert!(!ended.stderr.contains(CANARY), "{}", ended.stderr);
    }
}

#[test]
fn a_dry_run_prints_the_manifest_and_writes_nothing() {
    let machine = Machine::new();
    let login = [
        "quay",
        "--docker-username=robot",
        "--docker-password=x",
        "-n",
        "app",
    ];
    for dry_run in ["--dry-run=client", "--dry-run"] {
        let ended = machine.run(&[&login[..], &[dry_run]].concat(), "");
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (0, "secret/quay created (dry run)\n")
        );
    }
    let yaml = machine.run(
        &[&login[..], &["--dry-run=client", "-o", "yaml"]].concat(),
        "",
    );
    assert_eq!(
        yaml.stdout,
        "apiVersion: v1\ndata:\n  .dockerconfigjson: \
         eyJhdXRocyI6eyJodHRwczovL2luZGV4LmRvY2tlci5pby92MS8iOnsidXNlcm5hbWUiOiJyb2JvdCIsInBhc3N3b3JkIjoieCIsImF1dGgiOiJjbTlpYjNRNmVBPT0ifX19\n\
         kind: Secret\nmetadata:\n  name: quay\n  namespace: app\ntype: kubernetes.io/dockerconfigjson\n"
    );
    let json = machine.run(
        &[&login[..], &["--dry-run=client", "-o", "json"]].concat(),
        "",
    );
    assert_eq!(logins(&json.stdout), logins(&yaml.stdout));
    assert!(!machine.path("secrets").exists());
    // No server file is needed for that.
    let words = [&login[..], &["--dry-run=client", "-o", "name"]].concat();
    let ended = run(&machine.path("work"), &words, "");
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "secret/quay\n"));
}

#[test]
fn without_a_folder_the_line_for_the_server_file_is_named() {
    let folder = TempDir::new().unwrap();
    let words = ["quay", "--docker-username=robot", "--docker-password-stdin"];
    let ended = run(folder.path(), &words, CANARY);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    let line = "`pullSecrets: {folder: /etc/headwater/pull-secrets}`";
    assert!(ended.stderr.contains(line), "{}", ended.stderr);
}

#[test]
fn a_secret_is_never_written_into_a_git_repository() {
    let machine = Machine::new();
    fs::create_dir_all(machine.path("repository/.git")).unwrap();
    fs::create_dir_all(machine.path("repository/inside")).unwrap();
    symlink("repository/inside", machine.path("link")).unwrap();
    let login = [
        "quay",
        "-n",
        "app",
        "--docker-username=robot",
        "--docker-password=x",
    ];
    for folder in [
        "repository/secrets",
        "repository",
        "link",
        "absent/../repository/secrets",
    ] {
        let text = format!(
            "pullSecrets: {{folder: {}}}\n",
            machine.path(folder).display()
        );
        fs::write(machine.path("config.yaml"), text).unwrap();
        let ended = machine.run(&login, "");
        assert_eq!(ended.code, 2, "{folder}: {}", ended.stdout);
        assert!(
            ended.stderr.contains("a secret never stands in Git"),
            "{}",
            ended.stderr
        );
    }
    // A work tree of its own, whose `.git` is a file; named from inside.
    fs::create_dir_all(machine.path("linked/work")).unwrap();
    fs::write(machine.path("linked/.git"), "gitdir: elsewhere\n").unwrap();
    fs::write(
        machine.path("config.yaml"),
        "pullSecrets: {folder: secrets}\n",
    )
    .unwrap();
    let config = machine.path("config.yaml").display().to_string();
    let words = [&login[..], &["--config", &config]].concat();
    assert_eq!(run(&machine.path("linked/work"), &words, "").code, 2);
    let written = ["repository", "linked"].map(|name| files(&machine.path(name)));
    assert!(
        written
            .iter()
            .flatten()
            .all(|path| !path.ends_with("quay.yaml")),
        "{written:?}"
    );
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let items = fs::read_dir(folder)
        .unwrap()
        .map(|item| item.unwrap().path());
    items
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn a_name_leads_nowhere_else() {
    let machine = Machine::new();
    let login = ["--docker-username=robot", "--docker-password=x"];
    for words in [
        &["../quay"][..],
        &["quay", "-n", ".."],
        &["quay", "-n", "a/b"],
        &["Quay"],
    ] {
        let ended = machine.run(&[words, &login].concat(), "");
        assert_eq!(ended.code, 2, "{words:?}");
        assert!(ended.stderr.contains("is no name"), "{}", ended.stderr);
    }
    assert!(!machine.path("secrets").exists());
}
