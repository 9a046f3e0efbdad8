//! `headwater doctor`: looks at everything a pass needs, changes nothing, and says what to mend.

mod files;
mod forge;
mod git;
mod kept;
mod registries;

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputArgs};
use crate::cli::place;
use crate::cli::server_file;
use crate::cli::style::{Role, Styles};
use crate::cli::table::{Cell, Table};
use crate::git::Repository;
use crate::plain::plain;
use crate::show::doctor::{Finding, State};

/// Check access, tokens, host keys, protection and clocks, and say what to mend
///
/// Looks at the server file, each Git repository, its forge and the registries that its manifests
/// name or its images are copied to, as a pass would reach them. Nothing is written anywhere. The
/// exit code is 3 where something must be mended, and 0 where all is well or there are warnings
/// only.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater doctor\n  headwater --config server.yaml doctor https://git.example/shop/deploy.git\n  headwater doctor ssh://git@git.example/shop/deploy.git -o json"
)]
pub struct Args {
    /// The paths or URLs of Git repositories; without them that of the current folder, or, outside
    /// of one, those of the server file
    #[arg(value_name = "PATH|URL")]
    locations: Vec<String>,

    #[command(flatten)]
    output: OutputArgs,
}

/// What `-o json` prints.
#[derive(Serialize)]
struct Checkup {
    /// The gravest of all.
    state: State,
    findings: Vec<Finding>,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let config = server_file::read(context)?;
    let mut findings = files::look(config, context);
    findings.push(git::signing(context));
    findings.extend(kept::catalogs(context)?);
    let is_inside = Repository::open_local(&context.folder).is_ok();
    let looked_after = config.repositories.iter().map(|it| it.url.as_str());
    let named = args.locations.iter().map(String::as_str);
    let locations: Vec<Option<&str>> = match (args.locations.is_empty(), is_inside) {
        (false, _) => named.map(Some).collect(),
        (true, false) if !config.repositories.is_empty() => looked_after.map(Some).collect(),
        (true, _) => vec![None],
    };
    for location in locations {
        let location = place::location(context, location)?;
        findings.extend(git::look(context, &location)?);
    }
    let state = findings.iter().map(|it| it.state).max();
    let checkup = Checkup {
        state: state.unwrap_or(State::Ok),
        findings,
    };
    output::write_document(args.output.output, "Checkup", &checkup, |checkup| {
        shown(checkup, context.styles)
    })?;
    Ok(match checkup.state {
        State::Fault => Exit::Failure,
        _ => Exit::Success,
    })
}

/// The table, and below it what to do, one line each.
fn shown(checkup: &Checkup, styles: Styles) -> String {
    let mut table = Table::new(["STATE", "CHECK", "OF", "FOUND"]);
    for finding in &checkup.findings {
        table.row([
            Cell::new(finding.state.name()).role(role(finding.state)),
            Cell::new(finding.check),
            Cell::new(&finding.of),
            Cell::new(&finding.found),
        ]);
    }
    let mut text = table.render(styles);
    let told = checkup.findings.iter().filter_map(|finding| {
        let advice = finding.advice.as_ref()?;
        Some((finding, advice))
    });
    for (number, (finding, advice)) in told.enumerate() {
        if number == 0 {
            text.push_str(&format!(
                "\n{}\n",
                styles.paint(Role::Heading, "what to do")
            ));
        }
        let label = styles.paint(role(finding.state), finding.check);
        text.push_str(&format!(
            "  {label} of {}: {}\n",
            plain(&finding.of),
            plain(advice)
        ));
    }
    text
}

fn role(state: State) -> Role {
    match state {
        State::Ok => Role::Good,
        State::Unknown => Role::Muted,
        State::Warning => Role::Warning,
        State::Fault => Role::Error,
    }
}

/// What failed and why, without the word before it.
fn without_label(error: &CliError) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}
