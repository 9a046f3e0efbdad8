//! The plan prints itself: for people, for programs, and as a diff.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::image::Digest;
use crate::plain::plain;
use crate::plan::branch::Action;
use crate::plan::creation::Creation;
use crate::plan::due::Move;
use crate::plan::promotion::{GateReport, PromotionReport, write as write_promotion};
use crate::plan::proposal::{Plan, Proposal};
use crate::plan::pull_request::{Publication, Step};
use crate::plan::waiting::Waiting;
use crate::problem::{Place, Problem, Severity};
use crate::snapshot::FileChange;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "environment {}", self.environment.name)?;
        if let Some(branch) = &self.environment.branch {
            write!(f, ", branch {branch}")?;
        }
        if let Some(base) = &self.base {
            write!(f, " at {}", base.short())?;
        }
        let plural = if self.tags == 1 { "" } else { "s" };
        writeln!(f, ": {} stream tag{plural}", self.tags)?;
        let mut is_editing = false;
        for proposal in &self.proposals {
            // In place there are no branches to tell apart.
            let is_edit = proposal.action == Action::Edit;
            if !(is_edit && is_editing) {
                writeln!(f)?;
                write_heading(f, proposal)?;
            }
            is_editing = is_edit;
            write_promotion(f, proposal.promotion.as_deref(), &proposal.gates)?;
            write_moves(f, proposal)?;
        }
        for end in &self.ends {
            writeln!(f, "\nclose pull request #{}: {}", end.found.number, end.why)?;
        }
        for obsolete in &self.obsolete {
            writeln!(f, "\ndelete {}: {}", obsolete.name, obsolete.why)?;
        }
        write_waiting(f, &self.waiting)?;
        if self.is_empty() {
            writeln!(f, "\nnothing to do")?;
        }
        Ok(())
    }
}

fn write_heading(f: &mut fmt::Formatter<'_>, proposal: &Proposal) -> fmt::Result {
    let name = match &proposal.branch {
        Some(branch) => branch.as_str(),
        None => &proposal.group,
    };
    match &proposal.action {
        Action::Rebuild { why, .. } => writeln!(f, "rebuild {name}: {why}"),
        Action::Keep { .. } => writeln!(f, "keep {name}: open, nothing to change"),
        Action::Edit => writeln!(f, "edit in place"),
        action => writeln!(f, "{} {name}", action.kind()),
    }?;
    match &proposal.pull_request {
        None => Ok(()),
        Some(publication) => writeln!(f, "  {}", publication_line(publication)),
    }
}

fn publication_line(publication: &Publication) -> String {
    let mut line = match &publication.step {
        Step::Open(_) => "open a pull request".to_owned(),
        Step::Change { found, .. } => {
            format!(
                "update pull request #{} {}",
                found.number,
                plain(&found.url)
            )
        }
        Step::Keep(open) => format!("pull request #{} {}", open.number, plain(&open.url)),
    };
    if let Some(method) = publication.merge {
        let _ = write!(line, ", to be merged ({})", method.name());
    }
    line
}

fn write_moves(f: &mut fmt::Formatter<'_>, proposal: &Proposal) -> fmt::Result {
    if let Some(hold) = &proposal.hold {
        let tag = hold.tag.to_string();
        let tag = plain(&tag);
        writeln!(
            f,
            "  {tag}  held at {}",
            hold.current.as_ref().map_or("none", Digest::short)
        )?;
    }
    for tag in proposal.creation.iter().flat_map(Creation::stream_tags) {
        writeln!(
            f,
            "  {}  added: it is what is pushed",
            plain(&tag.to_string())
        )?;
    }
    // A branch that stays as it is shows its own diff.
    let shows_fields = !matches!(proposal.action, Action::Keep { .. });
    for moved in &proposal.moves {
        let image = image_name(moved);
        writeln!(
            f,
            "  {}  {image}  {}",
            plain(&moved.tag.to_string()),
            step(moved)
        )?;
        if !shows_fields {
            continue;
        }
        if let Some(copy) = &moved.copy {
            writeln!(f, "    copied to {copy}")?;
        }
        for field in &moved.fields {
            let target = &field.trigger.target;
            writeln!(
                f,
                "    {}  {}",
                target.place,
                plain(&field.trigger.field_name())
            )?;
        }
        if moved.record.is_some() {
            writeln!(f, "    {}  status", moved.place.file)?;
        }
    }
    Ok(())
}

fn write_waiting(f: &mut fmt::Formatter<'_>, waiting: &[Waiting]) -> fmt::Result {
    if !waiting.is_empty() {
        writeln!(f, "\nwaiting")?;
    }
    for entry in waiting {
        let (tag, reason) = (entry.tag.to_string(), entry.reason.to_string());
        writeln!(f, "  {}  {}  {}", plain(&tag), entry.place, plain(&reason))?;
    }
    Ok(())
}

/// Repository and tag, without the digest.
fn image_name(moved: &Move) -> String {
    let mut image = moved.image.clone();
    image.digest = None;
    image.to_string()
}

/// `none -> 367d56e1aa01`
fn step(moved: &Move) -> String {
    if moved.digest().is_none() {
        return "as written".to_owned();
    }
    let short = |digest: Option<&Digest>| digest.map_or("none", Digest::short).to_owned();
    let (from, to) = (short(moved.previous.as_ref()), short(moved.digest()));
    if from == to {
        format!("{to}, as recorded")
    } else {
        format!("{from} -> {to}")
    }
}

