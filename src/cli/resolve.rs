use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, OutputArgs};
use crate::cli::registries::{self, Asker};
use crate::image::{Description, Reference};
use crate::lookup::{Lookup, Wanted};
use crate::plain::plain;
use crate::stream::ImportMode;

/// Ask a registry what an image is: digest, platforms, labels
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  headwater resolve quay.io/acme/web:1.2")]
pub struct Args {
    /// The image, such as quay.io/acme/web:1.2
    #[arg(value_name = "IMAGE")]
    image: String,

    /// Allow unverified TLS and plain HTTP; no credential is sent over them
    #[arg(long)]
    insecure: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// What `-o json` prints.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Resolved {
    image: String,
    pinned: String,
    #[serde(flatten)]
    description: Description,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let reference: Reference = args.image.parse().map_err(|error| {
        CliError::usage(format!("`{}` is no image reference", args.image)).because(&error)
    })?;
    let lookup = Lookup {
        repository: reference.repository.clone(),
        wanted: Wanted::of(&reference),
        import_mode: ImportMode::PreserveOriginal,
        platforms: Vec::new(),
        insecure: args.insecure,
        secrets_of: None,
        known: BTreeSet::new(),
        chosen: BTreeMap::new(),
    };
    let asker = Asker::new(context)?;
    let description = asker
        .run(asker.registries().describe(&lookup))
        .map_err(|failure| {
            registries::failed(
                format!("{} cannot be resolved", args.image),
                &failure.into(),
            )
        })?;
    let pinned = Reference::pinned(
        reference.repository.clone(),
        reference.tag.clone(),
        description.digest.clone(),
    );
    let resolved = Resolved {
        image: reference.to_string(),
        pinned: pinned.to_string(),
        description,
    };
    output::write_document(args.output.output, "Image", &resolved, text)?;
    Ok(Exit::Success)
}

fn text(resolved: &Resolved) -> String {
    let description = &resolved.description;
    let mut text = format!("{}\n", resolved.pinned);
    let _ = writeln!(text, "  digest     {}", description.digest);
    let _ = writeln!(text, "  type       {}", plain(&description.media_type));
    for image in &description.images {
        if let Some(platform) = &image.platform {
            let _ = writeln!(
                text,
                "  platform   {}  {}",
                plain(&platform.to_string()),
                image.digest
            );
        }
    }
    if let Some(configuration) = &description.configuration {
        if let (Some(platform), true) = (&configuration.platform, description.images.is_empty()) {
            let _ = writeln!(text, "  platform   {}", plain(&platform.to_string()));
        }
        if let Some(created) = &configuration.created {
            let _ = writeln!(text, "  created    {}", plain(created));
        }
        for (key, value) in configuration.labels.iter().take(100) {
            let value: String = plain(value).chars().take(200).collect();
            let _ = writeln!(text, "  label      {}={value}", plain(key));
        }
    }
    text
}
