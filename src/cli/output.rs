//! The only writer to stdout: data, and nothing else. Notes go to stderr.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use crate::cli::error::CliError;

/// The version of every document that a command prints.
pub const API_VERSION: &str = "headwater.dev/v1alpha1";

/// The value of `-o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For programs.
    Yaml,
}

/// `-o`, to be flattened into a command's arguments.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct OutputArgs {
    /// How the data is printed
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: Format,
}

/// Writes text to stdout. A reader that has left (`| head`) is no failure: the work goes on,
/// and its exit code counts.
pub fn write(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CliError::failure("cannot write to stdout").because(&error))
        }
        _ => Ok(()),
    }
}

/// Writes text to stderr; that nobody can read it there is nobody's fault.
pub fn write_note(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
}

/// Writes a document of the given kind, or what `table` makes of it.
pub fn write_document<T: Serialize>(
    format: Format,
    kind: &'static str,
    data: &T,
    table: impl FnOnce(&T) -> String,
) -> Result<(), CliError> {
    let text = match format {
        Format::Table => table(data),
        Format::Json => json(kind, data)?,
        Format::Yaml => yaml(kind, data)?,
    };
    write(&text)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, T> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    data: &'a T,
}

fn document<'a, T>(kind: &'static str, data: &'a T) -> Document<'a, T> {
    Document {
        api_version: API_VERSION,
        kind,
        data,
    }
}

fn json<T: Serialize>(kind: &'static str, data: &T) -> Result<String, CliError> {
    let mut text = serde_json::to_string_pretty(&document(kind, data))
        .map_err(|error| CliError::failure("cannot write the data as JSON").because(&error))?;
    text.push('\n');
    Ok(text)
}

fn yaml<T: Serialize>(kind: &'static str, data: &T) -> Result<String, CliError> {
    serde_yaml::to_string(&document(kind, data))
        .map_err(|error| CliError::failure("cannot write the data as YAML").because(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Data {
        changes: Vec<&'static str>,
    }

    #[test]
    fn documents_carry_version_and_kind() {
        let data = Data {
            changes: vec!["1.10"],
        };
        assert_eq!(
            json("Plan", &data).unwrap(),
            "{\n  \"apiVersion\": \"headwater.dev/v1alpha1\",\n  \"kind\": \"Plan\",\n  \
             \"changes\": [\n    \"1.10\"\n  ]\n}\n"
        );
        assert_eq!(
            yaml("Plan", &data).unwrap(),
            "apiVersion: headwater.dev/v1alpha1\nkind: Plan\nchanges:\n- '1.10'\n"
        );
    }
}
