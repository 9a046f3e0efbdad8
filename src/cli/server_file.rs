//! The operator's file, where `--config` names one.

use std::collections::BTreeSet;
use std::path::Path;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::pull_secrets;
use crate::config::server::{self, ServerConfig};
use crate::policy::OperatorPolicy;
use crate::problem::Problem;
use crate::snapshot::FilePath;
use crate::yaml::MAX_FILE_BYTES;

/// What the operator's file says; without one, nothing is restricted and nothing is known. It is
/// read, and its problems are shown, once a command.
pub fn read(context: &Context) -> Result<&ServerConfig, CliError> {
    if let Some(config) = context.server.get() {
        return Ok(config);
    }
    let config = read_file(context)?;
    Ok(context.server.get_or_init(|| config))
}

/// What the operator's file says about planning.
pub fn operator_policy(context: &Context) -> Result<OperatorPolicy, CliError> {
    let config = read(context)?;
    Ok(OperatorPolicy {
        enforces_access: config.access.enforce,
        namespaces_with_secrets: match &config.pull_secrets.folder {
            Some(folder) => pull_secrets::namespaces(folder),
            None => BTreeSet::new(),
        },
        ..OperatorPolicy::default()
    })
}

fn read_file(context: &Context) -> Result<ServerConfig, CliError> {
    let Some(path) = &context.server_file else {
        return Ok(ServerConfig::default());
    };
    let (config, problems) = read_path(path)?;
    context.problems(&problems);
    config.ok_or_else(|| unusable(path).hint("mend what is named above"))
}

/// The file, read anew; what is wrong with it is named in the error. An empty one is about to be
/// written, or was written by accident.
pub fn read_anew(path: &Path) -> Result<ServerConfig, CliError> {
    if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
        return Err(unusable(path).why("it is empty"));
    }
    let (config, problems) = read_path(path)?;
    config.ok_or_else(|| {
        let mut error = unusable(path);
        for problem in problems {
            error = error.why(problem.to_string());
        }
        error
    })
}

fn unusable(path: &Path) -> CliError {
    CliError::usage(format!("the server file {} cannot be used", path.display()))
}

fn read_path(path: &Path) -> Result<(Option<ServerConfig>, Vec<Problem>), CliError> {
    let bytes = std::fs::read(path).map_err(|error| unusable(path).because(&error))?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(unusable(path).why(format!("it has more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(server::read(&name(path), &bytes))
}

/// What problems call the file.
fn name(path: &Path) -> FilePath {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    name.and_then(|name| name.parse().ok())
        .unwrap_or_else(FilePath::unnamed)
}
