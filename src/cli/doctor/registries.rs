//! The registries that the manifests name.

use std::collections::BTreeMap;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::place;
use crate::cli::registries::Asker;
use crate::cli::server_file;
use crate::clock;
use crate::git::Repository;
use crate::lookup::{Answer, Fault, Lookup, Question, Reason, Resolution};
use crate::reconcile::{Cache, Pass, Scope};
use crate::show::doctor::{self, Finding, RegistryFacts, State};

/// Hosts that are asked; a repository with more is told so.
const MAX_HOSTS: usize = 100;

/// Each registry is asked for one image that is followed there, once with the pull secrets of
/// each namespace.
pub fn look(
    context: &Context,
    repository: &Repository,
    cache: &mut Cache,
) -> Result<Vec<Finding>, CliError> {
    let lookups = one_of_each(followed(context, repository, cache)?);
    let asker = Asker::new(context)?;
    let mut findings = Vec::new();
    let mut timed = None;
    for ((host, _), lookup) in lookups.iter().take(MAX_HOSTS) {
        findings.push(doctor::registry(host, &asked(context, &asker, lookup)));
        let time = asker
            .registries()
            .time_of(&lookup.repository, lookup.insecure);
        // Several namespaces have one clock.
        if timed.replace(host) != Some(host)
            && (time.is_some() || findings.last().is_some_and(|it| it.state == State::Ok))
        {
            findings.push(doctor::clock(host, clock::now(), time));
        }
    }
    if lookups.len() > MAX_HOSTS {
        let more = format!("{} more are not looked at", lookups.len() - MAX_HOSTS);
        findings.push(Finding::new(State::Unknown, "registry", "others", more));
    }
    Ok(findings)
}

fn asked(context: &Context, asker: &Asker, lookup: &Lookup) -> RegistryFacts {
    let login = asker
        .registries()
        .has_login(&lookup.repository, lookup.secrets_of.as_deref());
    let has_login = asker.run(login);
    let answers = asker.answer(context, &[Question::Image(lookup.clone())]);
    let resolution = answers.into_iter().next().and_then(Answer::image);
    RegistryFacts {
        image: lookup.reference().to_string(),
        has_login,
        resolution: resolution.unwrap_or_else(|| Resolution::Unavailable(not_asked())),
    }
}

/// What a pass would ask first: it is planned with registries that do not answer.
fn followed(
    context: &Context,
    repository: &Repository,
    cache: &mut Cache,
) -> Result<Vec<Lookup>, CliError> {
    let operator = server_file::operator_policy(context)?;
    let mut lookups = Vec::new();
    let mut pass = Pass {
        repository,
        cache,
        operator: &operator,
        ask: &mut |questions| questions.iter().map(|it| noted(it, &mut lookups)).collect(),
        // What is followed stands in Git.
        hosting: None,
        prose: None,
        now: clock::now(),
    };
    pass.plan(&Scope::default())
        .map_err(|error| place::pass_error(&error))?;
    Ok(lookups)
}

fn noted(question: &Question, lookups: &mut Vec<Lookup>) -> Answer {
    if let Question::Image(lookup) = question {
        lookups.push(lookup.clone());
    }
    question.unanswered(Resolution::Unavailable(not_asked()))
}

/// By host, and the namespace whose pull secrets are used.
fn one_of_each(lookups: Vec<Lookup>) -> BTreeMap<(String, Option<String>), Lookup> {
    let mut one = BTreeMap::new();
    for mut lookup in lookups {
        // What was read before is to be read again.
        lookup.known.clear();
        lookup.chosen.clear();
        let key = (lookup.repository.endpoint().host, lookup.secrets_of.clone());
        one.entry(key).or_insert(lookup);
    }
    one
}

fn not_asked() -> Fault {
    Fault {
        host: String::new(),
        message: "it is not asked".to_owned(),
        advice: None,
        reason: Reason::InternalError,
    }
}
