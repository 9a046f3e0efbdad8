//! The flags that every command takes.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::style::ColorWhen;
use crate::telemetry::{LogFormat, Verbosity};

const HEADING: &str = "Global options";

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
        env = "HEADWATER_CONFIG",
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
        env = "HEADWATER_LOG_FORMAT",
        hide_env_values = true,
        default_value_t
    )]
    pub log_format: LogFormat,

    /// Give up after this time, such as 90s or 5m
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
}

impl Global {
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
