//! Colours, where they are wanted. No meaning is carried by colour alone.

use std::fmt;

use anstyle::{AnsiColor, Style};

/// The value of `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorWhen {
    #[default]
    Auto,
    Always,
    Never,
}

/// What a text is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Heading,
    Good,
    Warning,
    Error,
    Hint,
    /// What is less important than its surroundings.
    Muted,
    Added,
    Removed,
}

/// Whether one stream takes colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Styles {
    is_on: bool,
}

impl Styles {
    pub fn none() -> Self {
        Self { is_on: false }
    }

    /// The flag decides; else `NO_COLOR` (no-color.org), `CLICOLOR_FORCE` and `CLICOLOR`
    /// (bixense.com/clicolors); else whether the stream is a terminal that can show them.
    pub fn decide(
        when: ColorWhen,
        is_terminal: bool,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let is = |name, test: fn(&str) -> bool| variable(name).is_some_and(|value| test(&value));
        let is_on = match when {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => {
                if is("NO_COLOR", |value| !value.is_empty()) {
                    false
                } else if is("CLICOLOR_FORCE", |value| !value.is_empty() && value != "0") {
                    true
                } else {
                    let is_declined =
                        is("CLICOLOR", |value| value == "0") || is("TERM", |value| value == "dumb");
                    is_terminal && !is_declined
                }
            }
        };
        Self { is_on }
    }

    pub fn is_on(self) -> bool {
        self.is_on
    }

    /// `text` in the colour of its role. The text is not changed otherwise: foreign text goes
    /// through [`crate::plain`] first.
    pub fn paint<T: fmt::Display>(self, role: Role, text: T) -> Painted<T> {
        let style = if self.is_on {
            style_of(role)
        } else {
            Style::new()
        };
        Painted { style, text }
    }
}

/// A text with its colour.
#[derive(Clone, Copy, Debug)]
pub struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}{}",
            self.style.render(),
            self.text,
            self.style.render_reset()
        )
    }
}

fn style_of(role: Role) -> Style {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match role {
        Role::Heading => Style::new().bold(),
        Role::Good | Role::Added => color(AnsiColor::Green),
        Role::Warning => color(AnsiColor::Yellow).bold(),
        Role::Error => color(AnsiColor::Red).bold(),
        Role::Hint => color(AnsiColor::Cyan),
        Role::Muted => Style::new().dimmed(),
        Role::Removed => color(AnsiColor::Red),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_then_environment_then_terminal() {
        use ColorWhen::{Always, Auto, Never};
        for (when, is_terminal, variables, expected) in [
            (Auto, true, &[][..], true),
            (Auto, false, &[], false),
            (Auto, true, &[("NO_COLOR", "1")], false),
            (Auto, true, &[("NO_COLOR", "")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (
                Auto,
                true,
                &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
                false,
            ),
            (Auto, true, &[("CLICOLOR", "0")], false),
            (Auto, true, &[("TERM", "dumb")], false),
            (Always, false, &[("NO_COLOR", "1")], true),
            (Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ] {
            let styles = Styles::decide(when, is_terminal, |name| {
                let found = variables.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(
                styles.is_on(),
                expected,
                "{when:?} {is_terminal} {variables:?}"
            );
        }
    }

    #[test]
    fn paint_without_colours_is_the_text() {
        assert_eq!(Styles::none().paint(Role::Error, "no").to_string(), "no");
        let painted = Styles { is_on: true }.paint(Role::Good, "yes").to_string();
        assert_eq!(painted, "\x1b[32myes\x1b[0m");
    }
}
