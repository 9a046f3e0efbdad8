//! The GitHub Action's script, on a real pass: outputs, annotations, summary, exit code.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::hosting::Hosted;
use crate::lifecycle::web;
use crate::support::forge::Kind;

/// What a job of a forge gives to a step, and what the step left there.
struct Job {
    folder: TempDir,
}

struct Step {
    code: i32,
    log: String,
    outputs: String,
    summary: String,
}

impl Job {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    fn run(&self, inputs: &[(&str, &str)]) -> Step {
        let file = |name: &str| self.folder.path().join(name);
        for name in ["outputs", "summary"] {
            fs::write(file(name), "").unwrap();
        }
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_headwater"));
        let path = std::env::var("PATH").unwrap();
        let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.github/action/run"))
            .env_clear()
            .env(
                "PATH",
                format!("{}:{path}", program.parent().unwrap().display()),
            )
            .env("HOME", self.folder.path())
            .env("RUNNER_TEMP", self.folder.path())
            .env("GITHUB_OUTPUT", file("outputs"))
            .env("GITHUB_STEP_SUMMARY", file("summary"))
            .env("GITHUB_SERVER_URL", "https://github.com")
            .env("INPUT_CONFIG", "")
            .env("INPUT_FORGE", "github")
            .env("INPUT_TOKEN", "a token")
            .envs(inputs.iter().copied())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let read = |name: &str| fs::read_to_string(file(name)).unwrap();
        Step {
            code: output.status.code().unwrap(),
            log: String::from_utf8([output.stdout, output.stderr].concat()).unwrap(),
            outputs: read("outputs"),
            summary: read("summary"),
        }
    }
}

impl Step {
    /// The lines of one output: `name<<MARK`, its lines, `MARK`.
    fn output(&self, name: &str) -> Vec<String> {
        let mut lines = self.outputs.lines();
        let head = lines.find_map(|line| line.strip_prefix(&format!("{name}<<")));
        let mark = head.unwrap_or_else(|| panic!("no {name} in {}", self.outputs));
        let lines = lines.take_while(|line| *line != mark);
        lines.map(str::to_owned).collect()
    }
}

#[test]
fn the_action_opens_a_pull_request_and_says_which() {
    let hosted = Hosted::new(Kind::Gitea, web());
    let config = hosted.server_file().to_string_lossy().into_owned();
    let command = format!("reconcile {}", hosted.git.url());
    let token = hosted.forge.token();
    let inputs = [
        ("INPUT_COMMAND", command.as_str()),
        ("INPUT_CONFIG", config.as_str()),
        ("INPUT_TOKEN", token),
    ];
    let job = Job::new();
    let step = job.run(&inputs);
    assert_eq!(step.code, 0, "{}", step.log);
    assert_eq!(step.output("changed"), ["true"]);
    let urls = step.output("pr-urls");
    assert_eq!(urls.len(), 1, "{urls:?}");
    assert!(
        urls[0].starts_with("http") && urls[0].ends_with("/pulls/1"),
        "{urls:?}"
    );
    let plan = fs::read_to_string(&step.output("plan-json")[0]).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["environments"][0]["proposals"][0]["action"], "create");
    assert!(step.log.contains("opened pull request #1"));
    assert!(step.summary.contains("    opened pull request #1"));
    for text in [&step.log, &step.outputs, &step.summary] {
        assert!(!text.contains(token));
    }
    // The token's file does not outlive the step.
    assert!(!job.folder.path().join("headwater/token").exists());

    let step = job.run(&inputs);
    assert_eq!(step.output("changed"), ["false"], "{}", step.log);
    assert_eq!(step.output("pr-urls"), urls);
}

#[test]
fn a_plan_says_whether_something_is_to_be_done_and_writes_nothing() {
    let hosted = Hosted::new(Kind::Gitea, web());
    let config = hosted.server_file().to_string_lossy().into_owned();
    let command = format!("plan {}", hosted.git.url());
    let inputs = [
        ("INPUT_COMMAND", command.as_str()),
        ("INPUT_CONFIG", &config),
    ];
    let step = Job::new().run(&inputs);
    assert_eq!(step.code, 0, "{}", step.log);
    assert_eq!(step.output("changed"), ["true"]);
    assert_eq!(step.output("pr-urls"), [""]);
    assert!(hosted.scene.bot_branches().is_empty());
}

#[test]
fn findings_become_annotations_and_strangers_words_do_not() {
    let job = Job::new();
    let manifests = job.folder.path().join("manifests");
    fs::create_dir(&manifests).unwrap();
    // The name is a stranger's, who would like to speak to the runner.
    let text = "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {name: \"::error::50% off\"}
";
    fs::write(manifests.join("a,b.yaml"), text).unwrap();
    let step = job.run(&[("INPUT_COMMAND", "validate manifests")]);
    assert_eq!(step.code, 1, "{}", step.log);
    let lines: Vec<&str> = step.log.lines().collect();
    let mark = lines[0].strip_prefix("::stop-commands::").unwrap();
    assert!(mark.len() >= 16);
    let end = lines.iter().position(|line| *line == format!("::{mark}::"));
    let annotations = &lines[end.unwrap() + 1..];
    assert_eq!(annotations.len(), 1, "{annotations:?}");
    let wanted = "::error file=a%2Cb.yaml,line=3,col=";
    assert!(annotations[0].starts_with(wanted), "{annotations:?}");
    assert!(annotations[0].contains("50%25 off"), "{annotations:?}");
    assert_eq!(step.output("changed"), ["false"]);
    assert_eq!(step.output("plan-json"), [""]);
}

#[test]
fn no_shell_reads_the_command_and_a_wrong_forge_is_said() {
    let job = Job::new();
    for command in [
        "version $(touch made)",
        "version `touch made`",
        "version ; touch made",
        "version && touch made",
        "version > made",
    ] {
        let step = job.run(&[("INPUT_COMMAND", command)]);
        assert_eq!(step.code, 2, "{}", step.log);
        assert!(!job.folder.path().join("made").exists(), "{command}");
    }
    let step = job.run(&[("INPUT_COMMAND", "validate"), ("INPUT_FORGE", "cvs")]);
    assert_eq!(step.code, 2, "{}", step.log);
    assert!(step.log.contains("\n::error"), "{}", step.log);
}
