//! What every command is given beside its own arguments.

use std::cell::OnceCell;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::style::{Role, Styles};
use crate::clock::Clock;
use crate::config::server::ServerConfig;
use crate::config::settings::Setting;
use crate::plain::plain;
use crate::problem::{Problem, Severity};
use crate::reconcile::Cache;
use crate::tally::Tallies;

#[derive(Debug)]
pub struct Context {
    /// The folder to work in, absolute: `-C`, else the current one.
    pub folder: PathBuf,
    /// The operator's file, `--config`; absolute.
    pub server_file: Option<PathBuf>,
    /// What the command line, or its variables, say of every command.
    pub command_line: Vec<Setting>,
    /// What the operator's file says, once it has been read.
    pub(super) server: OnceCell<ServerConfig>,
    /// For what goes to stdout.
    pub styles: Styles,
    /// The columns that lines on stdout should fit into; none where nobody reads them in a
    /// terminal.
    pub width: Option<usize>,
    pub progress: Progress,
    pub clock: Clock,
    /// Count what hosts are asked.
    pub tallies: Tallies,
    note_styles: Styles,
    is_quiet: bool,
}

impl Context {
    pub fn new(global: &Global) -> Result<Self, CliError> {
        let current = std::env::current_dir()
            .map_err(|error| CliError::usage("there is no current folder").because(&error))?;
        let folder = match &global.directory {
            Some(folder) => existing_folder(&current.join(folder))?,
            None => current.clone(),
        };
        let variable = |name: &str| std::env::var(name).ok();
        let stderr_is_terminal = io::stderr().is_terminal();
        Ok(Self {
            folder,
            server_file: global.config.as_ref().map(|file| current.join(file)),
            command_line: global.settings(),
            server: OnceCell::new(),
            styles: Styles::decide(global.color, io::stdout().is_terminal(), variable),
            width: width(variable("COLUMNS").as_deref()),
            progress: Progress::new(!global.quiet && !global.no_progress, stderr_is_terminal),
            clock: Clock::system(),
            tallies: Tallies::default(),
            note_styles: Styles::decide(global.color, stderr_is_terminal, variable),
            is_quiet: global.quiet,
        })
    }

    /// What a daemon works with: settings that were read, and nobody who looks at a terminal.
    pub fn unattended(
        folder: PathBuf,
        server: ServerConfig,
        clock: Clock,
        tallies: Tallies,
    ) -> Self {
        Self {
            folder,
            server_file: None,
            command_line: Vec::new(),
            server: OnceCell::from(server),
            styles: Styles::none(),
            width: None,
            progress: Progress::new(false, false),
            clock,
            tallies,
            note_styles: Styles::none(),
            is_quiet: true,
        }
    }

    /// A path of the command line, seen from the folder to work in.
    pub fn path(&self, path: &Path) -> PathBuf {
        // Taken apart and put together, the path loses its `.` parts.
        self.folder.join(path).components().collect()
    }

    /// Says something beside the data, on stderr; not with `-q`.
    pub fn note(&self, text: &str) {
        if !self.is_quiet {
            output::write_note(&format!("{}\n", plain(text)));
        }
    }

    /// Shows a failure that does not end the command.
    pub fn error(&self, error: &CliError) {
        output::write_note(&error.render(self.note_styles));
    }

    /// Saves a cache; that it cannot be saved makes the next run slower and nothing worse.
    pub fn save(&self, cache: &mut Cache) {
        if let Err(error) = cache.save() {
            self.note(&format!("the cache cannot be written: {error}"));
        }
    }

    /// Shows findings on stderr, the gravest last, where the eye rests; with `-q` errors only.
    pub fn problems<'a>(&self, problems: impl IntoIterator<Item = &'a Problem>) {
        let mut problems: Vec<&Problem> = problems
            .into_iter()
            .filter(|problem| !self.is_quiet || problem.severity == Severity::Error)
            .collect();
        problems.sort_by(|a, b| (a.severity, &a.place).cmp(&(b.severity, &b.place)));
        for problem in problems {
            output::write_note(&render(problem, self.note_styles));
        }
    }
}

/// `file:line:column: severity: message`, as compilers write and editors read it.
fn render(problem: &Problem, styles: Styles) -> String {
    let role = match problem.severity {
        Severity::Note => Role::Muted,
        Severity::Warning => Role::Warning,
        Severity::Error => Role::Error,
    };
    let severity = styles.paint(role, format!("{}:", problem.severity));
    let place = problem.place.as_ref().map(|place| format!("{place}: "));
    let mut text = format!(
        "{}{severity} {}\n",
        plain(&place.unwrap_or_default()),
        plain(&problem.message)
    );
    if let Some(advice) = &problem.advice {
        let label = styles.paint(Role::Hint, "hint:");
        text.push_str(&format!("  {label} {}\n", plain(advice)));
    }
    text
}

/// What `COLUMNS` says, else what the terminal has.
fn width(columns: Option<&str>) -> Option<usize> {
    let named = columns.and_then(|columns| columns.parse().ok());
    named
        .filter(|columns| *columns > 0)
        .or_else(|| Some(terminal_size::terminal_size_of(io::stdout())?.0.0.into()))
}

fn existing_folder(folder: &Path) -> Result<PathBuf, CliError> {
    match folder.canonicalize() {
        Ok(path) if path.is_dir() => Ok(path),
        Ok(_) => Err(CliError::usage(format!(
            "-C {}: not a folder",
            folder.display()
        ))),
        Err(error) => Err(CliError::usage(format!("-C {}", folder.display())).because(&error)),
    }
}

#[cfg(test)]
mod tests {
    use crate::problem::Place;

    use super::*;

    #[test]
    fn a_problem_is_shown_as_compilers_do() {
        let place = Place {
            file: "apps/web.yaml".parse().unwrap(),
            line: 3,
            column: 7,
        };
        let problem = Problem::error(place, "the tag \x1b[1m is not there").advice("push it");
        assert_eq!(
            render(&problem, Styles::none()),
            "apps/web.yaml:3:7: error: the tag [1m is not there\n  hint: push it\n"
        );
    }
}
