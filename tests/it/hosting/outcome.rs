//! What can be seen of a repository and of its forge, without what differs between two passes that
//! do the same: times, commits, and the ports of this machine.

use std::fmt::Write as _;

use regex::Regex;

use crate::hosting::Hosted;
use crate::support::forge::Pull;

impl Hosted {
    /// Branches with what they change, and pull requests with all that is said on them.
    pub(in crate::hosting) fn outcome(&self) -> String {
        let mut outcome = String::new();
        let origin = &self.scene.origin;
        for branch in self.scene.bot_branches() {
            let count = origin.git(&["rev-list", "--count", &format!("main..{branch}")]);
            let subject = origin.git(&["log", "-1", "--format=%s", &branch]);
            let _ = writeln!(outcome, "{branch}: {count} {subject}");
            for path in self.scene.changed(&branch) {
                let _ = writeln!(outcome, "{path}\n{}", self.scene.file(&branch, &path));
            }
        }
        let pulls = self.forge.model().pulls.clone();
        for pull in &pulls {
            let _ = writeln!(outcome, "{}", shown(pull));
        }
        self.masked(&outcome)
    }

    pub(in crate::hosting) fn masked(&self, text: &str) -> String {
        let (api, git) = (self.forge.api(), self.git.url());
        let authority = |url: &str| url.split('/').nth(2).unwrap_or_default().to_owned();
        let mut text = text
            .replace(&authority(api.as_str()), "forge.example")
            .replace(&authority(&git), "git.example")
            .replace(&self.scene.registry.host(), crate::support::scene::HOST);
        for (pattern, word) in [
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z", "TIME"),
            (r"<!-- headwater:v1 \S+ -->", "MARK"),
            (r"\b[0-9a-f]{40}\b", "COMMIT"),
        ] {
            text = Regex::new(pattern)
                .unwrap()
                .replace_all(&text, word)
                .into_owned();
        }
        text
    }
}

fn shown(pull: &Pull) -> String {
    let remarks: Vec<&str> = pull.comments.iter().map(|remark| &*remark.body).collect();
    format!(
        "#{} {:?} {} into {}, draft: {}\n{}\n{}\nlabels {:?} reviewers {:?} assignees {:?} merging {:?}\n{remarks:#?}",
        pull.number,
        pull.state,
        pull.head,
        pull.base,
        pull.is_draft,
        pull.title,
        pull.body,
        pull.labels,
        pull.reviewers,
        pull.assignees,
        pull.scheduled,
    )
}
