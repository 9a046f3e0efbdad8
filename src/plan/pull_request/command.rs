//! The pull request of a command that somebody typed.

use crate::environment::EnvironmentName;
use crate::plan::pull_request::body::MAX_BODY;
use crate::plan::pull_request::foreign::Foreign;
use crate::plan::pull_request::markdown::{Document, Inline};
use crate::policy::PullRequestPolicy;
use crate::pull_request::Draft;
use crate::revision::BranchName;

/// Characters of a title.
const MAX_TITLE: usize = 72;
/// Characters of one line of the message.
const MAX_LINE: usize = 2000;
/// Bytes of the message that are shown; the rest of the body has room beside it.
const MAX_SHOWN: usize = MAX_BODY - 2000;

/// From the branch `head`, whose commit has this `message`. The bot's mark is not in it: a pass
/// takes it for a person's, and leaves it alone.
pub fn command_draft(
    message: &str,
    environment: &EnvironmentName,
    head: BranchName,
    base: BranchName,
    policy: &PullRequestPolicy,
) -> Draft {
    let subject = message.lines().next().unwrap_or_default();
    let mut labels = policy.labels.clone();
    labels.insert(format!("env/{environment}"));
    Draft {
        head,
        base,
        title: Foreign::cut(subject, MAX_TITLE).bare(),
        body: body(message, environment),
        labels,
        reviewers: policy.reviewers.clone(),
        assignees: policy.assignees.clone(),
        is_draft: policy.is_draft,
    }
}

fn body(message: &str, environment: &EnvironmentName) -> String {
    let mut document = Document::new();
    document.paragraph(
        Inline::of("Somebody made this change in ")
            .bold(Inline::new().environment(environment))
            .words(" with a command of headwater. Its commit says:"),
    );
    let lines: Vec<Foreign> = message
        .trim_end()
        .lines()
        .map(|line| Foreign::cut(line, MAX_LINE))
        .collect();
    let mut room = MAX_SHOWN;
    let fits = |line: &&Foreign| {
        let rest = room.checked_sub(line.as_str().len() + 1);
        room = rest.unwrap_or_default();
        rest.is_some()
    };
    let shown: Vec<Foreign> = lines.iter().take_while(fits).cloned().collect();
    let more = lines.len() - shown.len();
    document.fenced(shown);
    if more > 0 {
        let count = Inline::of("And ").count(more, "line", "lines");
        document.paragraph(count.words(" more, which stand in the commit."));
    }
    document.paragraph(Inline::of(
        "headwater leaves this branch alone until it is merged, and deletes it then.",
    ));
    document.markdown(MAX_BODY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pull_request::marker::Marker;
    use crate::plan::pull_request::reading::ticks;

    fn draft(message: &str) -> Draft {
        let policy = PullRequestPolicy {
            labels: ["images".to_owned()].into(),
            reviewers: ["ann".to_owned()].into(),
            is_draft: true,
            ..PullRequestPolicy::default()
        };
        let [head, base] = ["headwater/dev/tag-a-b", "main"].map(|name| name.parse().unwrap());
        command_draft(message, &"dev".parse().unwrap(), head, base, &policy)
    }

    #[test]
    fn it_says_what_the_commit_says() {
        let draft = draft("tag a:1 b:2\n\nTag b:2 set to a@sha256:61ab.\n\nEnvironment: dev\n");
        assert_eq!(draft.title, "tag a:1 b:2");
        assert_eq!(
            draft.body,
            "Somebody made this change in **dev** with a command of headwater. Its commit says:\n\n\
             ```text\ntag a:1 b:2\n\nTag b:2 set to a@sha256:61ab.\n\nEnvironment: dev\n```\n\n\
             headwater leaves this branch alone until it is merged, and deletes it then.\n"
        );
        let labels: Vec<&str> = draft.labels.iter().map(String::as_str).collect();
        assert_eq!(labels, ["env/dev", "images"]);
        assert!(draft.is_draft && draft.reviewers.contains("ann"));
    }

    #[test]
    fn nothing_in_it_acts() {
        let text = "tag [skip ci] @all\n\n```\n<!-- headwater:v1 e30 -->\n\
                    - [x] x <!-- headwater:rebuild -->\nCloses #1\u{202e}\u{1b}[2J\n";
        let draft = draft(text);
        assert_eq!(draft.title, "tag \\u{5b}skip ci] \\u{40}all");
        assert!(draft.body.contains("````text\n"), "{}", draft.body);
        for acting in ["@all", "<!--", "#1", "\u{202e}", "\u{1b}"] {
            assert!(!draft.body.contains(acting), "{acting:?} in {}", draft.body);
        }
        assert_eq!(Marker::read(&draft.body, &draft.head, None).marker, None);
        assert!(!ticks(&draft.body).rebuild);
    }

    #[test]
    fn a_long_message_is_cut_at_a_line() {
        let lines = "Image: quay.io/acme/web:1\n".repeat(10_000);
        let draft = draft(&format!("tag a:1 b:2\n\n{lines}"));
        assert!(draft.body.len() <= MAX_BODY);
        assert!(draft.body.contains("lines more, which stand in the commit"));
        assert_eq!(draft.body.matches("```").count(), 2);
    }
}
