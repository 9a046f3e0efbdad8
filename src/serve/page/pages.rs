//! Puts pages together: state in, an answer out.

use jiff::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use serde::Serialize;

use crate::serve::page::activity::{Activity, Feed};
use crate::serve::page::address::{Address, Page, Target};
use crate::serve::page::answer::{Answer, Form};
use crate::serve::page::badge::{badge, unknown};
use crate::serve::page::catalog::Catalog;
use crate::serve::page::frame::{Freshness, freshness};
use crate::serve::page::graph::graph;
use crate::serve::page::history::Histories;
use crate::serve::page::hosts::Hosts;
use crate::serve::page::overview::Overview;
use crate::serve::page::problems::Problems;
use crate::serve::page::promotions::Promotions;
use crate::serve::page::requests::PullRequests;
use crate::serve::page::stream::{Stream, asked};
use crate::serve::page::streams::Streams;
use crate::serve::page::words::add_words;
use crate::serve::state::{DaemonState, RepositoryState};
use crate::show::Line;

/// What every HTML page stays below.
pub const MAX_BYTES: usize = 100_000;
const API_VERSION: &str = "headwater.dev/v1alpha1";
/// Git repositories that a page warns of by name.
const MOST_WARNED: usize = 5;
const STYLE: &str = include_str!("templates/style.css");
const ICON: &str = include_str!("templates/icon.svg");
const ROBOTS: &str = "User-agent: *\nDisallow: /\n";
const TEMPLATES: &[(&str, &str)] = &[
    ("frame", include_str!("templates/frame.html")),
    ("Overview", include_str!("templates/overview.html")),
    ("Streams", include_str!("templates/streams.html")),
    ("Stream", include_str!("templates/stream.html")),
    ("Promotions", include_str!("templates/promotions.html")),
    ("PullRequests", include_str!("templates/requests.html")),
    ("Hosts", include_str!("templates/hosts.html")),
    ("Problems", include_str!("templates/problems.html")),
    ("Activity", include_str!("templates/activity.html")),
    ("Feed", include_str!("templates/activity.atom")),
    ("changes", include_str!("templates/changes.html")),
    ("Catalog", include_str!("templates/catalog.html")),
    ("matrix", include_str!("templates/matrix.html")),
    ("marks", include_str!("templates/marks.html")),
    ("pager", include_str!("templates/pager.html")),
    ("search", include_str!("templates/search.html")),
    ("Missing", include_str!("templates/missing.html")),
];

/// A page could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error("the page's template: {0:#}")]
    Template(#[from] minijinja::Error),
    #[error("the page as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// The templates, read once.
#[derive(Debug)]
pub struct Pages {
    environment: Environment<'static>,
}

/// What a page is, and where it stands.
struct Place<'a> {
    /// The template, and what its JSON is called.
    kind: &'static str,
    title: String,
    repository: Option<&'a str>,
    /// Its JSON, from the root.
    json: String,
    /// Its data's age; of all Git repositories without one.
    freshness: Option<Freshness>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a, T> {
    api_version: &'static str,
    kind: &'static str,
    version: &'a str,
    started: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<&'a str>,
    #[serde(flatten)]
    page: &'a T,
}

impl Pages {
    pub fn new() -> Result<Self, PageError> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        let mut syntax = SyntaxConfig::builder();
        environment.set_syntax(syntax.trim_blocks(true).lstrip_blocks(true).build()?);
        add_words(&mut environment);
        for (name, text) in TEMPLATES {
            environment.add_template(name, text)?;
        }
        Ok(Self { environment })
    }

    /// The answer to a request for `address`.
    pub fn answer(
        &self,
        address: &Address,
        state: &DaemonState,
        histories: Histories<'_>,
        now: Timestamp,
    ) -> Result<Answer, PageError> {
        let writer = Writer {
            pages: self,
            address,
            state,
            now,
        };
        match &address.target {
            Target::Page { page, is_json } => writer.page(page, *is_json),
            Target::Stream { repository, name } => writer.stream(repository, name, histories),
            Target::Graph { repository } => writer.graph(repository),
            Target::Badge {
                repository,
                environment,
                stream_tag,
            } => Ok(match badge(state, repository, environment, stream_tag) {
                Some(badge) => Answer::found(Form::Svg, badge),
                None => Answer::missing(Form::Svg, unknown()),
            }),
            Target::Feed => writer.feed(),
            Target::State => {
                let text = serde_json::to_string(state)?;
                Ok(Answer::found(Form::Json, text + "\n"))
            }
            Target::Style => Ok(Answer::found(Form::Css, STYLE)),
            Target::Icon => Ok(Answer::found(Form::Svg, ICON)),
            Target::Robots => Ok(Answer::found(Form::Text, ROBOTS)),
            Target::Unknown => writer.missing(),
        }
    }

    /// What the page asks of `histories`: environments and stream tags of a Git repository.
    pub fn asked(address: &Address, state: &DaemonState) -> Vec<(String, String, String)> {
        let Target::Stream { repository, name } = &address.target else {
            return Vec::new();
        };
        let found = state.repository(repository);
        let Some((_, line, _)) = found.and_then(|it| line(it, name)) else {
            return Vec::new();
        };
        let asked = asked(line).into_iter();
        asked
            .map(|(environment, tag)| (repository.clone(), environment, tag))
            .collect()
    }
}

