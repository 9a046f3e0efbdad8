//! What all environments have, as values to be shown: streams by environments.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::environment::{Environment, EnvironmentName};
use crate::git::{Error, Repository};
use crate::plan::{BranchState, Plan, TaggedImage, images};
use crate::reconcile::bot_branch::{Proposed, proposed};
use crate::reconcile::entry::Entry;
use crate::reconcile::hosting::Hosting;
use crate::reconcile::running::{Sought, entries};
use crate::reconcile::survey::{Survey, Surveyed};
use crate::reconcile::timeline::timeline;
use crate::revision::CommitId;
use crate::show::{
    Cell, Column, Compared, Line, Pending, Running, Status, Why, reasons, rows, running,
};
use crate::stream::StreamTagName;

/// A bot branch that waits for somebody.
#[derive(Debug)]
pub struct OpenBranch {
    pub environment: EnvironmentName,
    pub images: Vec<TaggedImage>,
    pub message: String,
    /// When its pull request was opened; none where there is no forge.
    pub opened: Option<Timestamp>,
    /// When its commit was made, RFC 3339; none where that is not known.
    pub made: Option<String>,
    pub commit: Option<CommitId>,
    pending: Pending,
}

impl OpenBranch {
    /// The branch, whatever it would bring.
    pub fn pending(&self) -> &Pending {
        &self.pending
    }

    /// The branch with one of the images that it would bring.
    pub fn with(&self, image: &TaggedImage) -> Pending {
        Pending {
            image: Some(image.digest.to_string()),
            ..self.pending.clone()
        }
    }
}

/// The bot branches that are neither merged nor closed, with their pull requests.
pub fn open_branches(
    repository: &Repository,
    survey: &Survey,
    hosting: Option<&Hosting<'_>>,
) -> Result<Vec<OpenBranch>, Error> {
    let environments: Vec<Environment> = survey
        .environments
        .iter()
        .map(|surveyed| surveyed.environment.clone())
        .collect();
    let all = |_: &_| true;
    let found = proposed(repository, &environments, &survey.default, &all)?;
    let view = hosting.map(Hosting::view);
    let mut open = Vec::new();
    for proposed in found {
        if matches!(
            proposed.state,
            BranchState::Closed { .. } | BranchState::Merged
        ) {
            continue;
        }
        let message = message(repository, &proposed)?;
        let page = view
            .as_ref()
            .and_then(|view| view.open_of(&proposed.branch, &proposed.base));
        open.push(OpenBranch {
            images: images(&message),
            commit: proposed.main_commit().map(|commit| commit.id),
            made: proposed.main_commit().map(|commit| commit.time.to_string()),
            message,
            opened: page.map(|page| page.created),
            pending: Pending {
                branch: proposed.branch.to_string(),
                state: proposed.state.name(),
                image: None,
                number: page.map(|page| page.number),
                url: page.map(|page| page.url.clone()),
            },
            environment: proposed.environment,
        });
    }
    Ok(open)
}

/// What the bot says on its branch: a promotion's has the source's commits too.
fn message(repository: &Repository, proposed: &Proposed) -> Result<String, Error> {
    match proposed.main_commit() {
        Some(commit) => Ok(commit.message.clone()),
        None => repository.message(proposed.head),
    }
}

/// What is gathered once for all rows.
struct Gathered<'o> {
    repository: &'o Repository,
    survey: &'o Survey,
    /// By environment, as in the survey.
    running: Vec<BTreeMap<StreamTagName, Running<'o>>>,
    entries: BTreeMap<(EnvironmentName, StreamTagName), Entry>,
    waiting: BTreeMap<EnvironmentName, BTreeMap<StreamTagName, Vec<Why>>>,
    open: BTreeMap<(EnvironmentName, StreamTagName), BTreeSet<Pending>>,
}

/// Which image each environment has, since when, and what it waits for. `plans` say the latter.
pub fn status(
    repository: &Repository,
    survey: &Survey,
    plans: &[Plan],
    branches: &[OpenBranch],
) -> Result<Status, Error> {
    let environments = &survey.environments;
    let running: Vec<Vec<Running<'_>>> = environments
        .iter()
        .map(|surveyed| running(&surveyed.manifests))
        .collect();
    let entries = since(repository, survey, &running)?;
    let mut open: BTreeMap<_, BTreeSet<Pending>> = BTreeMap::new();
    for branch in branches {
        for image in &branch.images {
            let key = (branch.environment.clone(), image.tag.clone());
            open.entry(key).or_default().insert(branch.with(image));
        }
    }
    let names: Vec<Vec<StreamTagName>> = running
        .iter()
        .map(|tags| tags.iter().map(|one| one.tag.clone()).collect())
        .collect();
    let gathered = Gathered {
        repository,
        survey,
        running: running
            .into_iter()
            .map(|tags| tags.into_iter().map(|one| (one.tag.clone(), one)).collect())
            .collect(),
        entries,
        waiting: plans
            .iter()
            .map(|plan| (plan.environment.name.clone(), reasons(plan)))
            .collect(),
        open,
    };
    let mut lines = Vec::new();
    for row in rows(&names) {
        let cells = (0..environments.len()).map(|number| gathered.cell(number, &row.tags));
        lines.push(Line {
            name: row.name,
            environments: cells.collect::<Result<_, Error>>()?,
        });
    }
    Ok(Status {
        environments: environments.iter().map(column).collect(),
        stream_tags: lines,
    })
}

