//! What servers say when they refuse a push, and what to do about it.

use crate::git::{PushOutcome, RejectedReason};

/// The first row that fits wins, so the exact ones come first. Lower case.
const KNOWN: &[(&str, RejectedReason)] = &[
    ("gh001", RejectedReason::Size),
    ("file size limit", RejectedReason::Size),
    ("too large", RejectedReason::Size),
    ("maximum allowed size", RejectedReason::Size),
    ("gh006", RejectedReason::ProtectedBranch),
    ("gh013", RejectedReason::ProtectedBranch),
    ("protected branch", RejectedReason::ProtectedBranch),
    ("is protected", RejectedReason::ProtectedBranch),
    ("push directly to", RejectedReason::ProtectedBranch),
    ("refusing to allow", RejectedReason::Permission),
    ("permission", RejectedReason::Permission),
    ("not allowed to push", RejectedReason::Permission),
    ("not allowed to upload", RejectedReason::Permission),
    ("status 403", RejectedReason::Permission),
    ("non-fast", RejectedReason::NonFastForward),
    ("fetch first", RejectedReason::NonFastForward),
    ("hook declined", RejectedReason::Hook),
    ("rejected by hook", RejectedReason::Hook),
];

/// Names the reason by the server's own words.
pub(crate) fn rejected(message: String) -> PushOutcome {
    let folded = message.to_ascii_lowercase();
    let known = KNOWN.iter().find(|(words, _)| folded.contains(words));
    let reason = known.map_or(RejectedReason::Other, |(_, reason)| *reason);
    PushOutcome::Rejected {
        hint: hint(reason, &folded).to_owned(),
        message,
        reason,
    }
}

fn hint(reason: RejectedReason, message: &str) -> &'static str {
    match reason {
        RejectedReason::Permission if message.contains("workflow") => {
            "the token may not touch workflow files; it needs no such right unless an image is pinned in one"
        }
        RejectedReason::ProtectedBranch => {
            "the branch is protected; let changes come as pull requests (`delivery: pullRequest`), or leave `headwater/*` out of the rule"
        }
        RejectedReason::Size => "a file or the push is larger than the server allows",
        RejectedReason::NonFastForward => {
            "the server refuses to replace a branch; allow it for `headwater/*`"
        }
        RejectedReason::Permission => "give the login the right to write to the repository",
        RejectedReason::Hook => "a hook of the server refuses it; its own words say why",
        RejectedReason::CheckedOut => "check out another branch there",
        RejectedReason::Other => "the server's own words say why",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_words_are_understood() {
        use RejectedReason::*;
        for (words, expected) in [
            (
                "error: GH006: Protected branch update failed for refs/heads/main.\nprotected branch hook declined",
                ProtectedBranch,
            ),
            (
                "error: GH013: Repository rule violations found for refs/heads/main.\npre-receive hook declined",
                ProtectedBranch,
            ),
            (
                "GitLab: You are not allowed to push code to protected branches on this project.\npre-receive hook declined",
                ProtectedBranch,
            ),
            (
                "GitLab: You are not allowed to push code to this project.\npre-receive hook declined",
                Permission,
            ),
            (
                "GitLab: Push rule: commit message does not follow the pattern\npre-receive hook declined",
                Hook,
            ),
            (
                "Gitea: branch main is protected from force push\npre-receive hook declined",
                ProtectedBranch,
            ),
            (
                "error: GH001: Large files detected.\npre-receive hook declined",
                Size,
            ),
            (
                "refusing to allow a GitHub App to create or update workflow `.github/workflows/x.yml` without `workflows` permission",
                Permission,
            ),
            ("non-fast-forward", NonFastForward),
            ("pre-receive hook declined", Hook),
            ("unpacker error", Other),
        ] {
            let PushOutcome::Rejected { reason, hint, .. } = rejected(words.to_owned()) else {
                panic!("not rejected");
            };
            assert_eq!(reason, expected, "{words}");
            assert!(!hint.is_empty());
        }
    }
}
