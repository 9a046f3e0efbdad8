//! Who may use the streams of another namespace, and where pushes count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The role whose holders may pull a namespace's images, and so refer to its streams
/// (openshift-apiserver `pkg/bootstrappolicy/policy.go`).
pub const IMAGE_PULLER: &str = "system:image-puller";
/// The one whose holders may push into streams that are there.
pub const IMAGE_PUSHER: &str = "system:image-pusher";
/// The one whose holders may push and, by a push, create streams.
pub const IMAGE_BUILDER: &str = "system:image-builder";
/// Roles of people that have all of it.
const EDITORS: [&str; 5] = [
    "edit",
    "admin",
    "cluster-admin",
    "registry-editor",
    "registry-admin",
];

/// What a role lets its holders do with a namespace's streams; each right has those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Right {
    Pull,
    Push,
    /// A push creates the stream.
    Create,
}

impl Right {
    /// The right that a role of this name gives, if any. The names of people's roles are the
    /// cluster's only where a Role of one namespace does not have them.
    pub fn of_role(name: &str, is_of_cluster: bool) -> Option<Self> {
        match name {
            IMAGE_PULLER => Some(Self::Pull),
            IMAGE_PUSHER => Some(Self::Push),
            IMAGE_BUILDER => Some(Self::Create),
            name if is_of_cluster && EDITORS.contains(&name) => Some(Self::Create),
            _ => None,
        }
    }
}

/// One of a RoleBinding's `subjects[]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    ServiceAccount {
        namespace: String,
        name: String,
    },
    /// Also a service account by its long name, `system:serviceaccount:<namespace>:<name>`.
    User(String),
    /// `system:serviceaccounts:<namespace>`, `system:authenticated`, …
    Group(String),
}

impl Subject {
    /// Whether the subject is in the namespace, or holds everybody in it.
    fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::ServiceAccount { namespace: own, .. } => own == namespace,
            Self::User(name) => name
                .strip_prefix("system:serviceaccount:")
                .and_then(|rest| rest.split_once(':'))
                .is_some_and(|(own, _)| own == namespace),
            Self::Group(name) => match name.as_str() {
                "system:serviceaccounts" | "system:authenticated" | "system:unauthenticated" => {
                    true
                }
                name => name.strip_prefix("system:serviceaccounts:") == Some(namespace),
            },
        }
    }
}

/// The RoleBindings to roles that have a [`Right`], and whether they are enforced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// `access.enforce` of the operator's file.
    pub enforced: bool,
    /// By the namespace whose streams may be used.
    pub grants: BTreeMap<String, Vec<Subject>>,
    /// By namespace, the greatest right that somebody has there.
    pub rights: BTreeMap<String, Right>,
}

impl Access {
    /// Whether objects of the namespace `user` may refer to streams of the namespace `owner`.
    pub fn allows(&self, user: &str, owner: &str) -> bool {
        !self.enforced
            || user == owner
            || self
                .grants
                .get(owner)
                .is_some_and(|subjects| subjects.iter().any(|subject| subject.covers(user)))
    }

    /// Whether anybody may do this in the namespace. Who pushed is the registry's to know: Git
    /// only says whether there is somebody who may.
    pub fn lets_anybody(&self, right: Right, namespace: &str) -> bool {
        let has_right = |has: &Right| *has >= right;
        !self.enforced || self.rights.get(namespace).is_some_and(has_right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_lets_its_subjects_namespaces_in() {
        let account = |namespace: &str| Subject::ServiceAccount {
            namespace: namespace.to_owned(),
            name: "default".to_owned(),
        };
        let user = |name: &str| Subject::User(name.to_owned());
        let group = |name: &str| Subject::Group(name.to_owned());
        for (subject, is_in) in [
            (account("a"), true),
            (account("ab"), false),
            (user("system:serviceaccount:a:default"), true),
            (user("system:serviceaccount:ab:default"), false),
            (user("a"), false),
            (group("system:serviceaccounts:a"), true),
            (group("system:serviceaccounts:ab"), false),
            (group("system:serviceaccounts"), true),
            (group("system:authenticated"), true),
            (group("a"), false),
        ] {
            let access = Access {
                enforced: true,
                grants: BTreeMap::from([("b".to_owned(), vec![subject.clone()])]),
                rights: BTreeMap::new(),
            };
            assert_eq!(access.allows("a", "b"), is_in, "{subject:?}");
            assert!(access.allows("c", "c") && !access.allows("b", "a"));
            let free = Access {
                enforced: false,
                ..access
            };
            assert!(free.allows("a", "c"));
        }
    }

    #[test]
    fn whoever_builds_may_push_and_nobody_may_where_nobody_is_named() {
        let access = |enforced, right| Access {
            enforced,
            rights: BTreeMap::from([("a".to_owned(), right)]),
            ..Access::default()
        };
        for (right, pushes, creates) in [
            (Right::Pull, false, false),
            (Right::Push, true, false),
            (Right::Create, true, true),
        ] {
            let access = access(true, right);
            assert_eq!(access.lets_anybody(Right::Push, "a"), pushes, "{right:?}");
            assert_eq!(
                access.lets_anybody(Right::Create, "a"),
                creates,
                "{right:?}"
            );
            assert!(!access.lets_anybody(Right::Push, "b"));
        }
        assert!(access(false, Right::Pull).lets_anybody(Right::Create, "b"));
    }
}
