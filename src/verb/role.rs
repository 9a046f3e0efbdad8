//! `policy add-role-to-user` and its kin (oc `pkg/cli/admin/policy/modify_roles.go`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::verb::draft::metadata;
use crate::verb::object::{Object, objects};
use crate::verb::{Draft, Refused, Scene};

/// Who gets a role or loses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    User,
    Group,
}

/// The words of the commands.
#[derive(Clone, Debug)]
pub struct RoleChange {
    pub target: Target,
    pub is_removal: bool,
    /// The role, then users or groups.
    pub words: Vec<String>,
    /// `-z`
    pub service_accounts: Vec<String>,
    pub binding_name: Option<String>,
}

const API_GROUP: &str = "rbac.authorization.k8s.io";

/// Decides what the command writes: a RoleBinding beside the namespace's streams, and its name.
pub fn change_role(scene: &Scene<'_>, words: &RoleChange) -> Result<(Draft, String), Refused> {
    let (role, names) = read(words)?;
    let subjects = subjects(scene, words, names);
    let mut targets: Vec<&String> = names.iter().collect();
    targets.extend(&words.service_accounts);
    let shown = match targets.as_slice() {
        [only] => format!("{only:?}"),
        // As Go prints a list of texts.
        several => {
            let several: Vec<String> = several.iter().map(|name| format!("{name:?}")).collect();
            format!("[{}]", several.join(" "))
        }
    };
    let mut bindings = objects(scene, &BTreeSet::from(["RoleBinding"]));
    bindings.retain(|binding| {
        binding.namespace == scene.namespace
            && match &words.binding_name {
                Some(name) => binding.name == *name,
                None => binding.text("/roleRef/name") == Some(role),
            }
    });
    let mut draft = Draft::default();
    let done = if words.is_removal {
        let plain: Vec<&str> = targets.iter().map(|name| name.as_str()).collect();
        let plain = format!("[{}]", plain.join(" "));
        remove(&mut draft, words, role, &bindings, &subjects, &plain)?;
        ("removed", role.to_owned())
    } else {
        let binding = add(&mut draft, scene, words, role, &bindings, &subjects)?;
        ("added", binding)
    };
    let (done, binding) = done;
    draft.say(format!("clusterrole.{API_GROUP}/{role} {done}: {shown}"));
    Ok((draft, binding))
}

fn read(words: &RoleChange) -> Result<(&str, &[String]), Refused> {
    let target = match words.target {
        Target::User => "user",
        Target::Group => "group",
    };
    let Some((role, names)) = words.words.split_first() else {
        return Err(Refused::new(match words.target {
            Target::User => "you must specify a role".to_owned(),
            Target::Group => at_least_two(target),
        }));
    };
    if names.is_empty() && words.service_accounts.is_empty() {
        return Err(Refused::new(match words.target {
            Target::User => "you must specify at least one user or service account".to_owned(),
            Target::Group => at_least_two(target),
        }));
    }
    for name in &words.service_accounts {
        if name.starts_with("system:serviceaccount") {
            return Err(Refused::new(
                "--serviceaccount (-z) should only be used with short-form serviceaccount names (e.g. `default`)",
            ));
        }
        let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_name = name.split('.').all(|part| {
            part.bytes().all(|byte| is_good(byte) || byte == b'-') && {
                let ends = [part.bytes().next(), part.bytes().last()];
                ends.into_iter().all(|byte| byte.is_some_and(is_good))
            }
        });
        if !is_name {
            return Err(Refused::new(format!(
                "{name:?} is not a valid serviceaccount name"
            )));
        }
    }
    Ok((role, names))
}

fn at_least_two(target: &str) -> String {
    format!("you must specify at least two arguments: <role> <{target}> [{target}]...")
}

/// A service account by its long name is one (library-go `BuildRBACSubjects`).
fn subjects(scene: &Scene<'_>, words: &RoleChange, names: &[String]) -> Vec<Value> {
    let account = |namespace: &str, name: &str| json!({"kind": "ServiceAccount", "name": name, "namespace": namespace});
    let named = names.iter().map(|name| {
        let long = name.strip_prefix("system:serviceaccount:");
        match (words.target, long.and_then(|rest| rest.split_once(':'))) {
            (Target::User, Some((namespace, name))) => account(namespace, name),
            (Target::User, None) => json!({"apiGroup": API_GROUP, "kind": "User", "name": name}),
            (Target::Group, _) => json!({"apiGroup": API_GROUP, "kind": "Group", "name": name}),
        }
    });
    let short = words.service_accounts.iter();
    named
        .chain(short.map(|name| account(&scene.namespace, name)))
        .collect()
}