/// A unified diff of the changes, as `git diff` writes it.
pub fn diff(changes: &[FileChange]) -> String {
    let mut text = String::new();
    for change in changes {
        let before = String::from_utf8_lossy(&change.before);
        let after = String::from_utf8_lossy(&change.after);
        let path = &change.path;
        let _ = writeln!(text, "diff --git a/{path} b/{path}");
        let old = if change.before.is_empty() {
            text.push_str("new file mode 100644\n");
            "/dev/null".to_owned()
        } else {
            format!("a/{path}")
        };
        let diff = similar::TextDiff::from_lines(before.as_ref(), after.as_ref());
        let _ = write!(
            text,
            "{}",
            diff.unified_diff()
                .context_radius(3)
                .header(&old, &format!("b/{path}"))
        );
    }
    text
}

/// A plan for programs; the field names are stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanReport {
    pub environment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    pub stream_tags: usize,
    pub proposals: Vec<ProposalReport>,
    pub obsolete: Vec<ObsoleteReport>,
    pub waiting: Vec<WaitingReport>,
    pub problems: Vec<ProblemReport>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProposalReport {
    pub group: String,
    pub action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promotion: Option<PromotionReport>,
    /// What the environment's gates say, all that it has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateReport>,
    pub moves: Vec<MoveReport>,
    /// Stream tags that it adds because they were pushed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub created: Vec<String>,
    pub message: String,
    pub files: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestReport>,
}

/// A proposal's pull request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PullRequestReport {
    pub action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What they are to be, where they are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How it is merged, where it is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveReport {
    pub stream_tag: String,
    pub image: String,
    /// Repository and tag of the copy that fields name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// `environment/namespace/stream:tag`, where it comes from another environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoted_from: Option<String>,
    pub digest: String,
    pub fields: Vec<FieldReport>,
    pub writes_status: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldReport {
    pub place: String,
    pub field: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    pub after: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObsoleteReport {
    pub branch: String,
    pub reason: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingReport {
    pub stream_tag: String,
    pub place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    pub reason: &'static str,
    pub message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProblemReport {
    pub severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl From<&Plan> for PlanReport {
    fn from(plan: &Plan) -> Self {
        Self {
            environment: plan.environment.name.to_string(),
            branch: plan.environment.branch.as_ref().map(ToString::to_string),
            base: plan.base.as_ref().map(ToString::to_string),
            stream_tags: plan.tags,
            proposals: plan.proposals.iter().map(ProposalReport::from).collect(),
            obsolete: plan
                .obsolete
                .iter()
                .map(|obsolete| ObsoleteReport {
                    branch: obsolete.name.to_string(),
                    reason: obsolete.why,
                })
                .collect(),
            waiting: plan.waiting.iter().map(WaitingReport::from).collect(),
            problems: plan.problems.iter().map(ProblemReport::from).collect(),
        }
    }
}

impl From<&Proposal> for ProposalReport {
    fn from(proposal: &Proposal) -> Self {
        Self {
            group: proposal.group.clone(),
            action: proposal.action.kind(),
            branch: proposal.branch.as_ref().map(ToString::to_string),
            promotion: proposal.promotion.as_deref().map(PromotionReport::from),
            gates: proposal.gates.iter().map(GateReport::from).collect(),
            moves: proposal.moves.iter().map(MoveReport::from).collect(),
            created: proposal
                .creation
                .iter()
                .flat_map(Creation::stream_tags)
                .map(|tag| tag.to_string())
                .collect(),
            message: proposal.message.clone(),
            files: proposal
                .changes
                .iter()
                .map(|change| change.path.to_string())
                .collect(),
            pull_request: proposal.pull_request.as_ref().map(PullRequestReport::from),
        }
    }
}

impl From<&Publication> for PullRequestReport {
    fn from(publication: &Publication) -> Self {
        let (action, title, body) = match &publication.step {
            Step::Open(draft) => ("open", Some(&draft.title), Some(&draft.body)),
            Step::Change { change, .. } => ("update", change.title.as_ref(), change.body.as_ref()),
            Step::Keep(_) => ("keep", None, None),
        };
        let found = publication.found();
        Self {
            action,
            number: found.as_ref().map(|found| found.number),
            url: found.map(|found| found.url),
            title: title.cloned(),
            body: body.cloned(),
            merge: publication
                .merge
                .map(crate::pull_request::MergeMethod::name),
        }
    }
}

impl From<&Move> for MoveReport {
    fn from(moved: &Move) -> Self {
        let fields = moved.fields.iter().map(|field| {
            let target = &field.trigger.target;
            FieldReport {
                place: target.place.to_string(),
                field: field.trigger.field_name(),
                before: target.current.clone(),
                after: field.value.clone(),
            }
        });
        Self {
            stream_tag: moved.tag.to_string(),
            image: image_name(moved),
            copy: moved.copy.as_ref().map(ToString::to_string),
            previous: moved.previous.as_ref().map(ToString::to_string),
            promoted_from: moved
                .promoted_from
                .as_ref()
                .map(|source| format!("{}/{}", source.environment, source.tag)),
            digest: moved.digest().map(ToString::to_string).unwrap_or_default(),
            fields: fields.collect(),
            writes_status: moved.record.is_some(),
        }
    }
}

impl From<&Waiting> for WaitingReport {
    fn from(waiting: &Waiting) -> Self {
        Self {
            stream_tag: waiting.tag.to_string(),
            place: waiting.place.to_string(),
            field: waiting.field.clone(),
            reason: waiting.reason.kind(),
            message: waiting.reason.to_string(),
        }
    }
}

impl From<&Problem> for ProblemReport {
    fn from(problem: &Problem) -> Self {
        Self {
            severity: problem.severity,
            place: problem.place.clone(),
            message: problem.message.clone(),
            advice: problem.advice.clone(),
        }
    }
}
