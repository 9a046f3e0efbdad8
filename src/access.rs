//! Who may use the streams of another namespace.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The role whose holders may pull a namespace's images, and so refer to its streams
/// (openshift-apiserver `pkg/bootstrappolicy/policy.go`).
pub const IMAGE_PULLER: &str = "system:image-puller";

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

/// The RoleBindings to [`IMAGE_PULLER`] of an environment, and whether they are enforced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// `access.enforce` of the operator's file.
    pub enforced: bool,
    /// By the namespace whose streams may be used.
    pub grants: BTreeMap<String, Vec<Subject>>,
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
}
