//! The builder images of all Git repositories.

use serde::Serialize;

use crate::serve::page::address::Query;
use crate::serve::page::paging::Paging;
use crate::serve::page::text::{LONGEST, web_link, weight, without_login};
use crate::serve::state::{BuilderState, DaemonState};

const BUDGET: usize = 80_000;
const MOST: usize = 200;
/// The markup of a row.
const ROW: usize = 500;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Catalog {
    pub filter: String,
    pub paging: Paging,
    pub builders: Vec<Entry>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub repository: String,
    /// `namespace/stream:tag`
    pub name: String,
    #[serde(flatten)]
    pub builder: BuilderState,
}

impl Catalog {
    pub fn of(state: &DaemonState, query: &Query) -> Self {
        let mut all: Vec<Entry> = Vec::new();
        for repository in &state.repositories {
            for builder in &repository.catalog {
                let mut builder = builder.clone();
                let sample = &mut builder.builder.sample_repo;
                *sample = sample.take().map(shown_sample);
                let entry = Entry {
                    repository: repository.name.clone(),
                    name: builder.builder.full_name(),
                    builder,
                };
                if query.takes(|| words(&entry)) {
                    all.push(entry);
                }
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let weights = all.iter().map(|entry| {
            let texts = words(entry).into_iter();
            let sample = entry.builder.builder.sample_repo.as_deref();
            // A link is not cut.
            let link = sample
                .and_then(web_link)
                .map_or(0, |link| weight(&link, link.len()));
            ROW + link + texts.map(|text| weight(text, LONGEST)).sum::<usize>()
        });
        let (paging, range) = Paging::of(weights, BUDGET, MOST, query.page);
        Self {
            filter: query.filter.clone(),
            paging,
            builders: all.get(range).unwrap_or_default().to_vec(),
        }
    }
}

/// Without a login; what is no URL, such as `git@host:path`, as it is written.
fn shown_sample(sample: String) -> String {
    match sample.contains("://") {
        true => without_login(&sample),
        false => sample,
    }
}

/// All that a row shows.
fn words(entry: &Entry) -> Vec<&str> {
    let BuilderState {
        environment,
        builder,
    } = &entry.builder;
    let mut words = vec![
        entry.repository.as_str(),
        environment.as_str(),
        entry.name.as_str(),
    ];
    let texts = [
        &builder.display_name,
        &builder.version,
        &builder.description,
        &builder.provider,
        &builder.icon_class,
        &builder.sample_repo,
        &builder.sample_ref,
        &builder.sample_context_dir,
        &builder.image,
    ];
    words.extend(texts.into_iter().filter_map(|text| text.as_deref()));
    words.extend(builder.supports.iter().map(String::as_str));
    words
}
