//! The forge of a Git repository: who asks, what they may do, and what it demands.

use crate::cli::context::Context;
use crate::cli::doctor::without_label;
use crate::cli::error::CliError;
use crate::cli::forges;
use crate::clock;
use crate::config::forge::ForgeToken;
use crate::environment::Environment;
use crate::forge::{Error, Forge};
use crate::gate::Gates;
use crate::git::Location;
use crate::reconcile::Configuration;
use crate::revision::BranchName;
use crate::show::doctor::{self, Finding, ForgeWishes, State};

/// Nothing where the repository has no forge. Without a default branch, protection is not asked.
pub fn look(
    context: &Context,
    location: &Location,
    configuration: &Configuration,
    default: Option<&BranchName>,
) -> Result<Vec<Finding>, CliError> {
    let Some(place) = forges::place(context, location)? else {
        return Ok(Vec::new());
    };
    let of = format!("{} {}", place.settings.kind.name(), place.project);
    let opened = match forges::open(context, location) {
        Ok(Some(opened)) => opened,
        Ok(None) => return Ok(Vec::new()),
        Err(error) => {
            let reason = without_label(&error);
            let advice = Some("mend it in the server file");
            return Ok(vec![doctor::forge_failed(&of, &reason, advice)]);
        }
    };
    let hosting = opened.hosting();
    let standing = match hosting.forge.standing() {
        Ok(standing) => standing,
        Err(error) => return Ok(vec![failed(&of, &error)]),
    };
    let ours = clock::now();
    let wishes = ForgeWishes {
        kind: place.settings.kind,
        is_app: matches!(place.settings.token, ForgeToken::App { .. }),
        merge_method: configuration.policy.pull_requests.merge_method,
        automerges: configuration.environments.iter().any(|it| it.automerge),
        has_gates: configuration
            .environments
            .iter()
            .any(|it| it.gates != Gates::default()),
    };
    let mut findings = doctor::forge(&of, &wishes, &standing);
    if let Some(default) = default {
        for environment in &configuration.environments {
            let branch = environment.branch.as_ref().unwrap_or(default);
            findings.push(protection(&of, hosting.forge, environment, branch));
        }
    }
    findings.push(doctor::clock(&of, ours, standing.time));
    Ok(findings)
}

fn protection(
    of: &str,
    forge: &dyn Forge,
    environment: &Environment,
    branch: &BranchName,
) -> Finding {
    match forge.protection(branch) {
        Ok(protection) => doctor::protection(of, environment, branch.as_str(), &protection),
        Err(error) => {
            let of = format!("{of} {branch}");
            Finding::new(State::Unknown, "protection", of, error.to_string())
        }
    }
}

fn failed(of: &str, error: &Error) -> Finding {
    let advice = match error {
        Error::Denied { .. } => Some("make a new token, and put it into the file"),
        Error::Missing { .. } => Some(
            "see whether the repository is called so, and give the token's account access to it",
        ),
        Error::Unavailable { .. } => Some("see whether the forge's API can be reached from here"),
        Error::Limited { .. } => Some("wait, or find out who else uses the token"),
        Error::Refused { .. } | Error::Unusable { .. } => {
            Some("see whether `api` of the server file is the API of this forge")
        }
        Error::Settings(_) => Some("mend it in the server file"),
    };
    doctor::forge_failed(of, &error.to_string(), advice)
}
