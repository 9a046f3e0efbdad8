//! What forges do with a bot branch, and people with theirs.

use crate::promotion::cases::stage::Stage;

impl Stage {
    /// Brings a bot branch into the branch of its environment.
    pub fn land(&self, way: &str, bot: &str) {
        let target = self.target_of(bot);
        self.on(&target);
        let head = format!("origin/{bot}");
        match way {
            "merge" => {
                let message = format!("Merge pull request from {bot}");
                self.git(&["merge", "-q", "--no-ff", "-m", &message, &head]);
            }
            // A pull request's title and description.
            "squash" => self.squash(&head, &self.git(&["log", "-1", "--format=%B", &head])),
            // The messages of all commits, oldest first; some forges begin with the newest.
            "squash-all" => self.squash(&head, &self.messages(&head, &["--reverse"])),
            "squash-newest-first" => self.squash(&head, &self.messages(&head, &[])),
            "squash-without-message" => self.squash(&head, "squashed"),
            // Commit by commit, merges left out.
            "rebase" => {
                self.git(&["checkout", "-q", "--detach", &head]);
                self.git(&["rebase", "-q", &target]);
                let commit = self.git(&["rev-parse", "HEAD"]);
                self.git(&["checkout", "-q", &target]);
                self.git(&["merge", "-q", "--ff-only", &commit]);
            }
            "fast-forward" => {
                self.git(&["merge", "-q", "--ff-only", &head]);
            }
            way => panic!("{}\n{way} is no way to merge", self.at),
        }
        self.push();
    }

    fn messages(&self, head: &str, order: &[&str]) -> String {
        let range = format!("HEAD..{head}");
        let log = ["log", "--topo-order", "--format=* %B"];
        let all = self.git(&[&log, order, &[&range]].concat());
        format!("Pull request\n\n{all}")
    }

    fn squash(&self, head: &str, message: &str) {
        self.git(&["merge", "-q", "--squash", head]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    /// `headwater/prod/from-dev` is merged into `prod`, or where there is no such branch into
    /// `main`.
    fn target_of(&self, bot: &str) -> String {
        let environment = bot.split('/').nth(1).unwrap();
        let branches = self.branches();
        let own = branches.into_iter().find(|branch| branch == environment);
        own.unwrap_or_else(|| "main".to_owned())
    }

    pub fn merge_by_hand(&self, branch: &str, into: &str, options: &[&str]) {
        self.on(into);
        let message = format!("merge {branch} by hand");
        let head = format!("origin/{branch}");
        let merge = ["merge", "-q", "--no-ff", "-m", &message];
        self.git(&[&merge, options, &[&head]].concat());
        self.push();
    }

    /// Reverts the newest commit of a branch, as a forge's button does.
    pub fn revert(&self, branch: &str) {
        self.on(branch);
        let parents = self.git(&["log", "-1", "--format=%P", "HEAD"]);
        match parents.contains(' ') {
            true => self.git(&["revert", "--no-edit", "-m", "1", "HEAD"]),
            false => self.git(&["revert", "--no-edit", "HEAD"]),
        };
        self.push();
    }

    /// Puts another commit in the place of the newest one.
    pub fn rewrite(&self, branch: &str) {
        self.on(branch);
        let message = format!("{branch}, once more");
        self.git(&["commit", "-q", "--amend", "--allow-empty", "-m", &message]);
        self.git(&["push", "-q", "-f", "origin", "HEAD"]);
    }

    /// Closes a bot branch without a forge: it is deleted.
    pub fn close(&self, bot: &str) {
        self.git(&["push", "-q", "origin", "--delete", bot]);
    }
}
