//! The flags that every command takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, ValueEnum as _};

use crate::cli::style::ColorWhen;
use crate::config::settings::{Origin, Setting};
use crate::telemetry::{LogFormat, Verbosity};

const HEADING: &str = "Global options";
const CONFIG_VARIABLE: &str = "HEADWATER_CONFIG";
const LOG_FORMAT_VARIABLE: &str = "HEADWATER_LOG_FORMAT";

#[derive(Debug, clap::Args)]
#[command(next_help_heading = HEADING)]
pub struct Global {
    /// Work in this folder instead of the current one
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub directory: Option<PathBuf>,

    /// The server file: registries and Git servers, and their credentials
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = CONFIG_VARIABLE,
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,

    /// Say less: data and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more on stderr; twice for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// When to use colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub color: ColorWhen,

    /// Show no progress bar
    #[arg(long, global = true)]
    pub no_progress: bool,

    /// How log lines are written
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        env = LOG_FORMAT_VARIABLE,
        hide_env_values = true,
        default_value_t
    )]
    pub log_format: LogFormat,

    /// Give up after this time, such as 90s or 5m
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,

    #[arg(skip)]
    given: Given,
}

/// What has set the flags that have a variable.
#[derive(Clone, Debug, Default)]
struct Given {
    config: Origin,
    log_format: Origin,
}

impl Global {
    /// Remembers what has set the flags: a parsed value does not say.
    pub fn remember(&mut self, matches: &ArgMatches) {
        let origin = |flag: &str, variable: &str| match matches.value_source(flag) {
            Some(ValueSource::CommandLine) => Origin::Flag,
            Some(ValueSource::EnvVariable) => Origin::Variable(variable.to_owned()),
            _ => Origin::Default,
        };
        self.given = Given {
            config: origin("config", CONFIG_VARIABLE),
            log_format: origin("log_format", LOG_FORMAT_VARIABLE),
        };
    }

    /// How the daemon writes its log: unless somebody has chosen, for whoever reads stderr.
    pub fn daemon_log_format(&self, is_terminal: bool) -> LogFormat {
        match (&self.given.log_format, is_terminal) {
            (Origin::Default, false) => LogFormat::Json,
            _ => self.log_format,
        }
    }

    /// The flags that have a variable, where they are set.
    pub fn settings(&self) -> Vec<Setting> {
        let config = self.config.as_ref().map(|file| Setting {
            key: "--config".to_owned(),
            value: file.display().to_string(),
            origin: self.given.config.clone(),
        });
        let format = self.log_format.to_possible_value();
        let format = format.map(|format| Setting {
            key: "--log-format".to_owned(),
            value: format.get_name().to_owned(),
            origin: self.given.log_format.clone(),
        });
        config.into_iter().chain(format).collect()
    }

    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            (false, _) => Verbosity::Debug,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    parsed
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "a time is written like 90s, 5m or 1h30m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        for bad in ["", "5", "-1s", "0s", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
