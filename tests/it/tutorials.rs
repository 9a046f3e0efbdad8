//! Every folder of `examples/tutorials/` is typed as its README shows it: the lines behind `$` in
//! one shell, in a folder that begins as `before/`, and what they print and leave must be what
//! stands there. Planning afterwards finds nothing to do.
//!
//! `images.json` says which registries there are and what they hold; `operator/` is
//! `/etc/headwater`. With `"git": true` the folder is a clone. `HEADWATER_BLESS=1` writes what
//! comes out, to be read and committed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rcgen::generate_simple_self_signed;
use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::git::Repo;
use crate::support::registry::{DockerRegistry, Setup, configuration_of};
use crate::tidy::files_below;

/// Stands for every time that was not there before.
const TIME: &str = "2026-01-02T03:04:05Z";
/// Between a command's output and the next one's; no text has it.
const END: char = '\u{1e}';
/// Tutorials at a time; each has registries of its own.
const AT_ONCE: usize = 4;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tutorials")
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn every_tutorial_can_be_typed_as_it_is_written() {
    let mut wrong = Vec::new();
    for names in names().chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let threads: Vec<_> = names
                .iter()
                .map(|name| scope.spawn(move || check(&folder().join(name))))
                .collect();
            let ended = threads.into_iter().map(|thread| thread.join().unwrap());
            wrong.extend(ended.filter_map(Result::err));
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_list_names_every_tutorial() {
    let list = fs::read_to_string(folder().join("README.md")).unwrap();
    for name in names() {
        assert!(list.contains(&format!("]({name})")), "{name} is not listed");
    }
}

/// One tutorial's machine: a home, a work folder, `/etc/headwater` and registries.
struct Machine {
    root: TempDir,
    /// By the name in the text, which is as long as the real one: tables stay straight.
    registries: Vec<(String, DockerRegistry)>,
    before: BTreeMap<PathBuf, String>,
    _origin: Option<Repo>,
}

fn check(tutorial: &Path) -> Result<(), String> {
    let name = tutorial.file_name().unwrap().to_str().unwrap();
    let path = tutorial.join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let machine = Machine::new(tutorial);
    let mut commands = commands(&readme);
    let typed = commands.len();
    assert!(typed > 0, "{name}: nothing is typed");
    commands.push("headwater plan --exit-code".to_owned());
    let printed = machine.run(&commands);
    let (shown, plan) = printed.split_at(typed);
    let after = machine.after();
    let real = with_output(&readme, shown.iter().map(|(_, text)| text.as_str()));
    if std::env::var_os("HEADWATER_BLESS").is_some() {
        fs::write(&path, &real).unwrap();
        bless(&tutorial.join("after"), &after);
    }
    // That headwater refuses something is part of a story; that a tool fails is not.
    for (command, (code, text)) in commands.iter().zip(shown) {
        if *code != 0 && !command.contains("headwater") {
            return Err(format!("{name}: {command}: exit {code}\n{text}"));
        }
    }
    if plan[0].0 != 0 {
        return Err(format!("{name}: something is left to do\n{}", plan[0].1));
    }
    if fs::read_to_string(&path).unwrap() != real {
        return Err(format!("{name}: README.md is not\n{real}"));
    }
    let expected = contents(&tutorial.join("after"));
    (expected == after)
        .then_some(())
        .ok_or_else(|| format!("{name}: after is not\n{after:#?}"))
}

impl Machine {
    fn new(tutorial: &Path) -> Self {
        let text = fs::read_to_string(tutorial.join("images.json")).unwrap();
        let setting: Value = serde_json::from_str(&text).unwrap();
        let registries = setting["registries"].as_array().unwrap();
        let mut machine = Self {
            root: TempDir::new().unwrap(),
            registries: registries.iter().map(registry).collect(),
            before: contents(&tutorial.join("before")),
            _origin: None,
        };
        for folder in ["home/you", "etc/headwater"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        for (path, content) in contents(&tutorial.join("operator")) {
            machine.write(&machine.path("etc/headwater").join(path), &content);
        }
        if setting["git"] == true {
            machine.clone_repository();
        }
        for (path, content) in &machine.before {
            machine.write(&machine.work().join(path), content);
        }
        fs::create_dir_all(machine.work()).unwrap();
        if setting["git"] == true {
            machine.git(&["add", "-A"]);
            machine.git(&["commit", "-q", "--allow-empty", "-m", "begin"]);
            machine.git(&["push", "-q", "origin", "HEAD"]);
        }
        machine.prepare_tools();
        machine
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn work(&self) -> PathBuf {
        self.path("home/you/work")
    }

    fn write(&self, path: &Path, content: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, self.real(content)).unwrap();
    }

    fn clone_repository(&mut self) {
        let seed = Repo::init();
        seed.commit_files(&[], "begin");
        let origin = seed.bare_clone();
        let url = origin.path().to_str().unwrap();
        let work = self.work();
        seed.git(&["clone", "-q", url, work.to_str().unwrap()]);
        self._origin = Some(origin);
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = crate::support::git::command(&self.work())
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// skopeo is told that these registries speak plain HTTP, and Git who types.
    fn prepare_tools(&self) {
        let home = self.path("home/you");
        let insecure: String = self
            .registries
            .iter()
            .map(|(_, r)| {
                format!(
                    "[[registry]]\nlocation = \"{}\"\ninsecure = true\n",
                    r.host()
                )
            })
            .collect();
        let containers = home.join(".config/containers");
        fs::create_dir_all(&containers).unwrap();
        fs::write(containers.join("registries.conf"), insecure).unwrap();
        let policy = r#"{"default": [{"type": "insecureAcceptAnything"}]}"#;
        fs::write(containers.join("policy.json"), policy).unwrap();
        fs::write(
            home.join(".gitconfig"),
            "[user]\nname = you\nemail = you@example.com\n",
        )
        .unwrap();
    }

    /// The commands, one after the other in one shell: exit code and text of each.
    fn run(&self, commands: &[String]) -> Vec<(i32, String)> {
        let mut script = String::new();
        for command in commands {
            let command = self.real(command);
            script.push_str(&format!("{{ {command}\n}}\nprintf '{END}%d{END}' $?\n"));
        }
        let transcript = fs::File::create(self.path("transcript")).unwrap();
        let headwater = Path::new(env!("CARGO_BIN_EXE_headwater")).parent().unwrap();
        let mut path = headwater.as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let status = Command::new("sh")
            .args(["-c", &script])
            .current_dir(self.work())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home/you"))
            .env("NO_COLOR", "1")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::null())
            .stdout(transcript.try_clone().unwrap())
            .stderr(transcript)
            .status()
            .unwrap();
        assert!(status.success(), "{status}");
        let text = fs::read_to_string(self.path("transcript")).unwrap();
        let text = self.shown(&text);
        let parts: Vec<&str> = text.split(END).collect();
        parts
            .chunks_exact(2)
            .map(|part| (part[1].parse().unwrap(), part[0].to_owned()))
            .collect()
    }

    /// What is left in the work folder.
    fn after(&self) -> BTreeMap<PathBuf, String> {
        contents(&self.work())
            .into_iter()
            .filter(|(path, _)| !path.starts_with(".git"))
            .map(|(path, content)| (path, self.shown(&content)))
            .collect()
    }

    /// A text with the names of this machine.
    fn real(&self, text: &str) -> String {
        let etc = self.path("etc/headwater").display().to_string();
        let text = text.replace("/etc/headwater", &etc);
        let replace = |text: String, (name, registry): &(String, DockerRegistry)| {
            text.replace(name, &registry.host())
        };
        self.registries.iter().fold(text, replace)
    }

    /// A text as everybody's machine would have it.
    fn shown(&self, text: &str) -> String {
        let mut text = text.replace(self.root.path().to_str().unwrap(), "");
        for (name, registry) in &self.registries {
            text = text.replace(&registry.host(), name);
        }
        let times = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").unwrap();
        let is_known = |time: &str| self.before.values().any(|text| text.contains(time));
        let text = times.replace_all(&text, |found: &regex::Captures<'_>| {
            let time = found[0].to_owned();
            if is_known(&time) {
                time
            } else {
                TIME.to_owned()
            }
        });
        let fixed = [
            (
                r"(Less than a second|\d+ seconds?|About a minute) ago",
                "Less than a second ago",
            ),
            // An image of a test was made at a fixed time.
            (r"\d+ (weeks|months|years) (ago|old)", "10 months $2"),
            // A blob holds the registry's port.
            (
                r"index [0-9a-f]{7}\.\.[0-9a-f]{7}",
                "index 1111111..2222222",
            ),
        ];
        let text = fixed.iter().fold(text.into_owned(), |text, (age, shown)| {
            Regex::new(age)
                .unwrap()
                .replace_all(&text, *shown)
                .into_owned()
        });
        self.with_commits(&text)
    }

    /// Commits count from 1 in the order in which they are shown: their ids hold times.
    fn with_commits(&self, text: &str) -> String {
        if !self.work().join(".git").exists() {
            return text.to_owned();
        }
        let listed = self.git(&["rev-list", "--all"]);
        let mut seen: Vec<(usize, &str)> = listed
            .lines()
            .map(|commit| &commit[..7])
            .filter_map(|commit| Some((text.find(commit)?, commit)))
            .collect();
        seen.sort();
        let replace = |text: String, (number, (_, commit)): (usize, &(usize, &str))| {
            text.replace(commit, &format!("c0ffee{}", number + 1))
        };
        seen.iter().enumerate().fold(text.to_owned(), replace)
    }
}

/// A registry with its images, and its name in the text.
fn registry(setting: &Value) -> (String, DockerRegistry) {
    let name = setting["name"].as_str().unwrap();
    let own = generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let registry = DockerRegistry::start_with(Setup {
        password: setting["password"] == true,
        tls: (setting["tls"] == true).then(|| (own.cert.pem(), own.signing_key.serialize_pem())),
        address: Some(address_of_length(name.len() - ":12345".len())),
        ..Setup::default()
    });
    for image in setting["images"].as_array().unwrap() {
        let field = |name: &str| image[name].as_str().unwrap();
        let mut config = configuration_of(field("seed"), &"linux/amd64".parse().unwrap());
        for (key, value) in image["config"].as_object().into_iter().flatten() {
            config["config"][key] = value.clone();
        }
        registry.push_configured(field("repository"), field("tag"), field("seed"), config);
    }
    assert_eq!(registry.host().len(), name.len(), "{name}");
    (name.to_owned(), registry)
}

/// An address of the loopback network that is so long in text.
fn address_of_length(length: usize) -> std::net::Ipv4Addr {
    let parts = ["1", "10", "100"];
    for (a, b, c) in (0..27).map(|n| (parts[n / 9], parts[n / 3 % 3], parts[n % 3])) {
        let address = format!("127.{a}.{b}.{c}");
        if address.len() == length {
            return address.parse().unwrap();
        }
    }
    panic!("no address has {length} characters; a registry's name has 15 to 21 with its port");
}

/// What is typed: behind `$ ` in blocks of the console, and on where the line ends in `\`.
fn commands(readme: &str) -> Vec<String> {
    let mut commands = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        let mut lines = block.split("```").next().unwrap().lines();
        while let Some(line) = lines.next() {
            if let Some(line) = line.strip_prefix("$ ") {
                commands.push(whole(line, &mut lines));
            }
        }
    }
    commands
}

