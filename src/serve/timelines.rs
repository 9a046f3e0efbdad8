//! The history of one stream tag, read when a page asks for it.

use std::path::PathBuf;

use crate::git::Repository;
use crate::policy::OperatorPolicy;
use crate::reconcile::{Cache, Survey, timeline};
use crate::serve::pass::Site;
use crate::serve::state::TimelineRow;
use crate::stream::StreamTagName;

/// So many of the newest images are told.
const MOST: usize = 200;

/// Where the history of a repository is read, without asking its server.
#[derive(Clone, Debug)]
pub struct Library {
    folder: PathBuf,
    cache: Option<PathBuf>,
    operator: OperatorPolicy,
}

impl Library {
    pub fn of(site: &Site) -> Self {
        Self {
            folder: site.repository.folder().to_owned(),
            cache: site.cache.file().map(ToOwned::to_owned),
            operator: site.operator.clone(),
        }
    }

    /// The images that a stream tag had in an environment, newest first; or why that is not known.
    pub fn history(&self, environment: &str, tag: &str) -> Result<Vec<TimelineRow>, String> {
        let told = |error: crate::git::Error| error.to_string();
        let repository = Repository::open_local(&self.folder).map_err(told)?;
        let mut cache = match &self.cache {
            Some(file) => Cache::of_file(file),
            None => Cache::default(),
        };
        let survey = Survey::read(&repository, &mut cache, &self.operator).map_err(told)?;
        let name = StreamTagName::parse(tag, "default").ok_or("this is no stream tag")?;
        let mut all = survey.environments.iter();
        let surveyed = all
            .find(|surveyed| surveyed.environment.name.as_str() == environment)
            .ok_or("there is no such environment")?;
        let mut streams = surveyed.manifests.streams.iter();
        let stream = streams
            .find(|stream| stream.name == name.stream)
            .ok_or("there is no such stream")?;
        let events = timeline(
            &repository,
            surveyed.snapshot.commit,
            &surveyed.environment.name,
            stream,
            &name.tag,
        )
        .map_err(told)?;
        let rows = events.into_iter().take(MOST).map(|event| TimelineRow {
            image: event.image,
            since: event.entry.time,
            commit: event.entry.commit.to_string(),
            who: Some(event.entry.who).filter(|who| !who.is_empty()),
            promoted_from: event
                .entry
                .promoted
                .map(|from| from.environment.to_string()),
        });
        Ok(rows.collect())
    }
}
