//! A release is packed and installed by the scripts that do it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::deploy::root;
use crate::tidy::files_below;

const TARGETS: [&str; 4] = [
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "x86_64-unknown-linux-musl",
];
/// Stands for the programs of all targets: what is packed is not what is tried here.
const PROGRAM: &str = "#!/bin/sh\necho \"the program $*\"\n";

/// The parts that the workflow's jobs build, and what is made of them.
struct Release {
    folder: TempDir,
}

impl Release {
    fn packed() -> Self {
        let release = Self {
            folder: TempDir::new().unwrap(),
        };
        for target in TARGETS {
            let program = release.path(&format!("parts/program-{target}/headwater"));
            fs::create_dir_all(program.parent().unwrap()).unwrap();
            fs::write(&program, PROGRAM).unwrap();
        }
        let sbom = release.path("parts/sbom/headwater.cdx.json");
        fs::create_dir_all(sbom.parent().unwrap()).unwrap();
        fs::write(sbom, "{}").unwrap();
        assert_success(&release.pack("dist", &format!("v{}", env!("CARGO_PKG_VERSION"))));
        release
    }

    fn pack(&self, dist: &str, tag: &str) -> Output {
        script(".github/release/pack", &self.path("home"))
            .args([self.path("parts"), self.path(dist)])
            .env("HEADWATER_WRITER", env!("CARGO_BIN_EXE_headwater"))
            .env("SOURCE_DATE_EPOCH", "1767323045")
            .env("GITHUB_REF_NAME", tag)
            .output()
            .unwrap()
    }

    /// Puts what was packed where releases are fetched from.
    fn published(self) -> Self {
        let place = self.path(&format!("releases/v{}", env!("CARGO_PKG_VERSION")));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::rename(self.path("dist"), place).unwrap();
        self
    }

    fn published_file(&self, name: &str) -> std::path::PathBuf {
        self.path(&format!("releases/v{}/{name}", env!("CARGO_PKG_VERSION")))
    }

    fn install(&self, version: &str, sha256: &str) -> Output {
        script(".github/action/install", &self.path("home"))
            .env("RUNNER_TEMP", self.path("runner"))
            .env("GITHUB_PATH", self.path("runner-path"))
            .env(
                "HEADWATER_RELEASES",
                format!("file://{}", self.path("releases").display()),
            )
            .env("INPUT_VERSION", version)
            .env("INPUT_SHA256", sha256)
            .output()
            .unwrap()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn a_release_has_everything_and_the_same_bytes_twice() {
    let release = Release::packed();
    let sums = fs::read_to_string(release.path("dist/SHA256SUMS")).unwrap();
    for target in TARGETS {
        let name = format!("headwater-{}-{target}.tar.gz", env!("CARGO_PKG_VERSION"));
        assert!(sums.contains(&name), "{sums}");
    }
    assert!(sums.contains("  headwater.cdx.json\n"));
    assert!(sums.contains("  headwater.schema.json\n"));
    assert_eq!(
        sums.lines().count(),
        files_below(&release.path("dist")).len() - 1
    );

    let archive = release.path(&format!(
        "dist/headwater-{}-x86_64-unknown-linux-musl.tar.gz",
        env!("CARGO_PKG_VERSION")
    ));
    let listed = Command::new("tar")
        .arg("-tvzf")
        .arg(archive)
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for name in [
        "/headwater\n",
        "/LICENSE\n",
        "/headwater.service\n",
        "/man/man1/headwater.1\n",
        "/man/man1/headwater-reconcile.1\n",
        "/completions/_headwater\n",
        "/completions/headwater.bash\n",
    ] {
        assert!(listed.contains(name), "{name} is not in\n{listed}");
    }
    assert!(
        listed.lines().all(|line| line.contains(" 0/0 ")),
        "{listed}"
    );

    let again = release.pack("again", &format!("v{}", env!("CARGO_PKG_VERSION")));
    assert_success(&again);
    let again = fs::read_to_string(release.path("again/SHA256SUMS")).unwrap();
    assert_eq!(sums, again);
}

#[test]
fn a_tag_that_is_not_the_crates_version_is_no_release() {
    let release = Release::packed();
    let output = release.pack("wrong", "v99.0.0");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("v99.0.0"));
    assert!(!release.path("wrong/SHA256SUMS").exists());
}

#[test]
fn what_is_installed_is_what_was_packed() {
    let release = Release::packed().published();
    let output = release.install(env!("CARGO_PKG_VERSION"), "");
    assert_success(&output);
    assert_eq!(output.stdout, b"the program version\n");
    let folder = fs::read_to_string(release.path("runner-path")).unwrap();
    let installed = Path::new(folder.trim_end());
    assert_eq!(
        fs::read_to_string(installed.join("headwater")).unwrap(),
        PROGRAM
    );
    let mode = fs::metadata(installed.join("headwater"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o755);
    // And nothing else of it.
    assert_eq!(files_below(installed).len(), 1);
}

#[test]
fn an_archive_that_is_not_the_one_that_was_meant_is_never_run() {
    let release = Release::packed().published();
    let version = env!("CARGO_PKG_VERSION");
    let refused = |output: Output, why: &str| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{said}");
        assert!(output.stdout.is_empty(), "the program ran");
        assert!(!release.path("runner-path").exists());
    };
    refused(release.install(version, &"0".repeat(64)), "it is not run");
    refused(release.install(version, "none"), "no checksum is known");
    refused(release.install("9.9.9", ""), "cannot fetch");
    for odd in ["", "../0.1.0", "0.1", "0.1.0/../../x", "0.1.0 x"] {
        refused(release.install(odd, ""), "the input version");
    }

    let sums = release.published_file("SHA256SUMS");
    let right = fs::read_to_string(&sums).unwrap();
    fs::write(&sums, right.replace("linux-musl", "linux-other")).unwrap();
    refused(release.install(version, ""), "no checksum is known");
    fs::write(&sums, right).unwrap();
    for target in TARGETS {
        let archive = release.published_file(&format!("headwater-{version}-{target}.tar.gz"));
        fs::write(archive, b"something else").unwrap();
    }
    refused(release.install(version, ""), "it is not run");
}

/// A script of ours, in an environment of its own.
fn script(file: &str, home: &Path) -> Command {
    let mut command = Command::new(root().join(file));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home);
    command
}

#[track_caller]
fn assert_success(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
