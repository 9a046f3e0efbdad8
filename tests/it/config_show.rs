//! `config show`: what is in force, and where it comes from.

use std::fs;
use std::process::{Command, Output};

use snapbox::{assert_data_eq, str};
use tempfile::TempDir;

/// A home with a server file, and the binary in it with nothing but these variables.
struct Home(TempDir);

impl Home {
    fn new(file: &str) -> Self {
        let home = TempDir::new().unwrap();
        fs::write(home.path().join("server.yaml"), file).unwrap();
        Self(home)
    }

    fn run(&self, words: &[&str], variables: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_headwater"))
            .args(words)
            .env_clear()
            .env("HOME", self.0.path())
            .envs(variables.iter().copied())
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }

    #[track_caller]
    fn shows(&self, words: &[&str], variables: &[(&str, &str)]) -> String {
        let output = self.run(words, variables);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is said on stderr by a command that ends with 2.
    #[track_caller]
    fn refuses(&self, words: &[&str], variables: &[(&str, &str)]) -> String {
        let output = self.run(words, variables);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let home = format!("{}/", self.0.path().canonicalize().unwrap().display());
        String::from_utf8(output.stderr).unwrap().replace(&home, "")
    }
}

const FILE: &str = "\
registries:
  hosts:
    - host: registry.example:5000
      credentialsFile: /run/secrets/registries.json
serve:
  interval: 5m
  status: {listen: \"127.0.0.1:8081\"}
events:
  - url: https://chat.example/services/T0/B0/very-secret
    secretFile: /run/secrets/out
    types: [failed]
";

const VARIABLES: [(&str, &str); 3] = [
    ("HEADWATER_SERVE__STATUS__LISTEN", "127.0.0.1:9999"),
    ("HEADWATER_REGISTRIES__HOSTS__0__PERMINUTE", "60"),
    ("HEADWATER_LOG_FORMAT", "json"),
];

#[test]
fn each_value_stands_behind_its_origin() {
    let home = Home::new(FILE);
    let words = ["config", "show", "--origin", "--config", "server.yaml"];
    assert_data_eq!(
        home.shows(&words, &VARIABLES),
        str![[r#"
flag                                                --config=server.yaml
variable HEADWATER_LOG_FORMAT                       --log-format=json
server.yaml:3:13                                    registries.hosts[0].host=registry.example:5000
default                                             registries.hosts[0].insecure=false
server.yaml:4:24                                    registries.hosts[0].credentialsFile=/run/secrets/registries.json
variable HEADWATER_REGISTRIES__HOSTS__0__PERMINUTE  registries.hosts[0].perMinute=60
default                                             access.enforce=false
server.yaml:6:13                                    serve.interval=5m
default                                             serve.concurrency=4
variable HEADWATER_SERVE__STATUS__LISTEN            serve.status.listen=127.0.0.1:9999
server.yaml:9:10                                    events[0].url=https://chat.example/…
server.yaml:10:17                                   events[0].secretFile=/run/secrets/out
server.yaml:11:13                                   events[0].types[0]=failed

"#]]
    );
}

#[test]
fn without_a_file_there_are_defaults_and_variables() {
    let home = Home::new("");
    assert_data_eq!(
        home.shows(
            &["config", "show"],
            &[("HEADWATER_REPOSITORIES__0__URL", "/srv/shop.git")]
        ),
        str![[r#"
--log-format=text
access.enforce=false
repositories[0].name=shop
repositories[0].url=/srv/shop.git
serve.interval=1m
serve.concurrency=4

"#]]
    );
}

#[test]
fn programs_get_the_form_of_the_file() {
    let home = Home::new("serve: {interval: 5m}\n");
    let words = ["config", "show", "-o", "json", "--origin"];
    let variables = [("HEADWATER_CONFIG", "server.yaml")];
    assert_data_eq!(
        home.shows(&words, &variables),
        str![[r#"
{
  "apiVersion": "headwater.dev/v1alpha1",
  "kind": "Settings",
  "commandLine": {
    "--config": "server.yaml",
    "--log-format": "text"
  },
  "settings": {
    "access": {
      "enforce": false
    },
    "serve": {
      "interval": "5m",
      "concurrency": 4
    }
  },
  "origins": {
    "--config": "variable HEADWATER_CONFIG",
    "--log-format": "default",
    "access.enforce": "default",
    "serve.concurrency": "default",
    "serve.interval": "server.yaml:1:19"
  }
}

"#]]
    );
    assert_data_eq!(
        home.shows(&["config", "show", "-o", "yaml"], &variables),
        str![[r#"
apiVersion: headwater.dev/v1alpha1
kind: Settings
commandLine:
  --config: server.yaml
  --log-format: text
settings:
  access:
    enforce: false
  serve:
    interval: 5m
    concurrency: 4

"#]]
    );
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_shown() {
    let home = Home::new("serve: {intervall: 5m}\n");
    let words = ["config", "show", "--config", "server.yaml"];
    let variables = [
        ("HEADWATER_SERVE__STATUS__LISTN", "127.0.0.1:9999"),
        ("HEADWATER_REPOSITORIES__0__URL", "https://a:hunter2@b/c"),
    ];
    assert_data_eq!(
        home.refuses(&words, &variables),
        str![[r#"
error: HEADWATER_SERVE__STATUS__LISTN: there is no such setting
  hint: did you mean HEADWATER_SERVE__STATUS__LISTEN?
error: HEADWATER_REPOSITORIES__0__URL: `url` holds a password; put it into a file below `git`
server.yaml:1:9: error: unknown field `intervall`
  hint: did you mean `interval`?
error: the server file server.yaml cannot be used
  hint: mend what is named above

"#]]
    );
    // The same for every command that reads it.
    let said = home.refuses(&["serve"], &variables);
    assert!(!said.contains("hunter2"), "{said}");
    assert!(
        said.contains("the settings in variables cannot be used"),
        "{said}"
    );
}

#[test]
fn a_daemon_needs_a_file_or_variables() {
    let home = Home::new("");
    let said = home.refuses(&["serve"], &[("HEADWATER_SHARD", "0/1")]);
    assert!(said.contains("the daemon needs a server file"), "{said}");
}

/// What the documentation shows is what is printed.
#[test]
fn the_documentation_shows_it_as_it_is() {
    let text = fs::read_to_string("docs/configuration.md").unwrap();
    let block = text.split("```console\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let (command, shown) = block.split_once('\n').unwrap();
    let command = command.strip_prefix("$ ").unwrap();
    let (variable, command) = command.split_once(" headwater ").unwrap();
    let home = Home::new("");
    fs::write(
        home.0.path().join("config.yaml"),
        "serve:\n  interval: 5m\n",
    )
    .unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    let variable = variable.split_once('=').unwrap();
    assert_eq!(home.shows(&words, &[variable]), shown);
}

/// The example names every key, so that nobody has to look elsewhere.
#[test]
fn the_example_is_in_force_as_it_is_written() {
    let home = Home::new("");
    let example = home.shows(&["help", "server-file"], &[]);
    fs::write(home.0.path().join("server.yaml"), &example).unwrap();
    let words = ["config", "show", "--origin", "--config", "server.yaml"];
    let shown = home.shows(&words, &[]);
    let schema = home.shows(&["schema", "server"], &[]);
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let tops = schema["properties"].as_object().unwrap().keys();
    for top in tops {
        let of_file = |line: &str| {
            let key = line.split_whitespace().last().unwrap_or_default();
            line.starts_with("server.yaml:") && key.starts_with(top.as_str())
        };
        assert!(shown.lines().any(of_file), "{top}:\n{shown}");
    }
}
