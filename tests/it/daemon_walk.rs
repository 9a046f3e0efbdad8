//! docs/daemon-walk.md, walked as it is written: its blocks are typed one after the other into one
//! shell, in an empty folder, and what is told of the page is looked for in a browser.
//!
//! `HEADWATER_BLESS=1` writes what is printed, to be read and committed.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use regex::Regex;
use tempfile::TempDir;

use crate::serve::free_port;
use crate::support::browser::Browser;
use crate::support::wait::until;

const DOCUMENT: &str = "docs/daemon-walk.md";
/// As the document has them.
const PORTS: [&str; 4] = ["5001", "8080", "8081", "9090"];
/// Behind a command's output and behind its exit code; no text has it.
const END: u8 = 0x1e;
/// No single command takes that long.
const PATIENCE: Duration = Duration::from_secs(60);
/// What has not come by then is no longer waited for when the document is written.
const BLESSED_AFTER: Duration = Duration::from_secs(10);

#[test]
fn a_new_user_can_walk_from_an_empty_folder_to_a_promotion_that_waits() {
    let document = fs::read_to_string(DOCUMENT).unwrap();
    let walk = Walk::new();
    let mut browser = Browser::start();
    let mut real = Vec::new();
    for section in document.split("\n## ") {
        let mut parts: Vec<String> = section.split("```").map(str::to_owned).collect();
        for block in parts.iter_mut().skip(1).step_by(2) {
            match block.split_once('\n').unwrap() {
                ("sh", typed) => walk.does(typed),
                ("console", looks) => *block = format!("console\n{}", walk.sees(looks)),
                (other, _) => panic!("{other} is neither done nor seen"),
            }
        }
        walk.opens(section, &mut browser);
        real.push(parts.join("```"));
    }
    let real = real.join("\n## ");
    assert!(!walk.home().join("walk").exists());
    assert_eq!(walk.shell.run("wait").0, "0", "both have ended");
    if std::env::var_os("HEADWATER_BLESS").is_some() {
        fs::write(DOCUMENT, &real).unwrap();
    } else {
        assert_eq!(document, real);
    }
}

/// A console's commands, each with what it prints.
fn looks(block: &str) -> Vec<(&str, &str)> {
    let block = block.strip_prefix("$ ").unwrap();
    let looks = block.split("\n$ ");
    let parts = looks.map(|look| look.split_once('\n').unwrap_or((look, "")));
    parts
        .map(|(command, shown)| (command, shown.trim_end()))
        .collect()
}

/// Somebody's home and shell, with ports that nobody else has.
struct Walk {
    shell: Shell,
    ports: Vec<(&'static str, String)>,
    root: TempDir,
}

impl Walk {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let home = root.path().join("home/you");
        fs::create_dir_all(&home).unwrap();
        let ports = PORTS.map(|port| (port, free_port().to_string()));
        Self {
            shell: Shell::start(&home),
            ports: ports.into(),
            root,
        }
    }

    fn home(&self) -> PathBuf {
        self.root.path().join("home/you")
    }

    fn does(&self, block: &str) {
        let (code, text) = self.shell.run(&self.here(block));
        assert_eq!(code, "0", "{block}\n{text}");
    }

    /// Asks until it prints what stands there: the registry and the daemon take a moment.
    fn sees(&self, block: &str) -> String {
        let is_blessed = std::env::var_os("HEADWATER_BLESS").is_some();
        let mut real = String::new();
        for (command, shown) in looks(block) {
            let begun = Instant::now();
            let mut last = String::new();
            let printed = until_told(&format!("`{command}`"), &mut last, |last| {
                let (code, text) = self.shell.run(&self.here(command));
                *last = self.there(text.trim_end());
                let is_shown = code == "0" && masked(last) == masked(shown);
                let is_late = is_blessed && begun.elapsed() > BLESSED_AFTER;
                match (is_shown, is_late) {
                    (true, _) => Some(shown.to_owned()),
                    (false, true) => Some(last.clone()),
                    (false, false) => None,
                }
            });
            real.push_str(&format!("$ {command}\n"));
            if !printed.is_empty() {
                real.push_str(&format!("{printed}\n"));
            }
        }
        real
    }

