//! What a token must be allowed to do, and what it need not.

use std::collections::BTreeSet;

use crate::config::forge::ForgeKind;

/// What one kind of forge calls its permissions.
#[derive(Debug)]
pub struct Scopes {
    /// One of each group must be there.
    needed: &'static [&'static [&'static str]],
    /// What may be there beside it and does no harm.
    harmless: &'static [&'static str],
    /// In words: what to give the token.
    pub least: &'static str,
}

/// The least that works: hardening by the rule that a bot never administers and never passes by
/// protection. The result of an environment's gates is posted as a commit status.
pub fn scopes(kind: ForgeKind, is_app: bool, has_gates: bool) -> Scopes {
    match (kind, is_app) {
        (ForgeKind::GitHub, true) if has_gates => Scopes {
            needed: &[
                &["contents: write"],
                &["pull_requests: write"],
                &["metadata: read"],
                &["statuses: write"],
                &["checks: read", "checks: write"],
            ],
            least: "the permissions contents, pull requests and commit statuses (read and write), \
                    metadata and checks (read)",
            ..scopes(kind, is_app, false)
        },
        (ForgeKind::GitHub, false) if has_gates => Scopes {
            least: "a fine-grained token for this repository with contents, pull requests and \
                    commit statuses (read and write), or a classic one with the scope `repo`",
            ..scopes(kind, is_app, false)
        },
        (ForgeKind::GitHub, true) => Scopes {
            needed: &[
                &["contents: write"],
                &["pull_requests: write"],
                &["metadata: read"],
            ],
            harmless: &[
                "checks: read",
                "statuses: read",
                "statuses: write",
                "issues: write",
                "issues: read",
                "members: read",
                "administration: read",
            ],
            least: "the permissions contents and pull requests (read and write), metadata, checks \
                    and commit statuses (read)",
        },
        (ForgeKind::GitHub, false) => Scopes {
            needed: &[&["repo", "public_repo"]],
            harmless: &["read:org", "read:user", "repo:status"],
            least: "a fine-grained token for this repository with contents and pull requests \
                    (read and write), or a classic one with the scope `repo`",
        },
        (ForgeKind::GitLab, _) => Scopes {
            needed: &[&["api"]],
            harmless: &[
                "read_api",
                "read_user",
                "read_repository",
                "write_repository",
                "read_registry",
                "self_rotate",
            ],
            least: "a project access token with the role Developer and the scope `api`",
        },
        (ForgeKind::Gitea | ForgeKind::Forgejo, _) => Scopes {
            needed: &[
                &["write:repository", "all", "repo"],
                &["write:issue", "all", "repo"],
            ],
            harmless: &["read:user", "read:repository", "read:issue", "read:misc"],
            least: "a token with write:repository, write:issue and read:user",
        },
    }
}

impl Scopes {
    /// What the token lacks; of several that would do, the first.
    pub fn missing(&self, has: &BTreeSet<String>) -> Vec<&'static str> {
        self.needed
            .iter()
            .filter(|group| !group.iter().any(|scope| has.contains(*scope)))
            .filter_map(|group| group.first().copied())
            .collect()
    }

    /// What the token need not have.
    pub fn needless<'a>(&self, has: &'a BTreeSet<String>) -> Vec<&'a str> {
        let is_known = |scope: &str| {
            let all = self.needed.iter().copied().flatten().chain(self.harmless);
            // `all` of Gitea works, and is more than is needed.
            scope != "all" && all.copied().any(|known| known == scope)
        };
        has.iter()
            .map(String::as_str)
            .filter(|scope| !is_known(scope))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_enough_and_more_is_named() {
        let check_gates = |kind, is_app, has_gates, has: &[&str]| {
            let has = has.iter().map(ToString::to_string).collect();
            let scopes = scopes(kind, is_app, has_gates);
            let needless: Vec<String> = scopes
                .needless(&has)
                .into_iter()
                .map(str::to_owned)
                .collect();
            (scopes.missing(&has).join(" "), needless.join(" "))
        };
        let check = |kind, is_app, has: &[&str]| check_gates(kind, is_app, false, has);
        let row = |missing: &str, needless: &str| (missing.to_owned(), needless.to_owned());
        assert_eq!(check(ForgeKind::GitLab, false, &["api"]), row("", ""));
        assert_eq!(
            check(ForgeKind::GitLab, false, &["read_api", "sudo"]),
            row("api", "sudo")
        );
        assert_eq!(
            check(ForgeKind::GitHub, false, &["repo", "workflow", "admin:org"]),
            row("", "admin:org workflow")
        );
        let app = ["contents: write", "metadata: read", "workflows: write"];
        assert_eq!(
            check(ForgeKind::GitHub, true, &app),
            row("pull_requests: write", "workflows: write")
        );
        assert_eq!(
            check(ForgeKind::Forgejo, false, &["write:repository"]),
            row("write:issue", "")
        );
        assert_eq!(check(ForgeKind::Gitea, false, &["all"]), row("", "all"));
        let app = [
            "checks: read",
            "contents: write",
            "metadata: read",
            "pull_requests: write",
            "statuses: read",
        ];
        assert_eq!(check(ForgeKind::GitHub, true, &app), row("", ""));
        assert_eq!(
            check_gates(ForgeKind::GitHub, true, true, &app),
            row("statuses: write", "")
        );
        assert_eq!(
            check_gates(ForgeKind::GitHub, true, true, &["statuses: write"]),
            row(
                "contents: write pull_requests: write metadata: read checks: read",
                ""
            )
        );
        // Both of the classic scopes let statuses be posted.
        for scope in ["repo", "public_repo"] {
            let found = check_gates(ForgeKind::GitHub, false, true, &[scope]);
            assert_eq!(found, row("", ""));
        }
        assert_eq!(
            check_gates(ForgeKind::GitHub, false, true, &["repo:status"]),
            row("repo", "")
        );
    }
}
