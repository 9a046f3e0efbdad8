//! README's commands, run for real: their output is what stands there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use headwater::git::RemoteUrl;
use tempfile::TempDir;

use crate::support::registry::DockerRegistry;

/// In README the image stands where everybody would look for it.
const HOST: &str = "quay.io";

fn configuration() -> String {
    fs::read_to_string("docs/configuration.md").unwrap()
}

fn readme() -> String {
    fs::read_to_string("README.md").unwrap()
}

/// The fenced blocks of a language, in order.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// Runs one command line and gives what a terminal would show.
fn run(line: &str, folder: &Path, home: &Path) -> String {
    let mut words = line.split_whitespace();
    assert_eq!(words.next(), Some("headwater"), "{line}");
    let output = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .args(words)
        .env_clear()
        .env("HOME", home)
        .current_dir(folder)
        .output()
        .unwrap();
    let shown = [output.stdout, output.stderr].concat();
    String::from_utf8(shown).unwrap()
}

#[test]
fn the_demo_is_shown_as_it_is() {
    let golden = fs::read_to_string("tests/cases/demo.txt").unwrap();
    assert_eq!(
        blocks(&readme(), "console")[0],
        format!("$ headwater demo\n{golden}")
    );
}

#[test]
fn the_commands_print_what_stands_behind_them() {
    let registry = DockerRegistry::start();
    registry.push_image("acme/web", "1.8", "web 1.8");
    let (folder, home) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let text = readme();
    let shown = blocks(&text, "yaml");
    let mut manifests = shown.iter().filter(|it| it.contains("kind: ImageStream"));
    let manifest = manifests.next().unwrap().replace(HOST, &registry.host());
    fs::write(folder.path().join("web.yaml"), manifest).unwrap();

    let block = &blocks(&text, "console")[1];
    let mut real = String::new();
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let shown = run(command, folder.path(), home.path()).replace(&registry.host(), HOST);
            real.push_str(&format!("$ {command}\n{shown}"));
        }
    }
    if std::env::var_os("HEADWATER_BLESS").is_some() {
        fs::write("README.md", text.replace(block.as_str(), &real)).unwrap();
    } else {
        assert_eq!(*block, real);
    }
}

#[test]
fn the_configuration_shown_is_accepted() {
    let shown = &blocks(&configuration(), "yaml")[0];
    let (config, problems) = headwater::config::repository::read(shown.as_bytes());
    assert!(config.is_some() && problems.is_empty(), "{problems:?}");
}

/// The three environments of the picture.
#[test]
fn the_environments_shown_are_accepted() {
    let text = readme();
    let shown = blocks(&text, "yaml");
    let mut configurations = shown.iter().filter(|it| it.contains("kind: Config"));
    let shown = configurations.next().unwrap();
    let (config, problems) = headwater::config::repository::read(shown.as_bytes());
    assert!(problems.is_empty(), "{problems:?}");
    let names: Vec<String> = config
        .unwrap()
        .environments
        .iter()
        .map(|environment| environment.name.to_string())
        .collect();
    assert_eq!(names, ["dev", "staging", "prod"]);
}

/// Every field of the schema has its line, and every rule that is shown is one.
#[test]
fn the_reference_names_every_field_and_its_rules_are_rules() {
    let text = configuration();
    let schema = fs::read_to_string("schemas/headwater.schema.json").unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    for definition in ["ImportFields", "PinFields"] {
        let fields = &schema["definitions"][definition]["properties"];
        for field in fields.as_object().unwrap().keys() {
            assert!(text.contains(&format!("{field}:")), "{field} is not shown");
        }
    }
    let rules = blocks(&text, "yaml");
    let shown: Vec<&str> = rules
        .iter()
        .filter_map(|block| block.split("select: ").nth(1))
        .collect();
    assert_eq!(shown.len(), 2);
    for rule in shown {
        let rule: Vec<&str> = rule
            .lines()
            .map(|line| line.trim().trim_matches('"'))
            .filter(|line| *line != "|" && !line.starts_with("from:"))
            .collect();
        let rule = rule.join("\n");
        assert!(
            rule.parse::<headwater::selection::TagRule>().is_ok(),
            "{rule}"
        );
    }
}

#[test]
fn the_server_file_shown_is_accepted() {
    let home = TempDir::new().unwrap();
    let shown = run("headwater help server-file", home.path(), home.path());
    let name = "config.yaml".parse().unwrap();
    let (config, problems) = headwater::config::server::read(&name, shown.as_bytes());
    assert!(problems.is_empty(), "{problems:?}");
    let config = config.unwrap();
    assert_eq!(config.registries.hosts.len(), 2);
    assert_eq!(config.git.credentials.len(), 2);
    for credential in &config.git.credentials {
        let url: Result<RemoteUrl, _> = credential.url.parse();
        assert!(url.is_ok(), "{url:?}");
    }
}

/// Every variable that is shown is read, and every one that is read is shown.
#[test]
fn the_variables_shown_are_those_that_are_read() {
    let source = fs::read_to_string("src/cli/git_options.rs").unwrap();
    let read: BTreeSet<&str> = source
        .split('"')
        .filter(|text| text.starts_with("HEADWATER_"))
        .collect();
    let text = configuration();
    let shown: BTreeSet<&str> = text
        .split('`')
        .filter(|text| text.starts_with("HEADWATER_GIT_"))
        .collect();
    assert_eq!(shown, read);
}

/// Every command of the table is one, and every command is in the table.
#[test]
fn the_commands_are_those_of_the_help() {
    let home = TempDir::new().unwrap();
    let help = run("headwater --help", home.path(), home.path());
    let commands = help
        .split("Commands:\n")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next())
        .unwrap();
    let text = readme();
    let table = text
        .split("## Commands")
        .nth(1)
        .and_then(|rest| rest.split("## ").next())
        .unwrap();
    for command in commands
        .lines()
        .filter_map(|line| line.split_whitespace().next())
    {
        let is_named =
            table.contains(&format!("`{command}`")) || table.contains(&format!("`{command} "));
        assert!(
            is_named,
            "README's table of commands does not name `{command}`"
        );
    }
}
