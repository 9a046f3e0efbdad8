//! The bare Git repository as people use it: their commits, merges and reverts, by libgit2 alone.

use std::collections::BTreeMap;

use git2::build::TreeUpdateBuilder;
use git2::{BranchType, FileMode, Oid, Repository, Signature, Time};

pub const PERSON: &str = "Ada";

pub struct Site {
    pub raw: Repository,
}

/// How a person, or a forge for them, merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Merge,
    SquashWithTrailers,
    SquashWithout,
    /// Fast-forward where that is possible, else the bot's commit again on the tip.
    Rebase,
}

impl Site {
    pub fn tip(&self, branch: &str) -> Option<Oid> {
        let name = format!("refs/heads/{branch}");
        self.raw.refname_to_id(&name).ok()
    }

    /// By name, with their commits.
    pub fn branches(&self, prefix: &str) -> BTreeMap<String, Oid> {
        let branches = self.raw.branches(Some(BranchType::Local)).unwrap();
        let named = branches.map(|branch| {
            let (branch, _) = branch.unwrap();
            let name = branch.name().unwrap().unwrap().to_owned();
            (name, branch.get().target().unwrap())
        });
        named.filter(|(name, _)| name.starts_with(prefix)).collect()
    }

    pub fn set(&self, branch: &str, commit: Oid) {
        let name = format!("refs/heads/{branch}");
        self.raw.reference(&name, commit, true, "test").unwrap();
    }

    pub fn delete(&self, branch: &str) {
        let name = format!("refs/heads/{branch}");
        self.raw.find_reference(&name).unwrap().delete().unwrap();
    }

    pub fn message(&self, commit: Oid) -> String {
        let commit = self.raw.find_commit(commit).unwrap();
        String::from_utf8_lossy(commit.message_raw_bytes()).into_owned()
    }

    pub fn parents(&self, commit: Oid) -> Vec<Oid> {
        self.raw.find_commit(commit).unwrap().parent_ids().collect()
    }

    pub fn time(&self, commit: Oid) -> i64 {
        self.raw.find_commit(commit).unwrap().time().seconds()
    }

    /// All files of a commit with their blobs.
    pub fn files(&self, commit: Oid) -> BTreeMap<String, Oid> {
        let tree = self.raw.find_commit(commit).unwrap().tree().unwrap();
        let mut files = BTreeMap::new();
        tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
            if entry.kind() == Some(git2::ObjectType::Blob) {
                files.insert(format!("{folder}{}", entry.name().unwrap()), entry.id());
            }
            git2::TreeWalkResult::Ok
        })
        .unwrap();
        files
    }

    pub fn text(&self, blob: Oid) -> String {
        let blob = self.raw.find_blob(blob).unwrap();
        String::from_utf8(blob.content().to_vec()).unwrap()
    }

    pub fn file(&self, commit: Oid, path: &str) -> Option<String> {
        let tree = self.raw.find_commit(commit).unwrap().tree().unwrap();
        let entry = tree.get_path(path.as_ref()).ok()?;
        Some(self.text(entry.id()))
    }

    fn commit(&self, tree: Oid, parents: &[Oid], message: &str, now: i64) -> Oid {
        let tree = self.raw.find_tree(tree).unwrap();
        let author = Signature::new(PERSON, "ada@example.org", &Time::new(now, 0)).unwrap();
        let found = parents.iter().map(|id| self.raw.find_commit(*id).unwrap());
        let found: Vec<_> = found.collect();
        let parents: Vec<_> = found.iter().collect();
        self.raw
            .commit(None, &author, &author, message, &tree, &parents)
            .unwrap()
    }

    /// A person's commit of whole files on a branch; none: the file goes.
    pub fn edit(&self, branch: &str, files: &[(String, Option<String>)], message: &str, now: i64) {
        let tip = self.tip(branch);
        let base = match tip {
            Some(tip) => self.raw.find_commit(tip).unwrap().tree().unwrap(),
            None => {
                let empty = self.raw.treebuilder(None).unwrap().write().unwrap();
                self.raw.find_tree(empty).unwrap()
            }
        };
        let mut update = TreeUpdateBuilder::new();
        for (path, text) in files {
            match text {
                Some(text) => {
                    let blob = self.raw.blob(text.as_bytes()).unwrap();
                    update.upsert(path.as_str(), blob, FileMode::Blob);
                }
                None => {
                    update.remove(path.as_str());
                }
            }
        }
        let tree = update.create_updated(&self.raw, &base).unwrap();
        let parents: Vec<Oid> = tip.into_iter().collect();
        let commit = self.commit(tree, &parents, message, now);
        self.set(branch, commit);
    }

    /// Merges `head` into `base`; false where that conflicts. The branch of `head` stays.
    pub fn merge(&self, base: &str, head: Oid, way: Way, now: i64) -> Option<Oid> {
        let tip = self.tip(base).unwrap();
        let is_ahead = self.raw.graph_descendant_of(head, tip).unwrap();
        let commit = if way == Way::Rebase && is_ahead {
            head
        } else {
            let (ours, theirs) = (self.raw.find_commit(tip), self.raw.find_commit(head));
            let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
            let mut index = self.raw.merge_commits(&ours, &theirs, None).unwrap();
            if index.has_conflicts() {
                return None;
            }
            let tree = index.write_tree_to(&self.raw).unwrap();
            let subject = theirs.summary().unwrap().unwrap_or_default();
            let (parents, message) = match way {
                Way::Merge => (vec![tip, head], format!("Merge pull request: {subject}\n")),
                Way::SquashWithout => (vec![tip], format!("{subject} (#1)\n")),
                Way::SquashWithTrailers => {
                    let message = self.message(head);
                    (vec![tip], format!("{subject} (#1)\n\n* {message}"))
                }
                Way::Rebase => (vec![tip], self.message(head)),
            };
            self.commit(tree, &parents, &message, now)
        };
        self.set(base, commit);
        Some(commit)
    }

    /// `git revert` of a commit of the branch's first-parent history; false where it conflicts or
    /// changes nothing.
    pub fn revert(&self, branch: &str, commit: Oid, now: i64) -> bool {
        let tip = self.tip(branch).unwrap();
        let ours = self.raw.find_commit(tip).unwrap();
        let reverted = self.raw.find_commit(commit).unwrap();
        let mainline = u32::from(reverted.parent_count() > 1);
        let index = self.raw.revert_commit(&reverted, &ours, mainline, None);
        let mut index = index.unwrap();
        if index.has_conflicts() {
            return false;
        }
        let tree = index.write_tree_to(&self.raw).unwrap();
        if tree == ours.tree_id() {
            return false;
        }
        let subject = reverted.summary().unwrap().unwrap_or_default();
        let message = format!("Revert \"{subject}\"\n\nThis reverts commit {commit}.\n");
        let commit = self.commit(tree, &[tip], &message, now);
        self.set(branch, commit);
        true
    }
}
