//! Changes of state: what is worth a line in the log, and an event to others.

use std::collections::BTreeMap;

use crate::serve::state::{PullRequestState, RepositoryState};
use crate::show::Cell;

/// Something that is now, and was not before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// As the server file calls it.
    pub repository: String,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A bot branch proposes another image, or an environment has one that is no promotion.
    ImageMoved {
        environment: String,
        stream_tag: String,
        from: Option<String>,
        to: String,
        /// The branch that proposes it; none where the environment has it.
        branch: Option<String>,
    },
    PullRequestOpened {
        environment: String,
        branch: String,
        title: String,
        url: Option<String>,
    },
    /// An environment has an image of its source.
    Promoted {
        environment: String,
        from_environment: String,
        stream_tag: String,
        from: Option<String>,
        to: String,
    },
    /// A person has to do something about a bot branch.
    Blocked {
        environment: String,
        branch: String,
        reason: String,
        url: Option<String>,
    },
    /// Passes fail since now.
    Failed { reason: String },
    /// Passes do not fail any more.
    Recovered,
}

/// What is new in `after`. Of a repository that is looked at for the first time only a failure is.
pub fn between(before: &RepositoryState, after: &RepositoryState) -> Vec<News> {
    let mut found = Vec::new();
    if before.read.is_some() && before.read != after.read {
        images(before, after, &mut found);
        pull_requests(before, after, &mut found);
    }
    match (&before.failure, &after.failure) {
        (None, Some(failure)) => found.push(What::Failed {
            reason: failure.message.clone(),
        }),
        (Some(known), Some(failure)) if known.message != failure.message => {
            found.push(What::Failed {
                reason: failure.message.clone(),
            });
        }
        (Some(_), None) => found.push(What::Recovered),
        _ => {}
    }
    let repository = &after.name;
    let news = found.into_iter().map(|what| News {
        repository: repository.clone(),
        what,
    });
    news.collect()
}

type Cells<'s> = BTreeMap<(&'s str, &'s str), &'s Cell>;

fn cells(state: &RepositoryState) -> Cells<'_> {
    let lines = state.status.stream_tags.iter();
    let cells = lines.flat_map(|line| &line.environments);
    let named = cells.filter_map(|cell| {
        let tag = cell.stream_tag.as_deref()?;
        Some(((cell.environment.as_str(), tag), cell))
    });
    named.collect()
}

fn images(before: &RepositoryState, after: &RepositoryState, found: &mut Vec<What>) {
    let known = cells(before);
    let sources: BTreeMap<&str, &str> = after
        .status
        .environments
        .iter()
        .filter_map(|column| Some((column.name.as_str(), column.promoted_from.as_deref()?)))
        .collect();
    for ((environment, stream_tag), cell) in cells(after) {
        let was = known.get(&(environment, stream_tag));
        let from = was.and_then(|was| was.image.clone());
        if let Some(to) = cell.image.clone().filter(|to| from.as_ref() != Some(to)) {
            found.push(match sources.get(environment) {
                Some(source) => What::Promoted {
                    environment: environment.to_owned(),
                    from_environment: (*source).to_owned(),
                    stream_tag: stream_tag.to_owned(),
                    from: from.clone(),
                    to,
                },
                None => What::ImageMoved {
                    environment: environment.to_owned(),
                    stream_tag: stream_tag.to_owned(),
                    from: from.clone(),
                    to,
                    branch: None,
                },
            });
        }
        for pending in &cell.proposed {
            let was_proposed =
                |was: &&Cell| was.proposed.iter().any(|it| it.image == pending.image);
            let Some(to) = &pending.image else { continue };
            if !was.is_some_and(was_proposed) {
                found.push(What::ImageMoved {
                    environment: environment.to_owned(),
                    stream_tag: stream_tag.to_owned(),
                    from: cell.image.clone(),
                    to: to.clone(),
                    branch: Some(pending.branch.clone()),
                });
            }
        }
    }
}

fn pull_requests(before: &RepositoryState, after: &RepositoryState, found: &mut Vec<What>) {
    for request in &after.pull_requests {
        let mut known = before.pull_requests.iter();
        let known = known.find(|known| known.branch == request.branch);
        let is_open = |it: &PullRequestState| it.state == "open";
        if is_open(request) && known.is_none_or(|known| known.number != request.number) {
            found.push(What::PullRequestOpened {
                environment: request.environment.clone(),
                branch: request.branch.clone(),
                title: request.title.clone(),
                url: request.url.clone(),
            });
        }
        let is_blocked = matches!(request.state.as_str(), "conflict" | "edited");
        if is_blocked && known.is_none_or(|known| known.state != request.state) {
            let words = match request.state.as_str() {
                "conflict" => "it conflicts with its base",
                _ => "somebody's own work is on it",
            };
            found.push(What::Blocked {
                environment: request.environment.clone(),
                branch: request.branch.clone(),
                reason: words.to_owned(),
                url: request.url.clone(),
            });
        }
    }
}

impl News {
    /// One line in the log.
    pub fn log(&self) {
        let repository = self.repository.as_str();
        match &self.what {
            What::ImageMoved {
                environment,
                stream_tag,
                from,
                to,
                branch,
            } => tracing::info!(
                repo = repository,
                env = environment,
                stream = stream_tag,
                digest = to,
                previous = from.as_deref().unwrap_or_default(),
                branch = branch.as_deref().unwrap_or_default(),
                "the image has moved"
            ),
            What::PullRequestOpened {
                environment,
                branch,
                title,
                url,
            } => tracing::info!(
                repo = repository,
                env = environment,
                branch,
                url = url.as_deref().unwrap_or_default(),
                "opened: {title}"
            ),
            What::Promoted {
                environment,
                from_environment,
                stream_tag,
                from,
                to,
            } => tracing::info!(
                repo = repository,
                env = environment,
                source = from_environment,
                stream = stream_tag,
                digest = to,
                previous = from.as_deref().unwrap_or_default(),
                "promoted"
            ),
            What::Blocked {
                environment,
                branch,
                reason,
                ..
            } => tracing::warn!(
                repo = repository,
                env = environment,
                branch,
                "blocked: {reason}"
            ),
            What::Failed { reason } => tracing::error!(repo = repository, "failed: {reason}"),
            What::Recovered => tracing::info!(repo = repository, "works again"),
        }
    }
}
