//! Which page a path and a query ask for.

use crate::serve::page::text::decoded;

const LONGEST_FILTER: usize = 200;
/// Seconds.
const REFRESH: std::ops::RangeInclusive<u32> = 10..=3_600;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub target: Target,
    pub query: Query,
    /// The way back to the first page, relative: pages work below any path of a proxy.
    pub root: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// As HTML, or as JSON.
    Page {
        page: Page,
        is_json: bool,
    },
    /// A stream tag, by what stands behind `stream/`. Its page and its JSON are told apart by what
    /// stream tags there are, for a tag may end in `.json`.
    Stream {
        repository: String,
        name: String,
    },
    Graph {
        repository: String,
    },
    Badge {
        repository: String,
        environment: String,
        stream_tag: String,
    },
    /// What has changed, for feed readers.
    Feed,
    /// All that the daemon knows, for commands.
    State,
    Style,
    Icon,
    Robots,
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    Overview,
    Streams { repository: String },
    Promotions { repository: String },
    PullRequests,
    Hosts,
    Problems,
    Activity,
    Catalog,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What rows have to have: each of its words.
    pub filter: String,
    /// From 1.
    pub page: usize,
    /// Seconds after which the overview loads itself anew.
    pub refresh: Option<u32>,
    /// The graph in light colours on a dark ground.
    pub is_dark: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            filter: String::new(),
            page: 1,
            refresh: None,
            is_dark: false,
        }
    }
}

impl Address {
    /// Of the path as it stands in the request, with its `%` escapes.
    pub fn parse(path: &str, query: Option<&str>) -> Self {
        let depth = path.matches('/').count().saturating_sub(1);
        Self {
            target: target(path).unwrap_or(Target::Unknown),
            query: query.map(Query::parse).unwrap_or_default(),
            root: match depth {
                0 => "./".to_owned(),
                // A path of slashes alone could make a long answer.
                depth => "../".repeat(depth.min(20)),
            },
        }
    }
}

fn target(path: &str) -> Option<Target> {
    let page = |page, is_json| Some(Target::Page { page, is_json });
    let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    match parts.as_slice() {
        [""] => page(Page::Overview, false),
        ["index.json"] => page(Page::Overview, true),
        ["state.json"] => Some(Target::State),
        ["pull-requests"] => page(Page::PullRequests, false),
        ["pull-requests.json"] => page(Page::PullRequests, true),
        ["hosts"] => page(Page::Hosts, false),
        ["hosts.json"] => page(Page::Hosts, true),
        ["problems"] => page(Page::Problems, false),
        ["problems.json"] => page(Page::Problems, true),
        ["activity"] => page(Page::Activity, false),
        ["activity.json"] => page(Page::Activity, true),
        ["activity.atom"] => Some(Target::Feed),
        ["catalog"] => page(Page::Catalog, false),
        ["catalog.json"] => page(Page::Catalog, true),
        ["style.css"] => Some(Target::Style),
        ["icon.svg"] => Some(Target::Icon),
        ["robots.txt"] => Some(Target::Robots),
        ["repository", name, rest @ ..] => of_repository(decoded(name)?, rest),
        ["badge", repository, environment, rest @ ..] => {
            let tag = decoded(&rest.join("/"))?;
            Some(Target::Badge {
                repository: decoded(repository)?,
                environment: decoded(environment)?,
                stream_tag: tag.strip_suffix(".svg")?.to_owned(),
            })
        }
        _ => None,
    }
}

fn of_repository(repository: String, rest: &[&str]) -> Option<Target> {
    let page = |page, is_json| Some(Target::Page { page, is_json });
    match rest {
        ["streams"] => page(Page::Streams { repository }, false),
        ["streams.json"] => page(Page::Streams { repository }, true),
        ["promotions"] => page(Page::Promotions { repository }, false),
        ["promotions.json"] => page(Page::Promotions { repository }, true),
        ["promotions.svg"] => Some(Target::Graph { repository }),
        ["stream", name @ ..] => Some(Target::Stream {
            repository,
            name: decoded(&name.join("/"))?,
        }),
        _ => None,
    }
}

impl Query {
    fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()).take(20) {
            match name.as_ref() {
                "q" => query.filter = value.trim().chars().take(LONGEST_FILTER).collect(),
                "page" => query.page = value.parse().unwrap_or(1).max(1),
                "refresh" => {
                    let seconds = value.parse::<u32>().ok();
                    query.refresh = seconds.map(|it| it.clamp(*REFRESH.start(), *REFRESH.end()));
                }
                "dark" => query.is_dark = true,
                _ => {}
            }
        }
        query
    }

    /// Whether `texts` have each word of the filter, whatever its case.
    pub fn takes<'a>(&self, texts: impl Fn() -> Vec<&'a str>) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        let lower: Vec<String> = texts().into_iter().map(str::to_lowercase).collect();
        let filter = self.filter.to_lowercase();
        let mut words = filter.split_whitespace();
        words.all(|word| lower.iter().any(|text| text.contains(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> Target {
        Address::parse(path, None).target
    }

    #[test]
    fn paths_are_pages() {
        assert_eq!(
            at("/"),
            Target::Page {
                page: Page::Overview,
                is_json: false
            }
        );
        assert_eq!(at("/state.json"), Target::State);
        assert_eq!(at("/activity.atom"), Target::Feed);
        assert_eq!(
            at("/repository/de%70loy/stream/shop/web%3A1.json"),
            Target::Stream {
                repository: "deploy".to_owned(),
                name: "shop/web:1.json".to_owned()
            }
        );
        assert_eq!(
            at("/badge/deploy/prod/shop/web:1.2.svg"),
            Target::Badge {
                repository: "deploy".to_owned(),
                environment: "prod".to_owned(),
                stream_tag: "shop/web:1.2".to_owned()
            }
        );
        for path in [
            "",
            "x",
            "//",
            "/index.html",
            "/repository",
            "/repository/a/b",
            "/repository/%ff/streams",
            "/badge/a/b/web:1.png",
            "/../etc/passwd",
        ] {
            assert_eq!(at(path), Target::Unknown, "{path}");
        }
    }

    #[test]
    fn the_way_back_is_relative() {
        let root = |path| Address::parse(path, None).root;
        assert_eq!(root("/"), "./");
        assert_eq!(root("/hosts"), "./");
        assert_eq!(root("/repository/a/stream/b/c:1"), "../../../../");
        assert_eq!(root(&"/".repeat(5_000)).len(), 60);
    }

    #[test]
    fn queries_stay_in_their_bounds() {
        let query = |text: &str| Address::parse("/", Some(text)).query;
        assert_eq!(query("q=+web+%3Cb&page=3").filter, "web <b");
        assert_eq!(query("page=3").page, 3);
        assert_eq!(query("page=0").page, 1);
        assert_eq!(query("page=-1&refresh=x"), Query::default());
        assert_eq!(query("refresh=1").refresh, Some(10));
        assert_eq!(query("refresh=30").refresh, Some(30));
        assert_eq!(query(&format!("q={}", "a".repeat(999))).filter.len(), 200);
        let filter = query("q=WEB+prod");
        assert!(filter.takes(|| vec!["shop/web:1", "prod"]));
        assert!(!filter.takes(|| vec!["shop/web:1", "dev"]));
    }
}
