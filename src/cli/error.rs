//! The one funnel: every failure leaves as what failed, on what, why, what to do, and a code.

use std::error::Error;
use std::fmt;

use crate::cli::exit::Exit;
use crate::cli::style::{Role, Styles};
use crate::plain::plain;

/// A failure that ends a command.
#[derive(Debug)]
pub struct CliError {
    exit: Exit,
    /// What failed and on what, without a full stop.
    what: String,
    /// Why, from the nearest cause to the first one.
    why: Vec<String>,
    hints: Vec<String>,
}

impl CliError {
    /// The caller asked for something that cannot be meant.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    pub fn failure(what: impl Into<String>) -> Self {
        Self::new(Exit::Failure, what)
    }

    pub fn denied(what: impl Into<String>) -> Self {
        Self::new(Exit::Denied, what)
    }

    pub fn unavailable(what: impl Into<String>) -> Self {
        Self::new(Exit::Unavailable, what)
    }

    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            why: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Adds the cause and its own causes; what an outer message already says is not repeated.
    #[must_use]
    pub fn because(mut self, cause: &dyn Error) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            let text = cause.to_string();
            let is_said = self.why.last().unwrap_or(&self.what).contains(&text);
            if !is_said {
                self.why.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// Adds a cause that is only words.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What failed and why, in one line, and what to do.
    pub fn told(&self) -> (String, Option<String>) {
        let parts = std::iter::once(&self.what).chain(&self.why);
        let parts: Vec<_> = parts.map(|part| plain(part)).collect();
        let hints: Vec<_> = self.hints.iter().map(|hint| plain(hint)).collect();
        let hint = (!hints.is_empty()).then(|| hints.join("; "));
        (parts.join(": "), hint)
    }

    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The text for stderr, with its last line break.
    pub fn render(&self, styles: Styles) -> String {
        let mut text = format!(
            "{} {}",
            styles.paint(Role::Error, "error:"),
            plain(&self.what)
        );
        for why in &self.why {
            text.push_str(": ");
            text.push_str(&plain(why));
        }
        text.push('\n');
        for hint in &self.hints {
            let label = styles.paint(Role::Hint, "hint:");
            text.push_str(&format!("  {label} {}\n", plain(hint)));
        }
        text
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(Styles::none()).trim_end())
    }
}

impl Error for CliError {}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("config.yaml cannot be read")]
    struct Outer(#[source] io::Error);

    #[test]
    fn says_what_why_and_what_to_do() {
        let error = CliError::usage("no configuration")
            .because(&Outer(io::Error::other("it is a folder")))
            .hint("name a file by --config");
        assert_eq!(
            error.render(Styles::none()),
            "error: no configuration: config.yaml cannot be read: it is a folder\n  \
             hint: name a file by --config\n"
        );
        assert_eq!(error.exit(), Exit::Usage);
    }

    #[test]
    fn a_cause_that_is_said_already_is_not_repeated() {
        let cause = io::Error::other("disk full");
        let error = CliError::failure("writing failed: disk full").because(&cause);
        assert_eq!(error.to_string(), "error: writing failed: disk full");
    }

    #[test]
    fn a_host_cannot_steer_the_terminal() {
        let error = CliError::unavailable("registry.example said \x1b[2Jhello\nerror: forged");
        assert_eq!(
            error.to_string(),
            "error: registry.example said [2Jhello error: forged"
        );
    }
}
