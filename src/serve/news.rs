//! Changes of state: what is worth a line in the log, and an event to others.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::events::EventType;
use crate::git::Location;
use crate::serve::event::Event;
use crate::serve::state::{PullRequestState, RepositoryState};
use crate::show::Cell;

/// Something that is now, and was not before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// As the server file calls it.
    pub repository: String,
    pub what: What,
    /// What did it: a bot branch's commit, or the one that entered an environment.
    pub commit: Option<String>,
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
    // Two passes may have read within one second: what they read is compared, not when.
    if before.read.is_some() {
        images(before, after, &mut found);
        pull_requests(before, after, &mut found);
    }
    match (&before.failure, &after.failure) {
        (known, Some(failure))
            if known.as_ref().map(|known| &known.message) != Some(&failure.message) =>
        {
            let reason = failure.message.clone();
            found.push((What::Failed { reason }, None));
        }
        (Some(_), None) => found.push((What::Recovered, None)),
        _ => {}
    }
    let repository = &after.name;
    let news = found.into_iter().map(|(what, commit)| News {
        repository: repository.clone(),
        what,
        commit,
    });
    news.collect()
}

/// What is new, with the commit that did it.
type Found = Vec<(What, Option<String>)>;
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

fn images(before: &RepositoryState, after: &RepositoryState, found: &mut Found) {
    let known = cells(before);
    let requests = after.pull_requests.iter();
    // Of two of one branch the first counts: the one that is open.
    let commits: BTreeMap<&str, &Option<String>> = requests
        .rev()
        .map(|request| (request.branch.as_str(), &request.commit))
        .collect();
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
            let what = match sources.get(environment) {
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
            };
            found.push((what, cell.commit.clone()));
        }
        for pending in &cell.proposed {
            let was_proposed =
                |was: &&Cell| was.proposed.iter().any(|it| it.image == pending.image);
            let Some(to) = &pending.image else { continue };
            if !was.is_some_and(was_proposed) {
                let what = What::ImageMoved {
                    environment: environment.to_owned(),
                    stream_tag: stream_tag.to_owned(),
                    from: cell.image.clone(),
                    to: to.clone(),
                    branch: Some(pending.branch.clone()),
                };
                let commit = commits.get(pending.branch.as_str()).copied();
                found.push((what, commit.cloned().flatten()));
            }
        }
    }
}

fn pull_requests(before: &RepositoryState, after: &RepositoryState, found: &mut Found) {
    for request in &after.pull_requests {
        let mut known = before.pull_requests.iter();
        // What a limit kept back was not there.
        let known = known.find(|it| it.branch == request.branch && it.state != "queued");
        let is_open = |it: &PullRequestState| it.state == "open";
        if is_open(request) && known.is_none_or(|known| known.number != request.number) {
            let what = What::PullRequestOpened {
                environment: request.environment.clone(),
                branch: request.branch.clone(),
                title: request.title.clone(),
                url: request.url.clone(),
            };
            found.push((what, request.commit.clone()));
        }
        let is_blocked = matches!(request.state.as_str(), "conflict" | "edited");
        if is_blocked && known.is_none_or(|known| known.state != request.state) {
            let words = match request.state.as_str() {
                "conflict" => "it conflicts with its base",
                _ => "somebody's own work is on it",
            };
            let what = What::Blocked {
                environment: request.environment.clone(),
                branch: request.branch.clone(),
                reason: words.to_owned(),
                url: request.url.clone(),
            };
            found.push((what, request.commit.clone()));
        }
    }
}

/// The same for all kinds of news: what does not belong to one is none.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// None where others are told nothing of it.
    pub kind: Option<EventType>,
    pub environment: Option<String>,
    pub from_environment: Option<String>,
    pub stream_tag: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub branch: Option<String>,
    pub title: Option<String>,
    pub url: Option<String>,
    pub reason: Option<String>,
}

impl What {
    pub(crate) fn facts(&self) -> Facts {
        match self.clone() {
            Self::ImageMoved {
                environment,
                stream_tag,
                from,
                to,
                branch,
            } => Facts {
                kind: Some(EventType::ImageMoved),
                environment: Some(environment),
                stream_tag: Some(stream_tag),
                from,
                to: Some(to),
                branch,
                ..Facts::default()
            },
            Self::PullRequestOpened {
                environment,
                branch,
                title,
                url,
            } => Facts {
                kind: Some(EventType::PullRequestOpened),
                environment: Some(environment),
                branch: Some(branch),
                title: Some(title),
                url,
                ..Facts::default()
            },
            Self::Promoted {
                environment,
                from_environment,
                stream_tag,
                from,
                to,
            } => Facts {
                kind: Some(EventType::Promoted),
                environment: Some(environment),
                from_environment: Some(from_environment),
                stream_tag: Some(stream_tag),
                from,
                to: Some(to),
                ..Facts::default()
            },
            Self::Blocked {
                environment,
                branch,
                reason,
                url,
            } => Facts {
                kind: Some(EventType::Blocked),
                environment: Some(environment),
                branch: Some(branch),
                reason: Some(reason),
                url,
                ..Facts::default()
            },
            Self::Failed { reason } => Facts {
                kind: Some(EventType::Failed),
                reason: Some(reason),
                ..Facts::default()
            },
            Self::Recovered => Facts::default(),
        }
    }
}

