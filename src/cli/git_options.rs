//! How Git servers are reached: logins from the environment, keys as ssh has them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::forges;
use crate::cli::place::{cache_folder, path_variable};
use crate::cli::server_file;
use crate::config::forge::ForgeKind;
use crate::config::server::GitCredential;
use crate::git::{
    Credentials, HttpCredential, Location, Options, RemoteUrl, Scheme, SigningKey, SshKey,
};

/// The variables that give a login over http(s); each also as `…_FILE`.
const USERNAME: &str = "HEADWATER_GIT_USERNAME";
const PASSWORD: &str = "HEADWATER_GIT_PASSWORD";
/// A private key without a passphrase, beside the agent's and the usual files.
const SSH_KEY: &str = "HEADWATER_GIT_SSH_KEY";
const KNOWN_HOSTS: &str = "HEADWATER_GIT_KNOWN_HOSTS";
const CA_FILE: &str = "HEADWATER_GIT_CA_FILE";
/// The private key that commits are signed with.
const SIGNING_KEY: &str = "HEADWATER_GIT_SIGNING_KEY";
/// Its passphrase; also as `…_FILE`.
const SIGNING_PASSPHRASE: &str = "HEADWATER_GIT_SIGNING_PASSPHRASE";
/// As ssh looks for them.
const USUAL_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// The options for one location, from the environment and the operator's file: a login is given
/// to its own scheme, host and port only.
pub fn git_options(context: &Context, location: &Location) -> Result<Options, CliError> {
    let settings = server_file::read(context)?.git.clone();
    let mut options = Options::new(cache_folder());
    options.tally = Arc::clone(&context.tallies.git);
    options.ca_file = path_variable(CA_FILE).or(settings.ca_file);
    let mut http: Vec<HttpCredential> = http_credential(location)?.into_iter().collect();
    let mut ssh = ssh_keys();
    for credential in &settings.credentials {
        http.extend(listed_login(credential)?);
        if covers(credential, location) {
            ssh.extend(
                credential
                    .ssh_key_file
                    .clone()
                    .map(|private_key| SshKey::File {
                        private_key,
                        passphrase: None,
                    }),
            );
        }
    }
    if !is_covered(&http, location) {
        http.extend(forge_login(context, location)?);
    }
    options.credentials = Credentials {
        http,
        ssh,
        known_hosts: path_variable(KNOWN_HOSTS)
            .or(settings.known_hosts)
            .into_iter()
            .collect(),
    };
    Ok(options)
}

/// The key that commits are signed with, where there is to be one.
pub fn signing_key(context: &Context) -> Result<Option<SigningKey>, CliError> {
    let settings = server_file::read(context)?.git.signing.clone();
    let (path, passphrase) = match (path_variable(SIGNING_KEY), settings) {
        (Some(path), _) => (path, secret(SIGNING_PASSPHRASE)?),
        (None, Some(settings)) => {
            let file = settings.passphrase_file;
            let read = |file: PathBuf| first_line("git.signing.passphraseFile", &file);
            (settings.ssh_key_file, file.map(read).transpose()?)
        }
        (None, None) => return Ok(None),
    };
    let passphrase = passphrase.map(SecretString::from);
    SigningKey::read(&path, passphrase.as_ref())
        .map(Some)
        .map_err(|error| {
            CliError::usage("commits cannot be signed, so none is made").because(&error)
        })
}

/// A login over http(s) that the operator's file lists.
fn listed_login(credential: &GitCredential) -> Result<Option<HttpCredential>, CliError> {
    let Some(file) = credential
        .password_file
        .as_ref()
        .or(credential.token_file.as_ref())
    else {
        return Ok(None);
    };
    let prefix: RemoteUrl = credential.url.parse().map_err(|error| {
        CliError::usage("a Git credential of the server file cannot be used").because(&error)
    })?;
    let username = match &credential.username_file {
        Some(file) => first_line("git.credentials", file)?,
        None => "git".to_owned(),
    };
    Ok(Some(HttpCredential {
        prefix,
        username,
        password: SecretString::from(first_line("git.credentials", file)?),
    }))
}

fn covers(credential: &GitCredential, location: &Location) -> bool {
    match (credential.url.parse::<RemoteUrl>(), location) {
        (Ok(prefix), Location::Remote(url)) => prefix.covers(url),
        _ => false,
    }
}

fn is_covered(logins: &[HttpCredential], location: &Location) -> bool {
    let Location::Remote(url) = location else {
        return false;
    };
    logins.iter().any(|login| login.prefix.covers(url))
}

/// The forge's own token, for the repository that is worked on.
fn forge_login(context: &Context, location: &Location) -> Result<Option<HttpCredential>, CliError> {
    let Location::Remote(url) = location else {
        return Ok(None);
    };
    let Some(place) = forges::place(context, location)? else {
        return Ok(None);
    };
    if url.scheme() == Scheme::Ssh {
        return Ok(None);
    }
    Ok(Some(HttpCredential {
        prefix: url.clone(),
        // The forges look at the token alone; GitHub and GitLab name these.
        username: match place.settings.kind {
            ForgeKind::GitHub => "x-access-token",
            ForgeKind::GitLab | ForgeKind::Gitea | ForgeKind::Forgejo => "oauth2",
        }
        .to_owned(),
        password: place.token().map_err(|error| {
            CliError::denied("the token of the forge cannot be had").because(&error)
        })?,
    }))
}

fn http_credential(location: &Location) -> Result<Option<HttpCredential>, CliError> {
    let Location::Remote(url) = location else {
        return Ok(None);
    };
    let Some(password) = secret(PASSWORD)? else {
        return Ok(None);
    };
    if url.scheme() == Scheme::Ssh {
        return Ok(None);
    }
    let username = secret(USERNAME)?.unwrap_or_else(|| "git".to_owned());
    Ok(Some(HttpCredential {
        prefix: url.clone(),
        username,
        password: SecretString::from(password),
    }))
}

fn ssh_keys() -> Vec<SshKey> {
    let named = path_variable(SSH_KEY);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".ssh"));
    let usual = home
        .into_iter()
        .flat_map(|folder| USUAL_KEYS.map(|name| folder.join(name)))
        .filter(|key| key.is_file());
    let agent = std::env::var_os("SSH_AUTH_SOCK").map(|_| SshKey::Agent);
    let files = named
        .into_iter()
        .chain(usual)
        .map(|private_key| SshKey::File {
            private_key,
            passphrase: None,
        });
    agent.into_iter().chain(files).collect()
}

/// The variable's value, or the first line of the file that `…_FILE` names.
fn secret(variable: &str) -> Result<Option<String>, CliError> {
    if let Ok(value) = std::env::var(variable) {
        return Ok(Some(value).filter(|value| !value.is_empty()));
    }
    let file_variable = format!("{variable}_FILE");
    let Some(file) = path_variable(&file_variable) else {
        return Ok(None);
    };
    first_line(&file_variable, &file).map(Some)
}

/// `who` names the file.
fn first_line(who: &str, file: &Path) -> Result<String, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        CliError::usage(format!(
            "{who} names {}, which cannot be read",
            file.display()
        ))
        .because(&error)
    })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
