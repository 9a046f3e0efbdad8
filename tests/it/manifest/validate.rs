//! What `validate` says beside what planning says.

use headwater::policy::{IntegratedRegistries, IntegratedRegistry, OperatorPolicy};
use headwater::reconcile::Desk;
use headwater::snapshot::Files;
use headwater::stream::ReferencePolicy;

use crate::manifest::cases::planned;
use crate::manifest::corpus::{corpus, facts_below};

fn lint(text: &str, operator: &OperatorPolicy) -> (Vec<String>, String) {
    let files = Files::from([("a.yaml".parse().unwrap(), text.as_bytes().into())]);
    let desk = Desk::new(
        files.clone(),
        Vec::new(),
        &|all| all.to_vec(),
        None,
        operator,
    );
    let mut found = desk.lint("2026-11-21T07:41:00Z".parse().unwrap()).unwrap();
    found.sort();
    found.dedup();
    (
        found.iter().map(ToString::to_string).collect(),
        planned(&files).1,
    )
}

#[test]
fn advice_is_given_by_validate_alone() {
    let text = "kind: ImageStream\napiVersion: v1\nmetadata: {name: web, namespace: app}\nspec:\n  tags:\n  - {name: '2016-05-03', from: {kind: DockerImage, name: 'a/b:1'}, referencePolicy: {type: Local}}\n";
    let (found, said) = lint(text, &OperatorPolicy::default());
    assert_eq!(
        found,
        [
            "a.yaml:6:5: note: `referencePolicy: Local` of app/web asks for a copy in the integrated registry, and the server file names none: the pins name the source",
            "a.yaml:6:5: note: the tag `2016-05-03` points to one revision of the image, and never updates; name what stays true of later images too, as v2.0 does",
        ]
    );
    assert!(!said.contains("note"), "{said}");
}

#[test]
fn a_tag_that_the_integrated_registry_cannot_have_is_a_problem() {
    let operator = OperatorPolicy {
        integrated: Some(IntegratedRegistries::from(IntegratedRegistry {
            host: "registry.example:5000".to_owned(),
            ..IntegratedRegistry::default()
        })),
        ..OperatorPolicy::default()
    };
    let text = "kind: ImageStream\napiVersion: v1\nmetadata: {name: web, namespace: app}\nspec: {tags: [{name: '1', from: {kind: DockerImage, name: 'a/b:1'}}]}\n---\nkind: Pod\nmetadata: {name: p, namespace: app}\nspec: {containers: [{name: c, image: 'registry.example:5000/app/web:2'}]}\n";
    assert_eq!(
        lint(text, &operator).0,
        [
            "a.yaml:8:38: error: the trigger names app/web:2, and that stream has no such tag; its tags are: 1"
        ]
    );
    assert!(lint(text, &OperatorPolicy::default()).0.is_empty());
}

#[test]
fn a_trigger_may_wait_for_the_first_tag_of_an_empty_stream() {
    let text = "kind: ImageStream\napiVersion: v1\nmetadata: {name: web, namespace: app}\n---\nkind: Pod\nmetadata: {name: p, namespace: app}\nspec:\n  containers:\n  - name: c\n    image: web # {\"$imagestream\": \"app/web:2\"}\n";
    assert_eq!(
        lint(text, &OperatorPolicy::default()).0,
        [
            "a.yaml:10:16: warning: the trigger names app/web:2, and that stream has no tag yet; headwater tag SOURCE app/web:2, or `headwater import-image`"
        ]
    );
}

#[test]
fn a_pull_secret_in_git_is_named_and_its_content_is_not_shown() {
    let text = "kind: Secret\napiVersion: v1\nmetadata: {name: pull}\ntype: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: c2VjcmV0}\n";
    let (found, _) = lint(text, &OperatorPolicy::default());
    let [warning] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(
        warning.starts_with("a.yaml:4:7: warning: a pull secret stands in Git"),
        "{warning}"
    );
    assert!(!warning.contains("c2VjcmV0"), "{warning}");
}

/// What `validate` says of OpenShift's own library: nothing is wrong, and a stream that wants the
/// integrated registry says so once.
#[test]
fn the_streams_of_openshifts_library_have_nothing_wrong() {
    let Some(corpus) = corpus() else { return };
    let operator = OperatorPolicy::default();
    let mut local = 0;
    for (name, facts) in facts_below(&corpus.join("openshift-library")) {
        let bytes = std::fs::read(&name).unwrap();
        let (found, _) = lint(std::str::from_utf8(&bytes).unwrap(), &operator);
        let policies = facts.streams.iter().filter(|stream| {
            let mut tags = stream.tags.iter();
            tags.any(|tag| tag.settings.reference_policy == ReferencePolicy::Local)
        });
        let notes = found
            .iter()
            .filter(|said| said.contains("referencePolicy: Local"));
        assert_eq!(notes.count(), policies.count(), "{name}: {found:#?}");
        for said in &found {
            assert!(said.contains(": note: "), "{name}: {said}");
            assert!(!said.contains("one revision"), "{name}: {said}");
        }
        local += usize::from(!facts.streams.is_empty());
    }
    assert_eq!(local, 40);
}