impl News {
    /// The event that others are told; none where there is none of this kind.
    pub fn event(&self, repository: &Location, now: Timestamp) -> Option<Event> {
        let facts = self.what.facts();
        Some(Event {
            environment: facts.environment,
            stream_tag: facts.stream_tag,
            digest: facts.to,
            previous_digest: facts.from,
            commit: self.commit.clone(),
            branch: facts.branch,
            pull_request: facts.url,
            reason: facts.reason,
            ..Event::new(facts.kind?, repository.clone(), &self.repository, now)
        })
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::state::Failure;
    use crate::show::{Column, Line, Pending, Status};

    fn column(name: &str, from: Option<&str>) -> Column {
        Column {
            name: name.to_owned(),
            branch: name.to_owned(),
            commit: "c".repeat(40),
            promoted_from: from.map(str::to_owned),
        }
    }

    fn cell(environment: &str, image: Option<&str>, proposed: &[&str]) -> Cell {
        let pending = |image: &&str| Pending {
            branch: "headwater/dev/shop.web".to_owned(),
            state: "open",
            image: Some((*image).to_owned()),
            number: None,
            url: None,
        };
        Cell {
            environment: environment.to_owned(),
            stream_tag: Some("shop/web:1".to_owned()),
            image: image.map(str::to_owned),
            proposed: proposed.iter().map(pending).collect(),
            ..Cell::default()
        }
    }

    fn state(read: &str, cells: Vec<Cell>) -> RepositoryState {
        RepositoryState {
            name: "deploy".to_owned(),
            read: Some(read.to_owned()),
            status: Status {
                environments: vec![column("dev", None), column("prod", Some("dev"))],
                stream_tags: vec![Line {
                    name: "shop/web:1".to_owned(),
                    environments: cells,
                }],
            },
            ..RepositoryState::default()
        }
    }

    fn told(before: &RepositoryState, after: &RepositoryState) -> Vec<What> {
        between(before, after)
            .into_iter()
            .map(|news| news.what)
            .collect()
    }

    #[test]
    fn each_change_is_told_once() {
        let before = state(
            "1",
            vec![cell("dev", Some("a"), &[]), cell("prod", Some("a"), &[])],
        );
        assert_eq!(told(&before, &before), []);
        let proposed = state(
            "2",
            vec![cell("dev", Some("a"), &["b"]), cell("prod", Some("a"), &[])],
        );
        let moved = What::ImageMoved {
            environment: "dev".to_owned(),
            stream_tag: "shop/web:1".to_owned(),
            from: Some("a".to_owned()),
            to: "b".to_owned(),
            branch: Some("headwater/dev/shop.web".to_owned()),
        };
        assert_eq!(told(&before, &proposed), [moved]);
        let merged = state(
            "3",
            vec![cell("dev", Some("b"), &[]), cell("prod", Some("a"), &[])],
        );
        assert!(matches!(
            &told(&proposed, &merged)[..],
            [What::ImageMoved { branch: None, .. }]
        ));
        let promoted = state(
            "4",
            vec![cell("dev", Some("b"), &[]), cell("prod", Some("b"), &[])],
        );
        let told = told(&merged, &promoted);
        let is_it = |what: &What| {
            matches!(what, What::Promoted { environment, from_environment, to, .. }
                if environment == "prod" && from_environment == "dev" && to == "b")
        };
        assert!(told.len() == 1 && is_it(&told[0]), "{told:?}");
    }

    #[test]
    fn a_pull_request_that_was_queued_is_opened() {
        let with = |read: &str, request: &str| {
            let mut state = state(read, Vec::new());
            state.pull_requests = vec![PullRequestState {
                environment: "dev".to_owned(),
                branch: "headwater/dev/web".to_owned(),
                state: request.to_owned(),
                title: "Update web:1 in dev".to_owned(),
                commit: None,
                since: None,
                number: None,
                url: None,
                images: Vec::new(),
                waiting: Vec::new(),
                opened: None,
            }];
            state
        };
        let opened = told(&with("1", "queued"), &with("2", "open"));
        let is_opened = |what: &What| matches!(what, What::PullRequestOpened { .. });
        assert!(opened.len() == 1 && is_opened(&opened[0]), "{opened:?}");
        assert_eq!(told(&with("1", "open"), &with("2", "open")), []);
        assert_eq!(told(&state("1", Vec::new()), &with("2", "queued")), []);
    }

    #[test]
    fn what_changes_within_a_second_is_told_too() {
        let before = state("1", vec![cell("dev", Some("a"), &[])]);
        let after = state("1", vec![cell("dev", Some("b"), &[])]);
        assert_eq!(told(&before, &after).len(), 1);
        assert_eq!(told(&after, &after), []);
    }

    #[test]
    fn a_first_look_tells_of_a_failure_alone() {
        let before = RepositoryState::default();
        let mut after = state("1", vec![cell("dev", Some("a"), &["b"])]);
        assert_eq!(told(&before, &after), []);
        after.failure = Some(Failure {
            since: "1".to_owned(),
            count: 1,
            message: "it is away".to_owned(),
            hint: None,
        });
        let reason = "it is away".to_owned();
        assert_eq!(told(&before, &after), [What::Failed { reason }]);
        // Again the same is no news; that it works again is.
        assert_eq!(told(&after, &after), []);
        let mut well = after.clone();
        well.failure = None;
        assert_eq!(told(&after, &well), [What::Recovered]);
    }
}
