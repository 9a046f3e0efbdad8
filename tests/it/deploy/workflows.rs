//! The workflows and the action: what they run is fixed, and they may do no more than they must.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::deploy::{document, documents, extension, root, text};
use crate::tidy::files_below;

/// Of other people's repositories to copy: our own action by the release.
const EXAMPLES: [&str; 2] = [
    "examples/deploy/github/headwater.yml",
    "examples/deploy/forgejo/headwater.yml",
];

#[test]
fn every_action_is_pinned_to_a_commit_and_says_its_version() {
    let mut count = 0;
    for file in all() {
        for line in text(&file).lines() {
            let line = line.trim().trim_start_matches("- ");
            let Some(used) = line.strip_prefix("uses: ") else {
                continue;
            };
            count += 1;
            let ours = format!("headwater-dev/headwater@v{}", env!("CARGO_PKG_VERSION"));
            let is_example = EXAMPLES.contains(&file.as_str());
            if used.starts_with("./") || is_example && used.ends_with(&ours) {
                continue;
            }
            let (commit, version) = used
                .split_once('@')
                .and_then(|(_, rest)| rest.split_once(" # v"))
                .unwrap_or_else(|| panic!("{file}: {used}"));
            let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
            let is_version = version.split('.').count() == 3;
            assert!(is_commit && is_version, "{file}: {used}");
        }
    }
    assert!(count >= 15, "{count}");
}

#[test]
fn workflows_have_the_least_permissions() {
    for file in workflows() {
        let workflow = document(&file);
        let general = workflow["permissions"].as_object();
        let general = general.unwrap_or_else(|| panic!("{file}: no permissions"));
        let reads_only = general.values().all(|level| level == "read");
        assert!(reads_only, "{file}: {general:?}");
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            let own = job["permissions"].as_object();
            assert!(own.is_some() || !general.is_empty(), "{file}: {name}");
            let writes = own.is_some_and(|own| own.values().any(|level| level == "write"));
            let may_write = ["package", "reconcile"].contains(&name.as_str());
            assert!(!writes || may_write, "{file}: {name} may write");
            let is_bounded = job["timeout-minutes"].is_u64() || job["uses"].is_string();
            assert!(is_bounded, "{file}: {name} may run for six hours");
        }
    }
}

/// A pull request of a stranger runs nothing with our rights.
#[test]
fn no_workflow_trusts_a_stranger() {
    for file in workflows() {
        let workflow = document(&file);
        let events: BTreeSet<&String> = workflow["on"].as_object().unwrap().keys().collect();
        for event in events {
            let is_known = [
                "push",
                "pull_request",
                "workflow_call",
                "workflow_dispatch",
                "repository_dispatch",
                "schedule",
            ]
            .contains(&event.as_str());
            assert!(is_known, "{file}: {event}");
        }
    }
    for file in all() {
        for step in steps(&file) {
            // In a script's text an expression is code.
            if let Some(script) = step["run"].as_str() {
                let is_plain = !script.contains("${{");
                assert!(is_plain, "{file}: {script}");
            }
            let used = step["uses"].as_str().unwrap_or_default();
            if used.starts_with("actions/checkout@") {
                assert_eq!(step["with"]["persist-credentials"], false, "{file}");
            }
        }
    }
}

/// A release caches nothing, and its image is signed by the digest that was pushed.
#[test]
fn a_release_is_signed_by_what_it_is() {
    let file = ".github/workflows/release.yml";
    let steps = steps(file);
    let uses = |action: &str| {
        let is_it = |step: &&Value| step["uses"].as_str().is_some_and(|it| it.contains(action));
        steps.iter().filter(is_it).count()
    };
    assert_eq!(uses("actions/cache@"), 0);
    assert_eq!(uses("actions/attest-build-provenance@"), 2);
    let text = text(file);
    for line in [
        "cosign sign --yes --recursive \"$IMAGE@$DIGEST\"",
        "cosign sign-blob --yes --bundle dist/SHA256SUMS.sigstore.json dist/SHA256SUMS",
        "cargo install cargo-cyclonedx --locked --version ",
    ] {
        assert!(text.contains(line), "{line}");
    }
    let events = &document(file)["on"];
    assert_eq!(events.as_object().unwrap().len(), 1);
    assert!(events["push"]["tags"].is_array());
}

