//! What a pass has written, one line each.

use std::fmt::Write as _;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::place;
use crate::git::{Error, Repository};
use crate::plain::plain;
use crate::pull_request::{Checks, GATES_CONTEXT};
use crate::reconcile::{Applied, AppliedPlan, Outcome, Published, Publishing};

/// What was written; what was not goes to stderr.
pub fn written(context: &Context, repository: &Repository, applied: &AppliedPlan) -> String {
    // What is written to a bare repository stands where others look.
    let is_clone = repository.work_tree().is_some();
    let mut text = String::new();
    for result in &applied.branches {
        push_branch(&mut text, context, result, is_clone);
    }
    for published in &applied.pull_requests {
        push_pull_request(&mut text, context, published);
    }
    if !text.is_empty() {
        text.insert(0, '\n');
    }
    text
}

fn push_branch(text: &mut String, context: &Context, result: &Applied, is_clone: bool) {
    let branch = &result.branch;
    match (&result.outcome, result.commit) {
        (Outcome::Kept, _) => {}
        (Outcome::Done, None) => {
            let _ = writeln!(text, "deleted {branch}");
        }
        (Outcome::Done, Some(commit)) => {
            let _ = writeln!(text, "wrote {branch} at {}", commit.short());
            if is_clone {
                let _ = writeln!(text, "  to share it: git push origin {branch}");
            }
        }
        (Outcome::Moved | Outcome::Failed(Error::Stale { .. }), _) => {
            let _ = writeln!(text, "lost {branch}: it moved in the meantime");
        }
        (Outcome::Rejected { message, hint }, _) => {
            context.error(&place::push_denied(branch, message, hint));
        }
        (Outcome::Failed(error), _) => {
            let failed = CliError::failure(format!("{branch} could not be written"));
            context.error(&failed.because(error));
        }
    }
}

fn push_pull_request(text: &mut String, context: &Context, published: &Published) {
    let branch = &published.branch;
    let name = match (published.number, &published.url) {
        (Some(number), Some(url)) => format!("pull request #{number} {}", plain(url)),
        _ => format!("the pull request of {branch}"),
    };
    let _ = match &published.what {
        Publishing::Opened => writeln!(text, "opened {name}"),
        Publishing::Changed => writeln!(text, "updated {name}"),
        Publishing::Remarked => writeln!(text, "commented on {name}: somebody's own work is on it"),
        Publishing::Posted(state) => {
            let words = match state {
                Checks::Passing => "passed",
                Checks::Failing => "failed",
                Checks::Pending | Checks::None => "waiting",
            };
            writeln!(text, "{name}: {GATES_CONTEXT} says {words}")
        }
        Publishing::Scheduled => {
            writeln!(text, "{name} is merged once the forge's demands are met")
        }
        Publishing::Merged => writeln!(text, "merged {name}"),
        Publishing::NotReady(why) => writeln!(text, "{name} waits to be merged: {}", plain(why)),
        Publishing::Closed(why) => writeln!(text, "closed {name}: {why}"),
        Publishing::Failed { what, error } => {
            context.error(&CliError::failure(format!("{branch}: cannot {what}")).because(error));
            Ok(())
        }
    };
    for warning in &published.warnings {
        context.note(&format!("{name}: {warning}"));
    }
}