/// A command with the lines that it goes on in.
fn whole<'a>(first: &str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut command = first.to_owned();
    while command.ends_with('\\') {
        command = format!("{command}\n{}", lines.next().unwrap());
    }
    command
}

/// The text with these outputs behind its commands.
fn with_output<'a>(readme: &str, mut outputs: impl Iterator<Item = &'a str>) -> String {
    let mut blocks = readme.split("```console\n");
    let mut text = blocks.next().unwrap().to_owned();
    for block in blocks {
        let (typed, rest) = block.split_once("```").unwrap();
        text.push_str("```console\n");
        for command in commands(&format!("```console\n{typed}```")) {
            let output = outputs.next().unwrap().trim_end_matches('\n');
            text.push_str(&format!("$ {command}\n{output}"));
            text.push_str(if output.is_empty() { "" } else { "\n" });
        }
        text.push_str("```");
        text.push_str(rest);
    }
    text
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, String> {
    if !folder.exists() {
        return BTreeMap::new();
    }
    files_below(folder)
        .into_iter()
        .filter(|file| !file.components().any(|part| part.as_os_str() == ".git"))
        .map(|file| {
            let path = file.strip_prefix(folder).unwrap().to_owned();
            (path, fs::read_to_string(&file).unwrap())
        })
        .collect()
}

fn bless(folder: &Path, after: &BTreeMap<PathBuf, String>) {
    let _ = fs::remove_dir_all(folder);
    for (path, content) in after {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}