    /// What a section quotes stands on the pages that it names.
    fn opens(&self, section: &str, browser: &mut Browser) {
        let prose: String = section.split("```").step_by(2).collect();
        let address = Regex::new(r"http://127\.0\.0\.1:8081[^)>]*").unwrap();
        let addresses: Vec<&str> = address.find_iter(&prose).map(|it| it.as_str()).collect();
        let quote = Regex::new("“([^”]*)”").unwrap();
        let quotes: Vec<&str> = quote
            .captures_iter(&prose)
            .map(|it| it.get(1).unwrap().as_str())
            .collect();
        assert_eq!(addresses.is_empty(), quotes.is_empty(), "{section}");
        let mut seen = String::new();
        until_told(&format!("{quotes:?}"), &mut seen, |seen| {
            seen.clear();
            for address in &addresses {
                assert_eq!(browser.open(&self.here(address)), [""; 0]);
                let text = browser.evaluate("document.body.innerText");
                seen.push_str(text.as_str().unwrap());
            }
            quotes
                .iter()
                .all(|quote| seen.contains(quote))
                .then_some(())
        });
    }

    /// A text of the document with this walk's ports.
    fn here(&self, text: &str) -> String {
        let of = |text: String, (there, here): &(&str, String)| {
            text.replace(&format!("127.0.0.1:{there}"), &format!("127.0.0.1:{here}"))
        };
        self.ports.iter().fold(text.to_owned(), of)
    }

    /// A text of this walk as the document has it.
    fn there(&self, text: &str) -> String {
        let of = |text: String, (there, here): &(&str, String)| {
            text.replace(&format!("127.0.0.1:{here}"), &format!("127.0.0.1:{there}"))
        };
        let root = self.root.path().to_str().unwrap();
        self.ports.iter().fold(text.replace(root, ""), of)
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        // Where a block has failed they are still there.
        for file in ["daemon.pid", "registry.pid"] {
            if let Ok(id) = fs::read_to_string(self.home().join("walk").join(file)) {
                let _ = Command::new("kill").arg(id.trim()).status();
            }
        }
    }
}

/// As [`until`], which says what was seen last where the wait is too long.
fn until_told<T>(
    what: &str,
    last: &mut String,
    mut ask: impl FnMut(&mut String) -> Option<T>,
) -> T {
    let begun = Instant::now();
    until(what, || {
        let found = ask(last);
        assert!(
            found.is_some() || begun.elapsed() < PATIENCE / 2,
            "waited too long for {what}; now:\n{last}"
        );
        found
    })
}

/// What is not the same on each walk has a name, and columns are as wide as they are.
fn masked(text: &str) -> String {
    let names = [
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z", "TIME"),
        (r"\b[0-9a-f]{7,64}\b", "HEX"),
        (r"Next Check:.*", "Next Check: SOON"),
        (
            r"(Less than a second|About a minute|\d+ (second|minute)s?) ago",
            "AGE ago",
        ),
        (r"HEX \d+[sm]\b", "HEX AGE"),
        (r"\d+ B\b", "SIZE"),
        (r"[ \t]+", " "),
    ];
    names.iter().fold(text.to_owned(), |text, (from, to)| {
        Regex::new(from)
            .unwrap()
            .replace_all(&text, *to)
            .into_owned()
    })
}

/// One shell that everything is typed into.
struct Shell {
    child: Child,
    to: std::cell::RefCell<ChildStdin>,
    /// What it prints, by [`END`].
    from: Receiver<String>,
}

impl Shell {
    fn start(home: &Path) -> Self {
        let headwater = Path::new(env!("CARGO_BIN_EXE_headwater")).parent().unwrap();
        let mut path = headwater.as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut child = Command::new("sh")
            .current_dir(home)
            .env_clear()
            .env("PATH", path)
            .env("HOME", home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let to = std::cell::RefCell::new(child.stdin.take().unwrap());
        let out = BufReader::new(child.stdout.take().unwrap());
        let (send, from) = channel();
        std::thread::spawn(move || {
            for part in out.split(END).map_while(Result::ok) {
                if send.send(String::from_utf8(part).unwrap()).is_err() {
                    break;
                }
            }
        });
        Self { child, to, from }
    }

    /// The exit code of what is typed, and what it prints.
    fn run(&self, typed: &str) -> (String, String) {
        // In the shell itself: a block changes the folder. What is typed next is not its input.
        let typed = format!("{{ {typed}\n}} 2>&1 </dev/null\nprintf '\\036%d\\036' $?\n");
        self.to.borrow_mut().write_all(typed.as_bytes()).unwrap();
        let next = || {
            let next = self.from.recv_timeout(PATIENCE);
            next.unwrap_or_else(|error| panic!("{error}: {typed}"))
        };
        let printed = next();
        (next(), printed)
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