/// Every input is handed on as a variable, and every output comes from the script.
#[test]
fn the_action_hands_on_what_it_is_given() {
    let action = document("action.yml");
    let script = text(".github/action/run") + &text(".github/action/install");
    let handed: BTreeSet<String> = action["runs"]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|step| step["env"].as_object().unwrap().values())
        .map(|value| value.as_str().unwrap().to_owned())
        .collect();
    for name in action["inputs"].as_object().unwrap().keys() {
        assert!(
            handed.contains(&format!("${{{{ inputs.{name} }}}}")),
            "{name}"
        );
        assert!(script.contains(&format!("INPUT_{}", name.to_uppercase())));
    }
    for (name, output) in action["outputs"].as_object().unwrap() {
        assert_eq!(
            output["value"],
            format!("${{{{ steps.run.outputs.{name} }}}}")
        );
        assert!(script.contains(&format!("\noutput {name} ")), "{name}");
    }
}

/// What the action and the component fetch is what a release has.
#[test]
fn every_archive_that_is_fetched_is_built() {
    let release = document(".github/workflows/release.yml");
    let built: BTreeSet<String> = ["musl", "native"]
        .iter()
        .flat_map(|job| {
            let include = &release["jobs"][*job]["strategy"]["matrix"]["include"];
            include.as_array().unwrap().clone()
        })
        .map(|entry| entry["target"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(built.len(), 6);
    let fetched: BTreeSet<String> = text(".github/action/install")
        .split("target=")
        .skip(1)
        .map(|rest| rest.split(' ').next().unwrap().to_owned())
        .filter(|target| target.contains('-'))
        .collect();
    assert_eq!(fetched.len(), 4);
    assert!(fetched.is_subset(&built), "{fetched:?}");
    let component = text("examples/deploy/gitlab/templates/headwater.yml");
    let name = "name=\"headwater-$INPUT_VERSION-x86_64-unknown-linux-musl\"";
    assert!(component.contains(name));
    // The image takes the same two.
    let image = text(".github/release/image");
    for target in built.iter().filter(|target| target.contains("musl")) {
        assert!(image.contains(&format!("program-{target}/headwater")));
    }
}

/// The component's inputs are those that it uses.
#[test]
fn the_component_uses_its_inputs() {
    let file = "examples/deploy/gitlab/templates/headwater.yml";
    let [specification, _] = documents(file).try_into().unwrap();
    let text = text(file);
    let inputs = specification["spec"]["inputs"].as_object().unwrap();
    for name in inputs.keys() {
        assert!(text.contains(&format!("$[[ inputs.{name} ]]")), "{name}");
    }
    assert_eq!(text.matches("$[[ inputs.").count(), inputs.len());
}

fn workflows() -> Vec<String> {
    let mut files: Vec<String> = files_below(&root().join(".github/workflows"))
        .iter()
        .filter(|path| matches!(extension(path), "yml" | "yaml"))
        .map(|path| {
            path.strip_prefix(root())
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert!(files.len() >= 2, "{files:?}");
    files.push(EXAMPLES[0].to_owned());
    files
}

fn all() -> Vec<String> {
    let mut files = workflows();
    files.extend([EXAMPLES[1].to_owned(), "action.yml".to_owned()]);
    files
}

/// The steps of a workflow or an action.
fn steps(file: &str) -> Vec<Value> {
    let document = document(file);
    let jobs = document["jobs"].as_object();
    let of_jobs = jobs.into_iter().flat_map(|jobs| jobs.values());
    of_jobs
        .map(|job| &job["steps"])
        .chain([&document["runs"]["steps"]])
        .filter_map(Value::as_array)
        .flatten()
        .cloned()
        .collect()
}
