//! RoleBindings that let others pull a namespace's images, and push them
//! (openshift-apiserver `pkg/bootstrappolicy/policy.go`).

use crate::access::{Right, Subject};
use crate::manifest::facts::GrantFacts;
use crate::manifest::reader::Reader;
use crate::yaml::Node;

/// Reads a RoleBinding or ClusterRoleBinding, the legacy ones too. None where its role is another
/// one.
pub(crate) fn read<'a>(
    reader: &mut Reader<'a>,
    object: &'a Node,
    kind: &str,
    version: &str,
) -> Option<GrantFacts> {
    let is_one = matches!(version, "" | "v1")
        || version.starts_with("rbac.authorization.k8s.io/")
        || version.starts_with("authorization.openshift.io/");
    let role = |key| reader.at(object, &["roleRef", key]).and_then(Node::text);
    // The legacy group says by a namespace that the role is one of it.
    let is_of_cluster = role("kind") != Some("Role") && role("namespace").is_none_or(str::is_empty);
    let right = Right::of_role(role("name")?, is_of_cluster).filter(|_| is_one)?;
    let mut subjects = Vec::new();
    for item in reader.items(object, "subjects") {
        subjects.extend(read_subject(reader, reader.follow(item)));
    }
    let names = |key| {
        let items = reader.items(object, key).iter();
        items.filter_map(|item| Some(reader.follow(item).text()?.to_owned()))
    };
    subjects.extend(names("userNames").map(Subject::User));
    subjects.extend(names("groupNames").map(Subject::Group));
    subjects.sort();
    subjects.dedup();
    let namespace = reader.at(object, &["metadata", "namespace"]);
    Some(GrantFacts {
        namespace: namespace
            .and_then(Node::text)
            .filter(|namespace| !namespace.is_empty())
            .map(str::to_owned),
        everywhere: kind == "ClusterRoleBinding",
        right,
        at: reader.spot(object),
        subjects,
    })
}

/// The legacy group has `SystemUser` and `SystemGroup` too.
fn read_subject<'a>(reader: &mut Reader<'a>, item: &'a Node) -> Option<Subject> {
    let Some(name) = reader.text(item, "name").filter(|name| !name.is_empty()) else {
        reader.error(item, "a subject has no `name`");
        return None;
    };
    let name = name.to_owned();
    match reader.text(item, "kind") {
        // Without a namespace: the binding's own, which is known later.
        Some("ServiceAccount") => Some(Subject::ServiceAccount {
            namespace: reader
                .text(item, "namespace")
                .unwrap_or_default()
                .to_owned(),
            name,
        }),
        Some("User" | "SystemUser") => Some(Subject::User(name)),
        Some("Group" | "SystemGroup") => Some(Subject::Group(name)),
        _ => {
            let at = reader.get(item, "kind").unwrap_or(item);
            reader.error(
                at,
                "supported values: \"ServiceAccount\", \"User\", \"Group\"",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{FileFacts, read_file, screen};

    fn grants(text: &str) -> FileFacts {
        assert!(screen("a.yaml", text.as_bytes()), "{text}");
        read_file(text.as_bytes())
    }

    #[test]
    fn subjects_of_all_kinds_and_versions_are_read() {
        let account = |namespace: &str| Subject::ServiceAccount {
            namespace: namespace.to_owned(),
            name: "default".to_owned(),
        };
        for (text, subjects, right) in [
            (
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {namespace: dev}\nroleRef: {kind: ClusterRole, name: 'system:image-puller'}\nsubjects: [{kind: ServiceAccount, name: default, namespace: prod}, {kind: ServiceAccount, name: default}]\n",
                vec![account(""), account("prod")],
                Right::Pull,
            ),
            (
                "kind: List\nitems:\n- apiVersion: authorization.openshift.io/v1\n  kind: RoleBinding\n  metadata: {namespace: dev}\n  roleRef: {name: 'system:image-pusher'}\n  userNames: ['system:serviceaccount:prod:default']\n  groupNames: ['system:serviceaccounts:prod']\n  subjects: [{kind: SystemGroup, name: 'system:serviceaccounts:prod'}]\n",
                vec![
                    Subject::User("system:serviceaccount:prod:default".to_owned()),
                    Subject::Group("system:serviceaccounts:prod".to_owned()),
                ],
                Right::Push,
            ),
            (
                "apiVersion: v1\nkind: RoleBinding\nmetadata: {namespace: dev}\nroleRef: {name: 'system:image-builder'}\nsubjects: [{kind: Group, name: g}, {kind: User, name: u}]\n",
                vec![
                    Subject::User("u".to_owned()),
                    Subject::Group("g".to_owned()),
                ],
                Right::Create,
            ),
            (
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {namespace: dev}\nroleRef: {kind: ClusterRole, name: edit}\nsubjects: [{kind: User, name: u}]\n",
                vec![Subject::User("u".to_owned())],
                Right::Create,
            ),
        ] {
            let facts = grants(text);
            assert!(facts.findings.is_empty(), "{:?}", facts.findings);
            let [grant] = facts.grants.as_slice() else {
                panic!("{:?}", facts.grants)
            };
            assert_eq!(grant.namespace.as_deref(), Some("dev"));
            assert_eq!(grant.subjects, subjects);
            assert_eq!(grant.right, right);
            assert!(!grant.everywhere);
        }
    }

    #[test]
    fn another_role_is_no_grant_and_a_bad_subject_leaves_the_others() {
        let binding = |role: &str, subjects: &str| {
            format!(
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nroleRef: {{kind: ClusterRole, name: '{role}'}}\nsubjects: [{subjects}] # system:image-puller\n"
            )
        };
        assert!(
            grants(&binding("view", "{kind: User, name: u}"))
                .grants
                .is_empty()
        );
        // What a namespace calls so is its own.
        let own =
            binding("edit", "{kind: User, name: u}").replace("kind: ClusterRole,", "kind: Role,");
        assert!(grants(&own).grants.is_empty());
        let facts = grants(&binding(
            "system:image-puller",
            "{kind: Robot, name: r}, {kind: User}, {kind: User, name: u}",
        ));
        let messages: Vec<_> = facts.findings.iter().map(|f| f.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "supported values: \"ServiceAccount\", \"User\", \"Group\"",
                "a subject has no `name`"
            ]
        );
        assert_eq!(facts.grants[0].subjects, [Subject::User("u".to_owned())]);
        assert!(facts.grants[0].everywhere);
    }
}