fn column(surveyed: &Surveyed) -> Column {
    let promotion = surveyed.environment.promotion.as_ref();
    Column {
        name: surveyed.environment.name.to_string(),
        branch: surveyed.snapshot.branch.to_string(),
        commit: surveyed.snapshot.commit.to_string(),
        promoted_from: promotion.map(|promotion| promotion.from.to_string()),
    }
}

/// The commits that brought what is recorded now.
fn since(
    repository: &Repository,
    survey: &Survey,
    running: &[Vec<Running<'_>>],
) -> Result<BTreeMap<(EnvironmentName, StreamTagName), Entry>, Error> {
    let environments = survey.environments.iter();
    let sought: Vec<Sought<'_>> = environments
        .zip(running)
        .flat_map(|(surveyed, tags)| tags.iter().filter_map(|one| sought(surveyed, one)))
        .collect();
    entries(repository, &sought)
}

/// None where no record says what runs.
pub fn sought<'a>(surveyed: &'a Surveyed, one: &'a Running<'_>) -> Option<Sought<'a>> {
    let image = one.image.as_deref()?;
    let newest = one.recorded.first()?;
    let is_recorded = newest.image == image || newest.image.is_empty();
    is_recorded.then_some(Sought {
        environment: &surveyed.environment.name,
        head: surveyed.snapshot.commit,
        stream: one.stream,
        tag: &one.tag.tag,
        image,
    })
}

impl Gathered<'_> {
    fn cell(&self, number: usize, tags: &[Option<StreamTagName>]) -> Result<Cell, Error> {
        let Some(surveyed) = self.survey.environments.get(number) else {
            return Ok(Cell::default());
        };
        let environment = &surveyed.environment.name;
        let mut cell = Cell {
            environment: environment.to_string(),
            ..Cell::default()
        };
        let Some(tag) = tags.get(number).and_then(Option::as_ref) else {
            return Ok(cell);
        };
        let running = self.running.get(number).and_then(|tags| tags.get(tag));
        let key = (environment.clone(), tag.clone());
        let entry = self.entries.get(&key);
        cell.stream_tag = Some(tag.to_string());
        cell.image = running.and_then(|running| running.image.clone());
        cell.mixed = running.is_some_and(Running::is_mixed);
        cell.since = entry.map(|entry| entry.time.clone());
        cell.commit = entry.map(|entry| entry.commit.to_string());
        cell.proposed = self.open.get(&key).into_iter().flatten().cloned().collect();
        let waiting = self.waiting.get(environment);
        let waiting = waiting.and_then(|waiting| waiting.get(tag));
        cell.waiting = waiting.cloned().unwrap_or_default();
        cell.source = self.compared(surveyed, tags, cell.image.as_deref())?;
        Ok(cell)
    }

    /// How the image stands to what the environment's source has.
    fn compared(
        &self,
        target: &Surveyed,
        tags: &[Option<StreamTagName>],
        image: Option<&str>,
    ) -> Result<Option<Compared>, Error> {
        let environments = &self.survey.environments;
        let from = target.environment.promotion.as_ref();
        let source = from.and_then(|promotion| {
            let mut all = environments.iter();
            all.position(|one| one.environment.name == promotion.from)
        });
        let found = source.and_then(|number| {
            let tag = tags.get(number)?.as_ref()?;
            let running = self.running.get(number)?.get(tag)?;
            Some((environments.get(number)?, running))
        });
        let (Some((surveyed, running)), Some(image)) = (found, image) else {
            return Ok(None);
        };
        let Some(now) = &running.image else {
            return Ok(None);
        };
        let recorded = running.recorded.iter().map(|item| item.image.as_str());
        let compared = Compared::of(image, std::iter::once(now.as_str()).chain(recorded));
        if compared != Compared::Unknown {
            return Ok(Some(compared));
        }
        // What has left the status is in the history still.
        let events = timeline(
            self.repository,
            surveyed.snapshot.commit,
            &surveyed.environment.name,
            running.stream,
            &running.tag.tag,
        )?;
        let had = events.iter().filter_map(|event| event.image.as_deref());
        Ok(Some(Compared::of(
            image,
            std::iter::once(now.as_str()).chain(had),
        )))
    }
}
