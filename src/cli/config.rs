//! `config`: the settings of the server file.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use unicode_width::UnicodeWidthStr as _;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputArgs};
use crate::cli::server_file;
use crate::config::settings::Setting;
use crate::plain::plain;

/// Show the settings of the server file that are in force
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater config show --config /etc/headwater/config.yaml\n  HEADWATER_SERVE__INTERVAL=2m headwater config show --origin"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Show(ShowArgs),
}

/// Show each setting that is in force, defaults included
///
/// A variable wins over the file, and a default is what nobody has said. Files with secrets are
/// named; what is in them is not shown.
#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// Show where each value comes from: FILE:LINE:COLUMN, a variable, a flag or the default
    #[arg(long)]
    origin: bool,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    /// Flags and what they are set to, by a flag or its variable.
    command_line: BTreeMap<String, String>,
    /// In the form of the server file.
    settings: Json,
    /// Where each value comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    origins: Option<BTreeMap<String, String>>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    match &args.command {
        Command::Show(args) => show(args, context),
    }
}

fn show(args: &ShowArgs, context: &Context) -> Result<Exit, CliError> {
    let settings = server_file::settings(context)?;
    let flags = &context.command_line;
    let all: Vec<&Setting> = flags.iter().chain(&settings.values).collect();
    let origins = all.iter().map(|it| (it.key.clone(), it.origin.to_string()));
    let document = Document {
        command_line: flags
            .iter()
            .map(|it| (it.key.clone(), it.value.clone()))
            .collect(),
        origins: args.origin.then(|| origins.collect()),
        settings: settings.tree.clone(),
    };
    output::write_document(args.output.output, "Settings", &document, |_| {
        table(&all, args.origin)
    })?;
    Ok(Exit::Success)
}

/// `key=value` lines, behind where each comes from, as `git config --list --show-origin`.
fn table(settings: &[&Setting], with_origin: bool) -> String {
    let origins = settings.iter().map(|it| it.origin.to_string());
    let origins: Vec<String> = origins.map(|it| plain(&it).into_owned()).collect();
    let widest = origins.iter().map(|origin| origin.width()).max();
    let mut text = String::new();
    for (setting, origin) in settings.iter().zip(&origins) {
        if with_origin {
            let gap = widest.unwrap_or_default() + 2 - origin.width();
            text.push_str(origin);
            text.push_str(&" ".repeat(gap));
        }
        text.push_str(&plain(&format!("{}={}", setting.key, setting.value)));
        text.push('\n');
    }
    text
}
