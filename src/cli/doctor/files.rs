//! The server file, and the files that it names.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::config::forge::ForgeToken;
use crate::config::server::ServerConfig;
use crate::show::doctor::{FileFacts, Finding, State, settings_file};

pub fn look(config: &ServerConfig, context: &Context) -> Vec<Finding> {
    let mut findings = vec![match &context.server_file {
        // It has been read, or the command has ended.
        Some(path) => Finding::new(
            State::Ok,
            "server file",
            path.display().to_string(),
            "valid",
        ),
        None => Finding::new(
            State::Ok,
            "server file",
            "-",
            "none: nothing is restricted, and there is no forge",
        ),
    }];
    let named = named(config);
    findings.extend(named.into_iter().map(|(setting, path, is_secret)| {
        settings_file(&FileFacts {
            setting: setting.to_owned(),
            path: path.display().to_string(),
            is_secret,
            mode: mode(&path),
        })
    }));
    findings
}

/// Every file that the server file names: by which setting, and whether it is a secret.
fn named(config: &ServerConfig) -> Vec<(&'static str, PathBuf, bool)> {
    let mut named = Vec::new();
    let mut add = |setting, path: &Option<PathBuf>, is_secret| {
        named.extend(path.clone().map(|path| (setting, path, is_secret)));
    };
    for host in &config.registries.hosts {
        add("registries.hosts[].caFile", &host.ca_file, false);
        add(
            "registries.hosts[].credentialsFile",
            &host.credentials_file,
            true,
        );
    }
    let git = &config.git;
    add("git.caFile", &git.ca_file, false);
    add("git.knownHosts", &git.known_hosts, false);
    for login in &git.credentials {
        add(
            "git.credentials[].usernameFile",
            &login.username_file,
            false,
        );
        add("git.credentials[].passwordFile", &login.password_file, true);
        add("git.credentials[].tokenFile", &login.token_file, true);
        add("git.credentials[].sshKeyFile", &login.ssh_key_file, true);
    }
    if let Some(signing) = &git.signing {
        add(
            "git.signing.sshKeyFile",
            &Some(signing.ssh_key_file.clone()),
            true,
        );
        add("git.signing.passphraseFile", &signing.passphrase_file, true);
    }
    for forge in &config.forges {
        let (setting, path) = match &forge.token {
            ForgeToken::File(path) => ("forges[].tokenFile", path),
            ForgeToken::App {
                private_key_file, ..
            } => ("forges[].app.privateKeyFile", private_key_file),
        };
        add(setting, &Some(path.clone()), true);
        add("forges[].caFile", &forge.ca_file, false);
        add("forges[].markerKeyFile", &forge.marker_key_file, true);
    }
    named
}

/// The permissions of a file that can be opened.
fn mode(path: &Path) -> Result<Option<u32>, String> {
    let is_folder = fs::metadata(path).is_ok_and(|facts| facts.is_dir());
    if is_folder {
        return Err("it is a folder".to_owned());
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    let facts = file.metadata().map_err(|error| error.to_string())?;
    Ok(bits(&facts))
}

#[cfg(unix)]
fn bits(facts: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(facts.permissions().mode())
}

#[cfg(not(unix))]
fn bits(_: &fs::Metadata) -> Option<u32> {
    None
}
