//! The commit that carries a command to a branch of its own.

use std::fmt::Write as _;

use crate::environment::EnvironmentName;
use crate::plan::{Move, trailer};

const MAX_SUBJECT: usize = 72;

/// Subject, what the command said, and trailers. There is no plan trailer: the commit is a
/// person's, and headwater leaves it alone.
pub fn message(
    command: &[String],
    said: &str,
    environment: &EnvironmentName,
    moves: &[&Move],
) -> String {
    let line = one_line(&command.join(" "));
    let mut text: String = line.chars().take(MAX_SUBJECT).collect();
    text.push_str("\n\n");
    for line in said.lines() {
        let _ = writeln!(text, "{}", one_line(line));
    }
    if !said.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", command_trailer(command));
    for moved in moves {
        let _ = writeln!(text, "{}: {}", trailer::IMAGE_STREAM, moved.tag);
        let _ = writeln!(text, "{}: {}", trailer::IMAGE, moved.image);
        if let Some(previous) = &moved.previous {
            let _ = writeln!(text, "{}: {previous}", trailer::IMAGE_PREVIOUS);
        }
    }
    let _ = writeln!(text, "{}: {environment}", trailer::ENVIRONMENT);
    text
}

/// The trailer that names the command, as a shell takes it.
pub fn command_trailer(command: &[String]) -> String {
    let quoted: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    format!("Headwater-Command: {}", one_line(&quoted.join(" ")))
}

/// The last part of the branch's name.
pub fn group(command: &[String]) -> String {
    let words = command.iter().filter(|word| !word.starts_with('-'));
    let words: Vec<String> = words
        .take(6)
        .map(|word| word.replace(['/', ':', '@'], "-"))
        .collect();
    words.join("-")
}

fn one_line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.collect::<String>().trim().to_owned()
}

/// As a shell would need it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=,+%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_stands_in_a_trailer_and_names_the_branch() {
        let words = ["tag", "--source=docker", "a b/web:1\n", "app/web:latest"];
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let text = message(&words, "Tag set.\n", &"dev".parse().unwrap(), &[]);
        assert_eq!(
            text,
            "tag --source=docker a b/web:1  app/web:latest\n\nTag set.\n\n\
             Headwater-Command: tag --source=docker 'a b/web:1 ' app/web:latest\n\
             Environment: dev\n"
        );
        assert!(trailer::trailer(&text, trailer::PLAN).is_none());
        assert_eq!(group(&words), "tag-a b-web-1\n-app-web-latest");
    }
}
