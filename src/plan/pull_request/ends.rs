//! Pull requests that have nothing left to do, and those that are somebody else's now.

use crate::image::Digest;
use crate::plan::branch::{BotBranch, Obsolete};
use crate::plan::proposal::Plan;
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::markdown::{Document, Inline};
use crate::plan::pull_request::marker::Marker;
use crate::plan::pull_request::publication::Found;
use crate::plan::pull_request::ticks;
use crate::plan::pull_request::view::ForgeView;
use crate::pull_request::PullRequest;
use crate::revision::BranchName;
use crate::stream::StreamTagName;

/// The first line of the bot's remarks: each is made once and then edited.
pub const EDITED_REMARK: &str = "<!-- headwater:edited -->";
pub const ENDED_REMARK: &str = "<!-- headwater:ended -->";

const MAX_REMARK: usize = 10_000;
const HELD: &str = "its box was ticked, and the hold is proposed instead";

/// A pull request that is closed, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub found: Found,
    pub branch: BranchName,
    pub why: &'static str,
    /// Its body, with a mark that says who closed it; none where that stands there.
    pub body: Option<String>,
    pub remark: String,
}

/// A branch that somebody has gone on from, and what the bot would have on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOver {
    pub branch: BranchName,
    pub reason: String,
    pub wanted: Vec<(StreamTagName, Option<Digest>)>,
}

/// What is said under a pull request that somebody else has taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    pub found: Found,
    pub branch: BranchName,
    pub text: String,
    /// Its body with a mark that knows the remark: only when it changes is it said again.
    pub body: String,
}

/// Adds what is to be closed and said. While the forge cannot be asked, branches stay: their pull
/// requests are closed before them.
pub fn close_and_remark(
    plan: &mut Plan,
    forge: &ForgeView,
    branches: &[BotBranch],
    is_complete: bool,
) {
    if forge.outage.is_some() {
        plan.obsolete.clear();
        return;
    }
    let Some(base) = plan.environment.branch.clone() else {
        return;
    };
    let ends = plan.obsolete.iter().filter_map(|obsolete: &Obsolete| {
        let open = forge.open_of(&obsolete.name, &base)?;
        let is_held = !ticks(&open.body).hold.is_empty();
        let why = if is_held { HELD } else { obsolete.why };
        Some(end(forge, open, why))
    });
    let mut ends: Vec<End> = ends.collect();
    if is_complete
        && plan
            .waiting
            .iter()
            .all(|waiting| !waiting.reason.is_failure())
    {
        ends.extend(without_branch(plan, forge, branches));
    }
    plan.ends = ends;
    plan.remarks = remarks(plan, forge, &base);
}

/// Pull requests whose branch somebody deleted, and that no proposal takes up again.
fn without_branch<'a>(
    plan: &'a Plan,
    forge: &'a ForgeView,
    branches: &'a [BotBranch],
) -> impl Iterator<Item = End> + 'a {
    let prefix = format!("headwater/{}/", plan.environment.name);
    let open = forge.open.iter();
    let own = open.filter(move |open| open.head.as_str().starts_with(&prefix));
    own.filter(|open| {
        let is_wanted = |branch: Option<&BranchName>| branch == Some(&open.head);
        let has_branch = branches.iter().any(|branch| branch.name == open.head);
        let mut proposals = plan.proposals.iter();
        let mut waiting = plan.waiting.iter();
        !has_branch
            && !proposals.any(|proposal| is_wanted(proposal.branch.as_ref()))
            && !waiting.any(|waiting| is_wanted(waiting.reason.branch()))
    })
    .map(|open| end(forge, open, "its branch is gone and nothing is left to do"))
}

fn end(forge: &ForgeView, open: &PullRequest, why: &'static str) -> End {
    let key = forge.marker_key.as_deref();
    let before = Marker::read(&open.body, &open.head, key);
    let body = before.marker.as_ref().and_then(|marker| {
        let ended = Marker {
            ended: true,
            ..marker.clone()
        };
        (!marker.ended).then(|| ended.mark(before.text, before.tail, &open.head, key))
    });
    let mut document = Document::new();
    document.paragraph(
        Inline::of("Closed by the bot, and its branch deleted: ")
            .words(why)
            .words("."),
    );
    document.paragraph(Inline::of(
        "This declines nothing: should there be something to do again, it comes in a new pull request.",
    ));
    End {
        found: Found::of(open),
        branch: open.head.clone(),
        why,
        body,
        remark: format!("{ENDED_REMARK}\n{}", document.markdown(MAX_REMARK)),
    }
}

/// What each pull request with somebody's own work is told: once, and again when what it should
/// say has moved on.
fn remarks(plan: &Plan, forge: &ForgeView, base: &BranchName) -> Vec<Remark> {
    let taken = plan.taken_over.iter();
    taken
        .filter_map(|taken| remark(forge, forge.open_of(&taken.branch, base)?, taken))
        .collect()
}

fn remark(forge: &ForgeView, open: &PullRequest, taken: &TakenOver) -> Option<Remark> {
    const MOST: usize = 30;
    let mut document = Document::new();
    document.paragraph(
        Inline::of("Somebody's own work is on this branch (")
            .code(Foreign::cut(&taken.reason, 200))
            .words("), so the bot leaves it as it is. It would propose by now:"),
    );
    let wanted = taken.wanted.iter().take(MOST).map(|(tag, digest)| {
        let line = Inline::of_code(Foreign::name(&tag.to_string()));
        match digest {
            Some(digest) => line.words(" at ").code(Foreign::cut(digest.as_str(), 150)),
            None => line.words(" by its name"),
        }
    });
    document.list(wanted.collect());
    document.paragraph(Inline::of(
        "To have that instead of the work that is here, tick the box that rebuilds this pull request, or give it the label `rebase`.",
    ));
    let text = format!("{EDITED_REMARK}\n{}", document.markdown(MAX_REMARK));
    let hash: String = Digest::of(text.as_bytes())
        .encoded()
        .chars()
        .take(16)
        .collect();
    let key = forge.marker_key.as_deref();
    let before = Marker::read(&open.body, &open.head, key);
    let marker = before.marker.unwrap_or_default();
    if marker.remark.as_ref() == Some(&hash) {
        return None;
    }
    let marker = Marker {
        remark: Some(hash),
        ..marker
    };
    Some(Remark {
        found: Found::of(open),
        branch: open.head.clone(),
        text,
        body: marker.mark(before.text, before.tail, &open.head, key),
    })
}
