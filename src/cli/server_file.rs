//! The operator's file, where `--config` names one, and the variables that win over it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::pull_secrets;
use crate::config::integrated_registry::IntegratedRegistrySettings;
use crate::config::server::{self, ServerConfig};
use crate::config::settings::{self, Settings};
use crate::config::variables::Variables;
use crate::policy::OperatorPolicy;
use crate::problem::Problem;
use crate::snapshot::FilePath;
use crate::yaml::MAX_FILE_BYTES;

/// What the operator's file and the variables say; without them, nothing is restricted and nothing is known. It is
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
        integrated: config
            .integrated_registry
            .as_ref()
            .map(IntegratedRegistrySettings::registries),
    })
}

/// What is in force by it and by variables, and where it comes from.
pub fn settings(context: &Context) -> Result<Settings, CliError> {
    let path = context.server_file.as_deref();
    let (settings, problems) = settings::settings(&name(path), &bytes(path)?, &variables());
    context.problems(&problems);
    settings.ok_or_else(|| unusable(path).hint("mend what is named above"))
}

fn read_file(context: &Context) -> Result<ServerConfig, CliError> {
    let path = context.server_file.as_deref();
    let (config, problems) = read_path(path)?;
    context.problems(&problems);
    config.ok_or_else(|| unusable(path).hint("mend what is named above"))
}

/// The file and the variables, read anew; what is wrong with them is named in the error. An empty
/// file is about to be written, or was written by accident.
pub fn read_anew(path: Option<&Path>) -> Result<ServerConfig, CliError> {
    if path.is_some_and(is_empty) {
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

fn is_empty(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|file| file.len() == 0)
}

/// Those of this process that give settings.
pub fn variables() -> Variables {
    Variables::of(std::env::vars_os())
}

fn unusable(path: Option<&Path>) -> CliError {
    CliError::usage(match path {
        Some(path) => format!("the server file {} cannot be used", path.display()),
        None => "the settings in variables cannot be used".to_owned(),
    })
}

fn read_path(path: Option<&Path>) -> Result<(Option<ServerConfig>, Vec<Problem>), CliError> {
    Ok(server::read_with(&name(path), &bytes(path)?, &variables()))
}

fn bytes(path: Option<&Path>) -> Result<Vec<u8>, CliError> {
    let Some(file) = path else {
        return Ok(Vec::new());
    };
    let bytes = std::fs::read(file).map_err(|error| unusable(path).because(&error))?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(unusable(path).why(format!("it has more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

/// What problems call the file.
fn name(path: Option<&Path>) -> FilePath {
    let name = path
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned());
    name.and_then(|name| name.parse().ok())
        .unwrap_or_else(FilePath::unnamed)
}
