use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::config::schema::schemas;

/// Print the JSON Schema of a kind of file; without a name, list them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  headwater schema imagestream > imagestream.schema.json")]
pub struct Args {
    /// The schema's name: imagestream, imagetrigger, triggers, headwater or server
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub fn run(args: &Args, _context: &Context) -> Result<Exit, CliError> {
    let schemas = schemas();
    let short = |file: &str| file.split('.').next().unwrap_or(file).to_owned();
    let names: Vec<String> = schemas.iter().map(|(file, _)| short(file)).collect();
    let Some(name) = &args.name else {
        output::write(&(names.join("\n") + "\n"))?;
        return Ok(Exit::Success);
    };
    let found = schemas
        .iter()
        .find(|(file, _)| file == name || short(file) == *name);
    let Some((_, schema)) = found else {
        return Err(
            CliError::usage(format!("there is no schema called `{name}`"))
                .hint(format!("one of: {}", names.join(", "))),
        );
    };
    let text = serde_json::to_string_pretty(schema)
        .map_err(|error| CliError::failure("the schema cannot be written").because(&error))?;
    output::write(&(text + "\n"))?;
    Ok(Exit::Success)
}