/// The stream tag of a page, and whether its JSON is meant: one that is called so wins.
fn line<'a>(repository: &'a RepositoryState, name: &'a str) -> Option<(&'a str, &'a Line, bool)> {
    let lines = &repository.status.stream_tags;
    let called = |name: &str| lines.iter().find(|line| line.name == name);
    if let Some(line) = called(name) {
        return Some((name, line, false));
    }
    let name = name.strip_suffix(".json")?;
    Some((name, called(name)?, true))
}

struct Writer<'a> {
    pages: &'a Pages,
    address: &'a Address,
    state: &'a DaemonState,
    now: Timestamp,
}

impl Writer<'_> {
    fn page(&self, page: &Page, is_json: bool) -> Result<Answer, PageError> {
        let Self {
            address,
            state,
            now,
            ..
        } = *self;
        let query = &address.query;
        let place = |kind, title: &str, json: &str| Place {
            kind,
            title: title.to_owned(),
            repository: None,
            json: json.to_owned(),
            freshness: None,
        };
        match page {
            Page::Overview => {
                let overview = Overview::of(state, query, now);
                let place = place("Overview", "Overview", "index.json");
                self.written(&overview, place, is_json)
            }
            Page::PullRequests => {
                let place = place("PullRequests", "Pull requests", "pull-requests.json");
                self.written(&PullRequests::of(state, query), place, is_json)
            }
            Page::Hosts => {
                let place = place("Hosts", "Registries and forges", "hosts.json");
                self.written(&Hosts::of(state, query, now), place, is_json)
            }
            Page::Problems => {
                let place = place("Problems", "Problems in files", "problems.json");
                self.written(&Problems::of(state, query), place, is_json)
            }
            Page::Activity => {
                let place = place("Activity", "Activity", "activity.json");
                self.written(&Activity::of(state, query), place, is_json)
            }
            Page::Catalog => {
                let place = place("Catalog", "Builder images", "catalog.json");
                self.written(&Catalog::of(state, query), place, is_json)
            }
            Page::Streams { repository } | Page::Promotions { repository } => {
                let Some(found) = state.repository(repository) else {
                    return self.missing();
                };
                let of = |kind, what: &str| Place {
                    kind,
                    title: format!("{}: {what}", found.name),
                    repository: Some(&found.name),
                    json: format!("repository/{}/{what}.json", found.name),
                    freshness: Some(Freshness::of(found, state, now)),
                };
                if matches!(page, Page::Streams { .. }) {
                    let streams = Streams::of(found, state, query, now);
                    self.written(&streams, of("Streams", "streams"), is_json)
                } else {
                    let promotions = Promotions::of(found, state, now);
                    self.written(&promotions, of("Promotions", "promotions"), is_json)
                }
            }
        }
    }

    fn stream(
        &self,
        repository: &str,
        name: &str,
        histories: Histories<'_>,
    ) -> Result<Answer, PageError> {
        let found = self.state.repository(repository);
        let Some((found, (name, line, is_json))) = found.and_then(|it| Some((it, line(it, name)?)))
        else {
            return self.missing();
        };
        let stream = Stream::of(found, line, self.state, histories, self.now);
        let place = Place {
            kind: "Stream",
            title: format!("{name} in {}", found.name),
            repository: Some(&found.name),
            json: format!("repository/{}/stream/{name}.json", found.name),
            freshness: Some(Freshness::of(found, self.state, self.now)),
        };
        self.written(&stream, place, is_json)
    }

    fn graph(&self, repository: &str) -> Result<Answer, PageError> {
        let found = self.state.repository(repository);
        let promotions = found.map(|found| Promotions::of(found, self.state, self.now));
        match promotions.filter(|promotions| promotions.is_drawn) {
            Some(promotions) => {
                let picture = graph(&promotions.roots, self.address.query.is_dark);
                Ok(Answer::found(Form::Svg, picture))
            }
            None => self.missing(),
        }
    }

    fn feed(&self) -> Result<Answer, PageError> {
        let feed = Feed::of(self.state, &self.address.query);
        let template = self.pages.environment.get_template("Feed")?;
        let body = template.render(context! {
            page => Value::from(Serde(&feed)),
            root => &self.address.root,
            version => self.state.version.as_str(),
        })?;
        Ok(Answer::found(Form::Atom, body))
    }

    fn missing(&self) -> Result<Answer, PageError> {
        let place = Place {
            kind: "Missing",
            title: "Not found".to_owned(),
            repository: None,
            json: "index.json".to_owned(),
            freshness: None,
        };
        let html = self.html(&(), place)?;
        Ok(Answer::missing(Form::Html, html))
    }

    fn written<T: Serialize>(
        &self,
        page: &T,
        place: Place<'_>,
        is_json: bool,
    ) -> Result<Answer, PageError> {
        if !is_json {
            return Ok(Answer::found(Form::Html, self.html(page, place)?));
        }
        let mut text = serde_json::to_string(&Envelope {
            api_version: API_VERSION,
            kind: place.kind,
            version: &self.state.version,
            started: &self.state.started,
            shard: self.state.shard.as_deref(),
            page,
        })?;
        text.push('\n');
        Ok(Answer::found(Form::Json, text))
    }

    fn html<T: Serialize>(&self, page: &T, place: Place<'_>) -> Result<String, PageError> {
        let now = self.now.as_second();
        let root = &self.address.root;
        let query = &self.address.query;
        let page = Value::from(Serde(page));
        let place_of = Value::from(Serde(&place.repository));
        let body = self
            .pages
            .environment
            .get_template(place.kind)?
            .render(context! {
                page => page,
                root => root,
                filter => query.filter.as_str(),
                repository => place_of,
                started => self.state.started.as_str(),
                now => now,
            })?;
        let is_overview = place.kind == "Overview";
        let all = match place.freshness.clone() {
            Some(freshness) => vec![freshness],
            None => freshness(self.state, self.now),
        };
        // The overview lists what has failed anyway.
        let doubtful = all.into_iter().filter(|it| match is_overview {
            true => it.is_unread(),
            false => it.is_doubtful(),
        });
        let doubtful: Vec<Freshness> = doubtful.collect();
        let more_doubtful = doubtful.len().saturating_sub(MOST_WARNED);
        let warned = doubtful.get(..MOST_WARNED).unwrap_or(&doubtful);
        Ok(self
            .pages
            .environment
            .get_template("frame")?
            .render(context! {
                body => Value::from_safe_string(body),
                title => place.title,
                kind => place.kind,
                root => root,
                repository => place.repository,
                json => place.json,
                freshness => Value::from(Serde(&place.freshness)),
                doubtful => Value::from(Serde(warned)),
                more_doubtful => more_doubtful,
                refresh => query.refresh.filter(|_| is_overview),
                version => self.state.version.as_str(),
                started => self.state.started.as_str(),
                shard => self.state.shard.as_deref(),
                settings => Value::from(Serde(&self.state.settings_failure)),
                read => self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                now => now,
            })?)
    }
}
