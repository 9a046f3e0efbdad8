//! Which environment takes from which, and who waits for what.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::serve::page::frame::Freshness;
use crate::serve::state::{DaemonState, PromotionState, RepositoryState};
use crate::show::Compared;

/// A graph of more is no longer seen at a glance.
pub const MOST_IN_A_GRAPH: usize = 20;
/// Of the list.
const MOST_NODES: usize = 200;
const MOST_GATES: usize = 9;
/// Characters of all gates' messages; those that do not fit are counted.
const LONGEST_MESSAGES: usize = 8_000;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Promotions {
    pub freshness: Freshness,
    /// There is a picture of it.
    pub is_drawn: bool,
    /// Those that take from none, each with those that take from it.
    pub roots: Vec<Node>,
    /// Environments that are left out.
    pub more: usize,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    pub name: String,
    pub branch: String,
    pub commit: String,
    pub stream_tags: usize,
    /// Those that have another image than the source.
    pub differing: usize,
    /// How it takes from its source.
    pub edge: Option<Edge>,
    pub targets: Vec<Node>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Edge {
    pub from: String,
    #[serde(flatten)]
    pub promotion: Option<PromotionState>,
    /// Of the open bot branch.
    pub number: Option<u64>,
    pub url: Option<String>,
    /// Gates that are not shown.
    pub more_gates: usize,
}

impl Promotions {
    pub fn of(repository: &RepositoryState, state: &DaemonState, now: Timestamp) -> Self {
        let columns = &repository.status.environments;
        let mut left = LONGEST_MESSAGES;
        let mut nodes: Vec<Node> = columns
            .iter()
            .take(MOST_NODES)
            .map(|column| {
                let source = column.promoted_from.as_deref();
                Node {
                    name: column.name.clone(),
                    branch: column.branch.clone(),
                    commit: column.commit.clone(),
                    stream_tags: count(repository, &column.name, |_| true),
                    differing: count(repository, &column.name, |source| {
                        !matches!(source, None | Some(Compared::Same))
                    }),
                    edge: source.map(|from| edge(repository, from, &column.name, &mut left)),
                    targets: Vec::new(),
                }
            })
            .collect();
        let names: BTreeSet<String> = nodes.iter().map(|node| node.name.clone()).collect();
        let mut below: BTreeMap<String, Vec<Node>> = BTreeMap::new();
        let mut roots = Vec::new();
        // A source stands before what takes from it, so that from the end each is whole.
        while let Some(mut node) = nodes.pop() {
            if let Some(mut targets) = below.remove(&node.name) {
                targets.reverse();
                node.targets = targets;
            }
            let source = node.edge.as_ref().map(|edge| edge.from.clone());
            match source.filter(|source| names.contains(source) && *source != node.name) {
                Some(source) => below.entry(source).or_default().push(node),
                None => roots.push(node),
            }
        }
        // Of a circle, which no settings allow, the parts stand by themselves.
        roots.extend(below.into_values().flatten());
        roots.reverse();
        Self {
            freshness: Freshness::of(repository, state, now),
            is_drawn: columns.len() <= MOST_IN_A_GRAPH && columns.len() > 1,
            roots,
            more: columns.len().saturating_sub(MOST_NODES),
        }
    }
}

fn count(
    repository: &RepositoryState,
    environment: &str,
    is_counted: impl Fn(Option<Compared>) -> bool,
) -> usize {
    let lines = repository.status.stream_tags.iter();
    let cells = lines.flat_map(|line| &line.environments);
    cells
        .filter(|cell| cell.environment == environment && cell.stream_tag.is_some())
        .filter(|cell| is_counted(cell.source))
        .count()
}

fn edge(repository: &RepositoryState, from: &str, to: &str, left: &mut usize) -> Edge {
    let mut known = repository.promotions.iter();
    let mut promotion = known
        .find(|promotion| promotion.from == from && promotion.to == to)
        .cloned();
    let mut more_gates = 0;
    if let Some(promotion) = &mut promotion {
        let gates = promotion.gates.len();
        promotion.gates.truncate(MOST_GATES);
        promotion.gates.retain(|gate| {
            let length = gate.message.chars().count();
            let fits = length <= *left;
            *left -= if fits { length } else { 0 };
            fits
        });
        more_gates = gates - promotion.gates.len();
    }
    let branch = promotion.as_ref().and_then(|it| it.branch.as_ref());
    let request = branch.and_then(|branch| {
        let mut requests = repository.pull_requests.iter();
        requests.find(|it| it.branch == *branch)
    });
    Edge {
        from: from.to_owned(),
        number: request.and_then(|it| it.number),
        url: request.and_then(|it| it.url.clone()),
        promotion,
        more_gates,
    }
}
