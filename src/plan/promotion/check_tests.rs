use std::sync::Arc;

use crate::environment::{Carry, EnvironmentName};
use crate::manifest;
use crate::plan::Action;
use crate::plan::due::{Move, Record};
use crate::plan::promotion::{CarriedConfiguration, Choice, Chosen, Promotion, fault};
use crate::plan::proposal::Proposal;
use crate::problem::Place;
use crate::snapshot::FileChange;
use crate::stream::{ImageStream, SourceTag, StreamTagName};

const OLD: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
const OTHER: &str = "sha256:3333333333333333333333333333333333333333333333333333333333333333";
const TIME: &str = "2026-01-02T03:04:05Z";

fn stream(name: &str, digest: &str) -> String {
    format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {{name: {name}, namespace: shop}}
spec:
  tags:
    - name: \"1\"
      from: {{kind: DockerImage, name: registry.example/acme/{name}:1}}
status:
  tags:
    - tag: \"1\"
      items:
        - {{created: \"{TIME}\", dockerImageReference: registry.example/acme/{name}@{digest}, image: {digest}}}
"
    )
}

fn pod(digest: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: shop}}
spec:
  containers:
    - image: registry.example/acme/web:1@{digest} # {{\"$imagestream\": \"shop/web:1\"}}
"
    )
}

fn streams(text: &str) -> Vec<ImageStream> {
    let facts = [(
        "web.yaml".parse().unwrap(),
        Arc::new(manifest::read_file(text.as_bytes())),
    )];
    let environment = crate::environment::Environment {
        name: from(),
        ..Default::default()
    };
    let all = std::slice::from_ref(&environment);
    manifest::assemble(&facts, &Default::default(), &environment, all).streams
}

fn from() -> EnvironmentName {
    "dev".parse().unwrap()
}

/// The source at [`NEW`].
fn choice(chosen: bool) -> Choice {
    let chosen = chosen.then(|| Chosen {
        commit: "0123456789012345678901234567890123456789".parse().unwrap(),
        entered: TIME.parse().unwrap(),
        streams: streams(&stream("web", NEW)),
        findings: Vec::new(),
    });
    Choice {
        from: from(),
        carry: Carry::Pins,
        wish: None,
        chosen,
        newer: None,
        next_change: None,
        now: Vec::new(),
        before: Vec::new(),
        lost: Vec::new(),
        configuration: CarriedConfiguration::default(),
        base: None,
        is_undecided: false,
    }
}

fn moved(name: &str, digest: &str) -> Move {
    let tag = StreamTagName::parse(&format!("shop/{name}:1"), "").unwrap();
    Move {
        place: Place {
            file: "web.yaml".parse().unwrap(),
            line: 1,
            column: 1,
        },
        image: format!("registry.example/acme/{name}:1@{digest}")
            .parse()
            .unwrap(),
        previous: None,
        record: Some(Record {
            stream: 0,
            before: Vec::new(),
            adopted: false,
            observed: None,
            is_other_source: false,
            whole: None,
        }),
        fields: Vec::new(),
        copy: None,
        promoted_from: Some(SourceTag {
            environment: from(),
            tag: tag.clone(),
        }),
        tag,
    }
}

/// What is wrong with a promotion of `shop/web:1` that writes these files.
fn fault_of(files: &[(&str, String, String)], choices: &[Choice]) -> Option<String> {
    let moves = vec![moved("web", NEW)];
    let promotion = Promotion::new(&choice(true), &moves, &[]).unwrap();
    let changes = files.iter().map(|(path, before, after)| FileChange {
        path: path.parse().unwrap(),
        before: Arc::from(before.as_bytes()),
        after: Arc::from(after.as_bytes()),
    });
    let proposal = Proposal {
        group: "from-dev".to_owned(),
        branch: None,
        moves,
        changes: changes.collect(),
        message: String::new(),
        action: Action::Commit,
        hold: None,
        creation: None,
        promotion: Some(Box::new(promotion)),
        merge: None,
        gates: Vec::new(),
        pull_request: None,
    };
    fault(&proposal, choices)
}

#[test]
fn the_sources_own_digest_is_right() {
    let files = [
        ("web.yaml", stream("web", OLD), stream("web", NEW)),
        ("pod.yaml", pod(OLD), pod(NEW)),
    ];
    assert_eq!(fault_of(&files, &[choice(true)]), None);
    // As new files too, as a merge brings them.
    let files = files.map(|(path, _, after)| (path, String::new(), after));
    assert_eq!(fault_of(&files, &[choice(true)]), None);
}

#[test]
fn a_status_with_another_digest_than_the_sources_is_a_fault() {
    let files = [("web.yaml", stream("web", OLD), stream("web", OTHER))];
    let told = fault_of(&files, &[choice(true)]).unwrap();
    assert!(told.starts_with("web.yaml: web:1 would get "), "{told}");
    assert!(told.contains(OTHER) && told.contains(NEW), "{told}");
}

#[test]
fn an_image_that_no_move_names_is_a_fault() {
    let files = [("api.yaml", stream("api", OLD), stream("api", NEW))];
    let told = fault_of(&files, &[choice(true)]).unwrap();
    assert!(told.contains("api:1 would gain an image"), "{told}");
    // What stands as it was is no gain.
    let files = [(
        "api.yaml",
        stream("api", OLD),
        format!("# more\n{}", stream("api", OLD)),
    )];
    assert_eq!(fault_of(&files, &[choice(true)]), None);
}

#[test]
fn a_field_with_another_digest_than_its_tags_is_a_fault() {
    let files = [
        ("web.yaml", stream("web", OLD), stream("web", NEW)),
        ("pod.yaml", pod(OLD), pod(OTHER)),
    ];
    let told = fault_of(&files, &[choice(true)]).unwrap();
    assert!(told.starts_with("pod.yaml: "), "{told}");
    assert!(told.contains("its tag is at"), "{told}");
    // Files in another order say the same.
    let turned = [files[1].clone(), files[0].clone()];
    assert_eq!(fault_of(&turned, &[choice(true)]), Some(told));
}

#[test]
fn without_a_commit_that_was_chosen_nothing_is_right() {
    let files = [("web.yaml", stream("web", OLD), stream("web", NEW))];
    for choices in [vec![], vec![choice(false)]] {
        let told = fault_of(&files, &choices).unwrap();
        assert_eq!(told, "no commit of dev was chosen");
    }
}