fn is_same(a: &Value, b: &Value) -> bool {
    let text = |value: &Value, key: &str| {
        let text = value.get(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    ["kind", "name", "namespace"]
        .iter()
        .all(|key| text(a, key) == text(b, key))
}

fn add(
    draft: &mut Draft,
    scene: &Scene<'_>,
    words: &RoleChange,
    role: &str,
    bindings: &[Object],
    subjects: &[Value],
) -> Result<String, Refused> {
    let lacking = |binding: &Object| -> Vec<Value> {
        let has = binding.list("/subjects");
        let mut lacking: Vec<Value> = Vec::new();
        for subject in subjects {
            let mut known = has.iter().chain(&lacking);
            if !known.any(|other| is_same(other, subject)) {
                lacking.push(subject.clone());
            }
        }
        lacking
    };
    if let (Some(name), Some(binding)) = (&words.binding_name, bindings.first()) {
        let own = binding.text("/roleRef/name").unwrap_or_default();
        if own != role {
            return Err(Refused::new(format!(
                "rolebinding {name} found for role {own}, not {role}"
            )));
        }
        let count = binding.list("/subjects").len();
        for (number, subject) in lacking(binding).into_iter().enumerate() {
            let field = binding.field(&["subjects"]).index(count + number);
            draft.put(&binding.at, field, subject);
        }
        return Ok(binding.name.clone());
    }
    if let Some(binding) = bindings.iter().find(|binding| lacking(binding).is_empty()) {
        return Ok(binding.name.clone());
    }
    let taken: BTreeSet<String> = objects(scene, &BTreeSet::from(["RoleBinding"]))
        .into_iter()
        .filter(|binding| binding.namespace == scene.namespace)
        .map(|binding| binding.name)
        .collect();
    let name = words.binding_name.clone().unwrap_or_else(|| {
        let numbered = (0..=taken.len()).map(|number| format!("{role}-{number}"));
        std::iter::once(role.to_owned())
            .chain(numbered)
            .find(|name| !taken.contains(name))
            .unwrap_or_else(|| role.to_owned())
    });
    let path = draft.new_file(scene, &scene.namespace, &name.replace([':', '/'], "-"))?;
    let realm = scene.realm_of(&scene.namespace)?;
    draft.new_object(
        path,
        json!({
            "apiVersion": format!("{API_GROUP}/v1"),
            "kind": "RoleBinding",
            "metadata": metadata(realm, &scene.namespace, &name),
            "roleRef": {"apiGroup": API_GROUP, "kind": "ClusterRole", "name": role},
            "subjects": subjects,
        }),
    );
    Ok(name)
}

fn remove(
    draft: &mut Draft,
    words: &RoleChange,
    role: &str,
    bindings: &[Object],
    subjects: &[Value],
    shown: &str,
) -> Result<(), Refused> {
    if bindings.is_empty() {
        return Err(Refused::new(match &words.binding_name {
            Some(name) => format!("rolebindings.{API_GROUP} {name:?} not found"),
            None => format!("unable to locate any RoleBinding for ClusterRole {role:?}"),
        }));
    }
    let mut found = 0;
    for binding in bindings {
        let own = binding.text("/roleRef/name").unwrap_or_default();
        if own != role {
            return Err(Refused::new(format!(
                "rolebinding {} contains role {own}, instead of role {role}",
                binding.name
            )));
        }
        let has = binding.list("/subjects");
        let goes: Vec<usize> = has
            .iter()
            .enumerate()
            .filter(|(_, subject)| subjects.iter().any(|other| is_same(other, subject)))
            .map(|(number, _)| number)
            .collect();
        found += goes.len();
        if !goes.is_empty() && goes.len() == has.len() {
            draft.remove_object(&binding.at, &binding.root);
            continue;
        }
        for number in goes {
            draft.remove(&binding.at, binding.field(&["subjects"]).index(number));
        }
    }
    if found == 0 {
        return Err(Refused::new(format!("unable to find target {shown}")));
    }
    Ok(())
}
