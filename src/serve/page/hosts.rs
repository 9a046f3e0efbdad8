//! Registries, Git repositories and forges: when each last answered, its last error, whether and
//! when it is asked again, and how often it may be.

use jiff::Timestamp;
use serde::Serialize;

use crate::serve::page::address::Query;
use crate::serve::page::frame::Freshness;
use crate::serve::page::paging::Paging;
use crate::serve::page::text::{LONGEST, weight};
use crate::serve::state::{Circuit, DaemonState, HostState};

const BUDGET: usize = 75_000;
const MOST: usize = 300;
const ROW: usize = 1_200;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hosts {
    pub paging: Paging,
    /// Those that fail first.
    pub hosts: Vec<Host>,
    pub repositories: Vec<Freshness>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    #[serde(flatten)]
    pub host: HostState,
    /// It has failed since it last answered, or is left alone.
    pub is_failing: bool,
}

impl Hosts {
    pub fn of(state: &DaemonState, query: &Query, now: Timestamp) -> Self {
        let mut hosts: Vec<&HostState> = state.hosts.iter().collect();
        hosts.sort_by_key(|host| !is_failing(host));
        let repositories = &state.repositories;
        let text = |text: Option<&String>| text.map_or(0, |text| weight(text, LONGEST));
        let weights = hosts
            .iter()
            .map(|it| ROW + weight(&it.host, LONGEST) + text(it.last_error.as_ref()));
        let lines = repositories.iter().map(|it| {
            let error = it.failure.as_ref().map(|failure| &failure.message);
            ROW + weight(&it.location, LONGEST) * 2 + text(error)
        });
        let (paging, range) = Paging::of(weights.chain(lines), BUDGET, MOST, query.page);
        let from = range.start.saturating_sub(hosts.len());
        let to = range.end.saturating_sub(hosts.len());
        let own = repositories.get(from..to).unwrap_or_default();
        Self {
            paging,
            repositories: own.iter().map(|it| Freshness::of(it, state, now)).collect(),
            hosts: hosts
                .into_iter()
                .take(range.end)
                .skip(range.start)
                .map(|host| Host {
                    is_failing: is_failing(host),
                    host: host.clone(),
                })
                .collect(),
        }
    }
}

fn is_failing(host: &HostState) -> bool {
    if let Some(Circuit::Open { .. } | Circuit::HalfOpen) = host.circuit {
        return true;
    }
    let time = |text: &Option<String>| text.as_ref()?.parse::<Timestamp>().ok();
    match (time(&host.last_failure), time(&host.last_success)) {
        (Some(failure), Some(success)) => failure > success,
        (failure, _) => failure.is_some(),
    }
}
