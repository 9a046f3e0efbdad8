//! docs/webhooks.md names every sender, answer, type and field, and its lines work.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use headwater::config::events::EventType;
use headwater::config::hooks::HookKind;
use headwater::config::server;
use headwater::serve::event::{Event, cloud_event};

use crate::serve_hooks::Listening;

fn page() -> String {
    fs::read_to_string("docs/webhooks.md").unwrap()
}

/// The fenced blocks of a language, in order.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let fence = format!("```{language}\n");
    let rest = text.split(&*fence).skip(1);
    rest.map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The hook of each kind as the lines name it.
fn name(kind: HookKind) -> String {
    match kind {
        HookKind::DockerHub => "hub".to_owned(),
        HookKind::Distribution => "images".to_owned(),
        HookKind::GitLabRegistry => "gitlab-registry".to_owned(),
        HookKind::Generic => "own".to_owned(),
        kind => kind.name().to_ascii_lowercase(),
    }
}

#[test]
fn every_line_to_try_a_hook_out_works() {
    let names = HookKind::ALL.map(|kind| (name(kind), kind));
    let hooks = names.each_ref().map(|(name, kind)| (name.as_str(), *kind));
    let listening = Listening::start(&hooks);
    let page = page();
    let shown = blocks(&page, "sh");
    let setup = format!(
        "HOOKS=http://{} SECRET={}\n{}",
        listening.address,
        listening.secret_file().display(),
        shown[0].lines().nth(1).unwrap()
    );
    for kind in HookKind::ALL {
        let heading = format!("\n### {}\n", kind.name());
        let section = page.split(&heading).nth(1).unwrap();
        let section = section.split("\n##").next().unwrap();
        let line = blocks(section, "sh")[0];
        let output = Command::new("sh")
            .args(["-euc", &format!("{setup}\n{line}")])
            .env("no_proxy", "*")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            text,
            "taken\n",
            "{kind:?}: {:?}",
            String::from_utf8(output.stderr)
        );
        let (told, hints) = listening.heard().pop().unwrap();
        assert_eq!(told, name(kind));
        assert!(!hints.is_empty());
    }
}

#[test]
fn the_settings_shown_are_accepted() {
    for text in blocks(&page(), "yaml") {
        if text.starts_with("notifications:") {
            continue;
        }
        let (config, problems) = server::read(&"config.yaml".parse().unwrap(), text.as_bytes());
        assert!(config.is_some() && problems.is_empty(), "{problems:?}");
    }
}

#[test]
fn every_type_and_field_of_an_event_is_shown() {
    let page = page();
    for kind in EventType::ALL {
        let some = || Some("x".to_owned());
        let event = Event {
            environment: some(),
            stream_tag: some(),
            digest: some(),
            previous_digest: some(),
            commit: some(),
            branch: some(),
            pull_request: Some("https://forge.example/1".to_owned()),
            reason: some(),
            ..Event::new(
                kind,
                "/srv/git/a.git".parse().unwrap(),
                "a",
                "2026-11-28T12:00:00Z".parse().unwrap(),
            )
        };
        let body = cloud_event(&event).body;
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let row = format!(
            "| `{}` | `{}` |",
            kind.name(),
            body["type"].as_str().unwrap()
        );
        assert!(page.contains(&row), "{row}");
        let fields: BTreeSet<&String> = body["data"].as_object().unwrap().keys().collect();
        assert_eq!(fields.len(), 9);
        for field in fields {
            assert!(page.contains(&format!("`{field}`")), "{field}");
        }
    }
}
