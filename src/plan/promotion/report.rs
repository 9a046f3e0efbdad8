//! A promotion and its gates as the plan prints them: for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::environment::Carry;
use crate::gate::{GateFinding, Verdict};
use crate::plain::plain;
use crate::plan::promotion::{CarriedConfiguration, Promotion};
use crate::plan::pull_request::gates::time_left_out;

/// Rows of one list that people are shown; programs have all.
const MOST_ROWS: usize = 30;

/// Below the heading of a proposal.
pub fn write(
    f: &mut fmt::Formatter<'_>,
    promotion: Option<&Promotion>,
    gates: &[GateFinding],
) -> fmt::Result {
    if let Some(promotion) = promotion {
        write_promotion(f, promotion)?;
    }
    for finding in gates {
        writeln!(f, "  gate: {}", told(finding))?;
    }
    let Some(newer) = promotion.and_then(|promotion| promotion.newer.as_ref()) else {
        return Ok(());
    };
    let commit = newer.commit.short();
    if newer.findings.is_empty() {
        writeln!(
            f,
            "  newer: {commit}, which waits for this one to be merged"
        )?;
    }
    for finding in &newer.findings {
        writeln!(f, "  newer: {commit}, {}", told(finding))?;
    }
    Ok(())
}

fn write_promotion(f: &mut fmt::Formatter<'_>, promotion: &Promotion) -> fmt::Result {
    let (from, commit) = (&promotion.from, promotion.commit.short());
    let (entered, carry) = (promotion.entered, promotion.carry.name());
    writeln!(
        f,
        "  promotes {from} at {commit}, there since {entered} (carry: {carry})"
    )?;
    let configuration = &promotion.configuration;
    let verb = match promotion.carry {
        Carry::Merge => "brings",
        Carry::Pins => "leaves",
    };
    for commit in configuration.commits.iter().take(MOST_ROWS) {
        let (subject, author) = (plain(&commit.subject), plain(&commit.author));
        writeln!(
            f,
            "  {verb} {}  {subject} ({author})",
            commit.commit.short()
        )?;
    }
    let shown = configuration.commits.len().min(MOST_ROWS);
    write_more(f, configuration.commit_count.saturating_sub(shown))?;
    for path in configuration.paths.iter().take(MOST_ROWS) {
        writeln!(f, "  {verb} {}", plain(path.as_str()))?;
    }
    write_more(f, configuration.paths.len().saturating_sub(MOST_ROWS))?;
    for lost in promotion.lost.iter().take(MOST_ROWS) {
        let (path, author) = (plain(lost.path.as_str()), plain(&lost.author));
        let (commit, time) = (lost.commit.short(), lost.time);
        writeln!(
            f,
            "  does not bring back {path}: taken out by {commit} ({author}) at {time}"
        )?;
    }
    write_more(f, promotion.lost.len().saturating_sub(MOST_ROWS))
}

fn write_more(f: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    match count {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more"),
    }
}

fn told(finding: &GateFinding) -> String {
    let text = finding.to_string();
    match time_left_out(finding) {
        Some(until) => format!("{}, until {until}", plain(&text)),
        None => plain(&text).into_owned(),
    }
}

/// What comes from another environment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PromotionReport {
    pub from: String,
    pub commit: String,
    pub entered: String,
    pub carry: &'static str,
    /// Stream tags that have the source's image already.
    pub unchanged: usize,
    /// What comes along beside images, or differs and does not.
    pub configuration: ConfigurationReport,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<LostReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer: Option<NewerReport>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationReport {
    pub commit_count: usize,
    /// The newest of them.
    pub commits: Vec<CommitReport>,
    pub paths: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitReport {
    pub commit: String,
    pub author: String,
    pub subject: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LostReport {
    pub path: String,
    pub commit: String,
    pub author: String,
    pub time: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewerReport {
    pub commit: String,
    pub gates: Vec<GateReport>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GateReport {
    pub gate: &'static str,
    /// `passed`, `waits` or `failed`.
    pub verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    pub told: String,
}

impl From<&Promotion> for PromotionReport {
    fn from(promotion: &Promotion) -> Self {
        let lost = promotion.lost.iter().map(|lost| LostReport {
            path: lost.path.to_string(),
            commit: lost.commit.to_string(),
            author: lost.author.clone(),
            time: lost.time.to_string(),
        });
        Self {
            from: promotion.from.to_string(),
            commit: promotion.commit.to_string(),
            entered: promotion.entered.to_string(),
            carry: promotion.carry.name(),
            unchanged: promotion.unchanged,
            configuration: ConfigurationReport::from(&promotion.configuration),
            lost: lost.collect(),
            newer: promotion.newer.as_ref().map(|newer| NewerReport {
                commit: newer.commit.to_string(),
                gates: newer.findings.iter().map(GateReport::from).collect(),
            }),
        }
    }
}

impl From<&CarriedConfiguration> for ConfigurationReport {
    fn from(configuration: &CarriedConfiguration) -> Self {
        let commits = configuration.commits.iter().map(|commit| CommitReport {
            commit: commit.commit.to_string(),
            author: commit.author.clone(),
            subject: commit.subject.clone(),
        });
        Self {
            commit_count: configuration.commit_count,
            commits: commits.collect(),
            paths: configuration
                .paths
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

impl From<&GateFinding> for GateReport {
    fn from(finding: &GateFinding) -> Self {
        Self {
            gate: finding.gate.name(),
            verdict: match finding.verdict {
                Verdict::Passed => "passed",
                Verdict::Waits { .. } => "waits",
                Verdict::Failed => "failed",
            },
            until: finding.until().map(|until| until.to_string()),
            told: finding.told.clone(),
        }
    }
}
