//! The integrated registries: whether they take what is copied, and list what is pushed.

use std::collections::BTreeMap;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::place;
use crate::cli::registries::Asker;
use crate::cli::server_file;
use crate::git::Repository;
use crate::image::{Reference, Repository as ImageRepository};
use crate::lookup::{Answer, CatalogQuestion, Question, Resolution};
use crate::policy::IntegratedRegistries;
use crate::reconcile::{Cache, Survey, Surveyed};
use crate::show::doctor::{self, CopyFacts, Finding, State};
use crate::stream::{ImageStream, TagSource};

/// Registries and namespaces that are asked; of a repository with more, the others are told.
const MAX_ASKED: usize = 100;

/// Each registry that a Git repository's streams are copied to is asked whether it takes an image,
/// once for each namespace. An upload is begun and given up: nothing is kept there.
pub fn copies(
    context: &Context,
    repository: &Repository,
    cache: &mut Cache,
) -> Result<Vec<Finding>, CliError> {
    let operator = server_file::operator_policy(context)?;
    let survey =
        Survey::read(repository, cache, &operator).map_err(|error| place::git_error(&error))?;
    let targets = targets(&survey);
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let asker = Asker::new(context)?;
    let mut findings = Vec::new();
    for ((host, _), target) in targets.iter().take(MAX_ASKED) {
        let registries = asker.registries();
        let facts = CopyFacts {
            repository: target.to_string(),
            has_login: asker.run(registries.has_login(target, None)),
            outcome: asker
                .run(registries.check_push(target))
                .map_err(Resolution::from),
        };
        findings.push(doctor::copies(host, &facts));
    }
    if targets.len() > MAX_ASKED {
        let more = format!("{} more are not looked at", targets.len() - MAX_ASKED);
        findings.push(Finding::new(State::Unknown, "copies", "others", more));
    }
    Ok(findings)
}

/// By host and namespace, where one of its streams is kept.
fn targets(survey: &Survey) -> BTreeMap<(String, String), ImageRepository> {
    let mut targets = BTreeMap::new();
    for surveyed in &survey.environments {
        let streams = surveyed.manifests.streams.iter();
        for stream in streams.filter(|stream| takes_copies(surveyed, stream)) {
            if let Some(repository) = stream.own_repository() {
                let host = repository.endpoint().host;
                let key = (host, stream.name.namespace.clone());
                targets.entry(key).or_insert(repository);
            }
        }
    }
    targets
}

/// By its own wish, or since what was pushed into another environment's registry is promoted here.
fn takes_copies(surveyed: &Surveyed, stream: &ImageStream) -> bool {
    let environment = &surveyed.environment;
    let is_apart = environment.promotion.is_some() && environment.integrated_registry.is_some();
    stream
        .tags
        .iter()
        .any(|tag| tag.wants_copy() || (is_apart && matches!(tag.source, TagSource::Pushed(_))))
}

/// Each registry that may create streams is asked for the list of its repositories.
pub fn catalogs(context: &Context) -> Result<Vec<Finding>, CliError> {
    let operator = server_file::operator_policy(context)?;
    let creating: Vec<ImageRepository> = operator
        .integrated
        .iter()
        .flat_map(IntegratedRegistries::all)
        .filter(|registry| registry.create_streams)
        // Only the host counts.
        .filter_map(|registry| format!("{}/x", registry.host).parse().ok())
        .map(|reference: Reference| reference.repository)
        .collect();
    if creating.is_empty() {
        return Ok(Vec::new());
    }
    let asker = Asker::new(context)?;
    let question = |repository: &ImageRepository| {
        Question::Catalog(CatalogQuestion {
            repository: repository.clone(),
        })
    };
    let questions: Vec<Question> = creating.iter().map(question).collect();
    let answers = asker.answer(context, &questions);
    let asked = creating.iter().zip(answers);
    let findings = asked.filter_map(|(repository, answer)| match answer {
        Answer::Catalog(outcome) => Some(doctor::catalog(
            &repository.endpoint().host,
            &outcome.map(|paths| paths.len()),
        )),
        _ => None,
    });
    Ok(findings.collect())
}
