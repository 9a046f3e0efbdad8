//! A Git repository: whether it can be read and written, and what stands in the way.

use std::error::Error as _;

use crate::cli::context::Context;
use crate::cli::doctor::{forge, kept, registries, without_label};
use crate::cli::error::CliError;
use crate::cli::git_options::{git_options, signing_key};
use crate::cli::place;
use crate::git::{
    Error, HostKey, HostTrust, Location, Options, RemoteUrl, Repository, Scheme, host_key, may_push,
};
use crate::problem::{Problem, Severity};
use crate::reconcile::Configuration;
use crate::revision::BranchName;
use crate::show::doctor::{self, Finding, KeyTrust, ShownKey, State, Trouble};

/// Below which the bot's branches are.
const BOT: &str = "headwater";

/// The repository, its forge and its registries.
pub fn look(context: &Context, location: &Location) -> Result<Vec<Finding>, CliError> {
    let of = location.to_string();
    let options = match git_options(context, location) {
        Ok(options) => options,
        Err(error) => {
            let reason = without_label(&error);
            let unreachable = doctor::unreachable(&of, Trouble::Login, &reason);
            let forge = forge::look(context, location, &Configuration::default(), None)?;
            return Ok(std::iter::once(unreachable).chain(forge).collect());
        }
    };
    let mut findings = Vec::new();
    if let Location::Remote(url) = location
        && url.scheme() == Scheme::Ssh
    {
        findings.push(key(&of, url, &options));
    }
    let opened = Repository::open(location, &options).and_then(|repository| {
        let default = repository.default_branch()?;
        let tip = repository.snapshot(&default)?.commit;
        Ok((repository, default, tip))
    });
    let (repository, default, tip) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            findings.push(doctor::unreachable(&of, trouble(&error), &reason(&error)));
            findings.extend(forge::look(
                context,
                location,
                &Configuration::default(),
                None,
            )?);
            return Ok(findings);
        }
    };
    findings.push(doctor::reachable(&of, default.as_str(), &tip.short()));
    if let Location::Remote(url) = location {
        let outcome = may_push(url, &options).map_err(|error| reason(&error));
        findings.push(doctor::push(&of, &outcome));
    }
    if repository.is_shallow() {
        findings.push(doctor::shallow(&of));
    }
    let inside = inside(context, location, &repository, &default);
    findings.extend(inside.unwrap_or_else(|error| {
        let reason = without_label(&error);
        vec![doctor::unreachable(&of, Trouble::Other, &reason)]
    }));
    Ok(findings)
}

/// What stands in it, and what that needs.
fn inside(
    context: &Context,
    location: &Location,
    repository: &Repository,
    default: &BranchName,
) -> Result<Vec<Finding>, CliError> {
    let of = location.to_string();
    let mut cache = place::cache(location);
    let (_, configuration) = place::configuration(repository, &mut cache)?;
    let mut findings = configuration_file(&of, &configuration.problems);
    findings.extend(branches(&of, repository, &configuration, default)?);
    findings.extend(forge::look(
        context,
        location,
        &configuration,
        Some(default),
    )?);
    findings.extend(registries::look(context, repository, &mut cache)?);
    findings.extend(kept::copies(context, repository, &mut cache)?);
    Ok(findings)
}

/// The key that commits are signed with.
pub fn signing(context: &Context) -> Finding {
    match signing_key(context) {
        Ok(key) => {
            let fingerprint = key.map(|key| key.fingerprint());
            doctor::signing_key(Ok(fingerprint.as_deref()))
        }
        Err(error) => doctor::signing_key(Err(&without_label(&error))),
    }
}

fn key(of: &str, url: &RemoteUrl, options: &Options) -> Finding {
    match host_key(url, &options.credentials) {
        Ok(key) => doctor::host_key(of, &shown(key)),
        Err(error) => Finding::new(State::Unknown, "host key", of, reason(&error)),
    }
}

fn shown(key: HostKey) -> ShownKey {
    ShownKey {
        trust: match key.trust {
            HostTrust::Known => KeyTrust::Known,
            HostTrust::Unknown => KeyTrust::Unknown,
            HostTrust::Changed => KeyTrust::Changed,
            HostTrust::Revoked => KeyTrust::Revoked,
        },
        shown: format!("{} {}", key.kind, key.fingerprint),
        line: key.line,
        expected: key.expected,
        files: key
            .files
            .iter()
            .map(|file| file.display().to_string())
            .collect(),
    }
}

fn configuration_file(of: &str, problems: &[Problem]) -> Vec<Finding> {
    let finding = |problem: &Problem| {
        let state = match problem.severity {
            Severity::Error => State::Fault,
            Severity::Warning => State::Warning,
            Severity::Note => return None,
        };
        let place = problem.place.as_ref().map(|place| format!("{place}: "));
        let found = format!("{}{}", place.unwrap_or_default(), problem.message);
        let advice = problem.advice.as_deref();
        let usual = "`headwater validate` shows all that is to be mended";
        Some(Finding::new(state, "headwater.yaml", of, found).advice(advice.unwrap_or(usual)))
    };
    problems.iter().filter_map(finding).collect()
}

fn branches(
    of: &str,
    repository: &Repository,
    configuration: &Configuration,
    default: &BranchName,
) -> Result<Vec<Finding>, CliError> {
    let is_there = |branch: &BranchName| {
        let found = repository.branch(branch);
        found
            .map(|commit| commit.is_some())
            .map_err(|error| place::git_error(&error))
    };
    let mut findings = Vec::new();
    let mut bots = vec![BOT.to_owned()];
    for environment in &configuration.environments {
        bots.push(format!("{BOT}/{}", environment.name));
        if let Some(branch) = &environment.branch {
            let own = std::slice::from_ref(environment);
            let beginning = configuration.beginning(own, default, is_there)?;
            findings.push(doctor::environment_branch(
                of,
                environment,
                branch.as_str(),
                &beginning,
                is_there(branch)?,
                repository.at_origin(branch).as_deref(),
            ));
        }
    }
    for name in bots {
        if let Ok(branch) = name.parse()
            && is_there(&branch)?
        {
            findings.push(doctor::blocking_branch(of, branch.as_str()));
        }
    }
    Ok(findings)
}

fn trouble(error: &Error) -> Trouble {
    match error {
        Error::Location(_)
        | Error::NotARepository { .. }
        | Error::NoDefaultBranch { .. }
        | Error::Empty { .. } => Trouble::Nothing,
        Error::Denied { .. } => Trouble::Login,
        Error::Untrusted { .. } => Trouble::Trust,
        Error::Unreachable { .. } => Trouble::Network,
        _ => Trouble::Other,
    }
}

fn reason(error: &Error) -> String {
    let mut text = error.to_string();
    if let Some(cause) = error.source() {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(&format!(": {cause}"));
        }
    }
    text
}
