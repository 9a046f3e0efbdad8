use std::collections::BTreeMap;
use std::sync::Arc;

use crate::environment::Environment;
use crate::manifest::{self, Manifests};
use crate::policy::IntegratedRegistry;
use crate::snapshot::FilePath;
use crate::trigger::TriggerKind;

fn environment(name: &str, paths: &[&str], namespaces: &[&str]) -> Environment {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Environment {
        name: name.parse().unwrap(),
        paths: owned(paths),
        namespaces: owned(namespaces),
        ..Environment::default()
    }
}

fn assemble_for(environments: &[Environment], files: &[(&str, &str)]) -> Manifests {
    let contents: BTreeMap<FilePath, &str> = files
        .iter()
        .map(|(path, text)| (path.parse().unwrap(), *text))
        .collect();
    let facts: Vec<_> = contents
        .iter()
        .map(|(path, text)| (path.clone(), Arc::new(manifest::read_file(text.as_bytes()))))
        .collect();
    let fields = manifest::wanted_fields(&facts)
        .into_iter()
        .filter_map(|(path, wanted)| {
            let text = contents.get(&path)?;
            Some((path, manifest::read_fields(text.as_bytes(), &wanted)))
        })
        .collect();
    manifest::assemble(&facts, &fields, &environments[0], environments)
}

fn assemble(files: &[(&str, &str)]) -> Manifests {
    assemble_for(&[environment("default", &[], &[])], files)
}

fn problems(manifests: &Manifests) -> Vec<String> {
    manifests.problems.iter().map(ToString::to_string).collect()
}

/// `from -> file#field = current` of each trigger.
fn triggers(manifests: &Manifests) -> Vec<String> {
    let line = |t: &crate::trigger::Trigger| {
        format!(
            "{} -> {}#{} = {}{}",
            t.from,
            t.target.document.file,
            t.target.field,
            t.target.current.as_deref().unwrap_or("(none)"),
            t.all_or_nothing
                .map(|group| format!(" [{group}]"))
                .unwrap_or_default()
        )
    };
    manifests.triggers.iter().map(line).collect()
}

fn stream(name: &str, extra: &str) -> String {
    format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {name}{extra}}}\nspec: {{lookupPolicy: {{local: true}}, tags: [{{name: \"1.10\", from: {{kind: DockerImage, name: \"ghcr.io/acme/{name}:1.10\"}}}}]}}\n"
    )
}

fn pod(image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - name: c\n    image: {image}\n"
    )
}

const FIELD: &str = "spec.containers[?(@.name==\"c\")].image";

#[test]
fn kustomize_gives_namespaces_and_the_outer_one_wins() {
    let base = (
        "base/kustomization.yaml",
        "resources: [pod.yaml]\nnamespace: base\n",
    );
    let marked = pod("x # {\"$imagestream\": \"web:1.10\"}");
    let manifests = assemble(&[
        base,
        ("base/pod.yaml", &marked),
        (
            "over/kustomization.yaml",
            "namespace: app\nresources: [../base]\n",
        ),
        ("alone.yaml", &marked),
    ]);
    assert_eq!(problems(&manifests), Vec::<String>::new());
    assert_eq!(
        triggers(&manifests),
        [
            format!("default/web:1.10 -> alone.yaml#{FIELD} = x"),
            format!("app/web:1.10 -> base/pod.yaml#{FIELD} = x"),
        ]
    );
}

#[test]
fn several_namespaces_need_one_in_the_trigger() {
    let text = format!(
        "{}---\n{}",
        pod("x # {\"$imagestream\": \"web:1.10\"}"),
        pod("y # {\"$imagestream\": \"ops/web:1.10\"}")
    );
    let manifests = assemble(&[
        ("base/kustomization.yml", "resources: [pod.yaml]\n"),
        ("base/pod.yaml", &text),
        (
            "a/kustomization.yaml",
            "namespace: a\nresources: [../base]\n",
        ),
        ("b/Kustomization", "namespace: b\nresources: [../base]\n"),
    ]);
    assert_eq!(
        triggers(&manifests),
        [format!("ops/web:1.10 -> base/pod.yaml#{FIELD} = y")]
    );
    assert_eq!(
        problems(&manifests),
        [
            "base/pod.yaml:7:14: error: the trigger names no namespace, and its object is reached in several: a, b; name the stream's namespace in the trigger"
        ]
    );
}

#[test]
fn what_two_environments_reach_is_refused_once() {
    let environments = [
        environment("dev", &["dev/**"], &[]),
        environment("prod", &["prod"], &[]),
    ];
    let files = [
        (
            "base/kustomization.yaml",
            "resources: [pod.yaml]\n".to_owned(),
        ),
        (
            "base/pod.yaml",
            pod("x # {\"$imagestream\": \"d/web:1.10\"}"),
        ),
        (
            "dev/kustomization.yaml",
            "namespace: d\nresources: [../base, pod.yaml]\n".to_owned(),
        ),
        ("dev/pod.yaml", pod("x # {\"$imagestream\": \"web:1.10\"}")),
        (
            "prod/kustomization.yaml",
            "namespace: p\nresources: [../base]\n".to_owned(),
        ),
        ("prod/pod.yaml", pod("x # {\"$imagestream\": \"web:1.10\"}")),
    ];
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    let manifests = assemble_for(&environments, &files);
    assert_eq!(
        triggers(&manifests),
        [format!("d/web:1.10 -> dev/pod.yaml#{FIELD} = x")]
    );
    assert_eq!(problems(&manifests).len(), 1, "{:?}", problems(&manifests));
    assert!(problems(&manifests)[0].contains("`dev` and `prod` both reach this file"));
}

#[test]
fn environments_are_told_apart_by_namespaces_too() {
    let text = format!(
        "{}---\n{}",
        stream("a", ", namespace: dev"),
        stream("b", ", namespace: prod")
    );
    let environments = [
        environment("dev", &[], &["dev"]),
        environment("prod", &[], &["prod"]),
    ];
    let manifests = assemble_for(&environments, &[("s.yaml", &text)]);
    let names: Vec<_> = manifests
        .streams
        .iter()
        .map(|s| s.name.to_string())
        .collect();
    assert_eq!(
        (names, problems(&manifests)),
        (vec!["dev/a".to_owned()], vec![])
    );
    // Without a namespace, an object is the only namespace's.
    let manifests = assemble_for(&environments[..1], &[("s.yaml", &stream("c", ""))]);
    assert_eq!(manifests.streams[0].name.to_string(), "dev/c");
}

#[test]
fn circles_of_kustomizations_end() {
    let manifests = assemble(&[
        ("a/kustomization.yaml", "resources: [../b]\n"),
        (
            "b/kustomization.yaml",
            "resources: [../a, pod.yaml]\nnamespace: n\n",
        ),
        ("b/pod.yaml", &pod("x # {\"$imagestream\": \"web:1\"}")),
    ]);
    assert_eq!(triggers(&manifests).len(), 1);
    assert!(problems(&manifests)[0].contains("gathers itself"));
}

#[test]
fn streams_of_one_name_are_refused_all() {
    let text = stream("web", "");
    let manifests = assemble(&[
        ("a.yaml", &text),
        ("b.yaml", &text),
        ("c.yaml", &stream("x", "")),
    ]);
    assert_eq!(manifests.streams.len(), 1);
    assert_eq!(
        problems(&manifests),
        [
            "a.yaml:1:1: error: the ImageStream default/web stands at b.yaml:1:1 too; remove one of them",
            "b.yaml:1:1: error: the ImageStream default/web stands at a.yaml:1:1 too; remove one of them",
        ]
    );
}

#[test]
fn two_triggers_on_one_field_are_refused_both_unless_they_say_the_same() {
    let with = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations:\n    image.openshift.io/triggers: '[{{\"from\":{{\"kind\":\"ImageStreamTag\",\"name\":\"{name}\"}},\"fieldPath\":\"spec.containers[0].image\"}}]'\nspec:\n  containers:\n  - name: c\n    image: x # {{\"$imagestream\": \"web:1.10\"}}\n"
        )
    };
    let same = assemble(&[("a.yaml", &with("web:1.10"))]);
    assert_eq!((same.triggers.len(), problems(&same).len()), (1, 0));
    let rivals = assemble(&[("a.yaml", &with("other:1"))]);
    assert_eq!((rivals.triggers.len(), problems(&rivals).len()), (0, 2));
    assert!(problems(&rivals)[0].contains("is claimed by the trigger at a.yaml:10:14 too"));
}

#[test]
fn local_names_are_triggers_where_the_stream_or_the_object_asks() {
    let pods = [
        pod("web:1.10"),
        pod("web"),
        pod("other:1"),
        pod("quay.io/x/web:1.10"),
        pod("image-registry.openshift-image-registry.svc:5000/ops/tool:2"),
        pod("x/web:1.10").replace(
            "{name: p}",
            "{name: p, annotations: {alpha.image.policy.openshift.io/resolve-names: \"*\"}}",
        ),
    ];
    let text = format!("{}---\n{}", stream("web", ""), pods.join("---\n"));
    let manifests = assemble(&[("a.yaml", &text)]);
    let from: Vec<_> = manifests
        .triggers
        .iter()
        .map(|t| (t.from.to_string(), t.target.document.document))
        .collect();
    let expected = [
        ("default/web:1.10", 1),
        ("default/web:latest", 2),
        ("ops/tool:2", 5),
        ("default/web:1.10", 6),
    ];
    assert_eq!(
        from,
        expected.map(|(name, document)| (name.to_owned(), document))
    );
    assert!(
        manifests
            .triggers
            .iter()
            .all(|t| t.kind == TriggerKind::LocalName)
    );
    assert_eq!(manifests.images.len(), 6);
}

#[test]
fn native_triggers_of_deployment_and_build_configs() {
    let text = r#"kind: DeploymentConfig
apiVersion: apps.openshift.io/v1
metadata: {name: d}
spec:
  triggers:
  - type: ConfigChange
  - type: ImageChange
    imageChangeParams: {automatic: true, containerNames: [a, b], from: {kind: ImageStreamTag, name: "web:1"}}
  - type: ImageChange
    imageChangeParams: {containerNames: [c], from: {kind: ImageStreamTag, name: "web:2"}}
  template:
    spec:
      initContainers: [{name: a, image: " "}]
      containers: [{name: a, image: " "}, {name: b}, {name: c, image: x}]
---
kind: BuildConfig
apiVersion: build.openshift.io/v1
metadata: {name: b, namespace: n}
spec:
  strategy: {sourceStrategy: {from: {kind: ImageStreamTag, name: "base:1", namespace: openshift}}}
  triggers:
  - type: ImageChange
    imageChange: {}
  - type: ImageChange
    imageChange: {from: {kind: ImageStreamTag, name: "tool:1"}, lastTriggeredImageID: old}
  - type: ImageChange
"#;
    let manifests = assemble(&[("a.yaml", text)]);
    let container = |list: &str, name: &str| {
        format!("a.yaml#spec.template.spec.{list}[?(@.name==\"{name}\")].image")
    };
    assert_eq!(
        triggers(&manifests),
        [
            format!("default/web:1 -> {} =   [0]", container("containers", "a")),
            format!(
                "default/web:1 -> {} = (none) [0]",
                container("containers", "b")
            ),
            format!("default/web:2 -> {} = x [0]", container("containers", "c")),
            format!(
                "default/web:1 -> {} =   [0]",
                container("initContainers", "a")
            ),
            "openshift/base:1 -> a.yaml#spec.triggers[0].imageChange.lastTriggeredImageID = (none)"
                .to_owned(),
            "n/tool:1 -> a.yaml#spec.triggers[1].imageChange.lastTriggeredImageID = old".to_owned(),
        ]
    );
    let pending: Vec<_> = manifests
        .triggers
        .iter()
        .filter(|trigger| trigger.paused)
        .map(|trigger| trigger.from.to_string())
        .collect();
    assert_eq!(pending, ["default/web:2"]);
    assert_eq!(problems(&manifests).len(), 1, "{:?}", problems(&manifests));
}

const IMAGE_TRIGGER: &str = "apiVersion: headwater.dev/v1alpha1
kind: ImageTrigger
metadata: {name: t, namespace: app}
spec:
  from: {kind: ImageStreamTag, name: \"web:1.10\"}
  targets:
";

#[test]
fn image_triggers_reach_fields_of_other_files() {
    let trigger = format!(
        "{IMAGE_TRIGGER}  - {{file: kustomization.yaml, kustomize: {{image: web}}}}
  - {{file: kustomization.yaml, kustomize: {{image: ghcr.io/acme/web}}}}
  - {{file: /values.yaml, helm: {{path: web.image}}}}
  - {{file: /values.yaml, helm: {{path: old.image}}}}
  - {{file: ../compose.json, field: \"services.web.image\"}}
  - {{file: ../values.yaml, field: \"plain[0]\", value: digest}}
"
    );
    let manifests = assemble(&[
        ("app/stream.yaml", &stream("web", ", namespace: app")),
        ("app/trigger.yaml", &trigger),
        (
            "app/kustomization.yaml",
            "images:\n- name: web\n  newTag: \"1.9\"\n",
        ),
        (
            "values.yaml",
            "web: {image: {repository: r, tag: a, digest: b}}\nold: {image: {repository: r, tag: c}}\nplain: [z]\n",
        ),
        (
            "compose.json",
            "{\"services\": {\"web\": {\"image\": \"q\"}}}",
        ),
    ]);
    assert_eq!(problems(&manifests), Vec::<String>::new());
    let web = "app/kustomization.yaml#images[?(@.name==\"web\")]";
    let mut expected = vec![
        format!("{web}.digest = (none) [0]"),
        format!("{web}.newName = (none) [0]"),
        format!("{web}.newTag = 1.9 [0]"),
        "app/kustomization.yaml#images[?(@.name==\"ghcr.io/acme/web\")].digest = (none)".to_owned(),
        "compose.json#services.web.image = q".to_owned(),
        "values.yaml#old.image.tag = c".to_owned(),
        "values.yaml#plain[0] = z".to_owned(),
        "values.yaml#web.image.digest = b [1]".to_owned(),
        "values.yaml#web.image.tag = a [1]".to_owned(),
    ];
    expected
        .iter_mut()
        .for_each(|line| line.insert_str(0, "app/web:1.10 -> "));
    let mut found = triggers(&manifests);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_bad_target_of_an_image_trigger_leaves_the_others() {
    let targets = [
        "{file: values.yaml, field: a}",
        "{file: gone.yaml, field: a}",
        "{file: ../../x.yaml, field: a}",
        "{file: values.yaml, field: b}",
        "{file: values.yaml, field: c}",
        "{file: values.yaml, helm: {path: a}}",
        "{file: values.yaml, helm: {path: c}}",
        "{file: values.yaml}",
        "{file: values.yaml, field: a, helm: {path: a}}",
        "{file: values.yaml, feild: a}",
        "{file: values.yaml, field: a, value: x}",
        "{file: values.yaml, field: \"a[\"}",
        "{file: values.yaml, field: a, document: 3}",
    ];
    let mut trigger = IMAGE_TRIGGER.to_owned();
    for target in targets {
        trigger += &format!("  - {target}\n");
    }
    let manifests = assemble(&[("t.yaml", &trigger), ("values.yaml", "a: x\nc: {d: e}\n")]);
    assert_eq!(triggers(&manifests), ["app/web:1.10 -> values.yaml#a = x"]);
    let text = problems(&manifests).join("\n");
    for expected in [
        "t.yaml:8:5: error: the file `gone.yaml` does not exist",
        "t.yaml:9:5: error: `../../x.yaml` is not a path inside the repository: it leaves the repository",
        "t.yaml:10:5: error: values.yaml: the file has no `b`",
        "t.yaml:11:5: error: values.yaml: `c` is no text",
        "t.yaml:12:5: error: values.yaml: `a` is no mapping",
        "t.yaml:13:5: error: values.yaml: `c` has neither `tag` nor `digest`",
        "t.yaml:14:5: error: a target has exactly one of",
        "t.yaml:15:5: error: a target has exactly one of",
        "t.yaml:16:25: error: unknown field `feild`",
        "t.yaml:17:42: error: `value` is one of",
        "t.yaml:18:32: error: field path is not valid",
        "t.yaml:19:5: error: values.yaml: the file has no such document",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

#[test]
fn a_role_binding_lets_others_into_its_namespace_and_a_cluster_wide_one_into_all() {
    let stream = |namespace: &str| {
        format!(
            "kind: ImageStream\napiVersion: v1\nmetadata: {{name: web, namespace: {namespace}}}\n---\n"
        )
    };
    let text = format!(
        "{}{}kind: RoleBinding\nmetadata: {{namespace: dev}}\nroleRef: {{name: 'system:image-puller'}}\nsubjects: [{{kind: ServiceAccount, name: default}}, {{kind: ServiceAccount, name: x, namespace: prod}}]\n---\nkind: ClusterRoleBinding\nroleRef: {{name: 'system:image-puller'}}\nsubjects: [{{kind: User, name: u}}]\n",
        stream("a"),
        stream("b")
    );
    let manifests = assemble(&[("a.yaml", &text)]);
    let grants: Vec<_> = manifests
        .grants
        .iter()
        .map(|grant| {
            format!(
                "{}@{}: {:?}",
                grant.namespace, grant.place.line, grant.subjects
            )
        })
        .collect();
    assert_eq!(
        grants,
        [
            "dev@9: [ServiceAccount { namespace: \"dev\", name: \"default\" }, ServiceAccount { namespace: \"prod\", name: \"x\" }]",
            "a@14: [User(\"u\")]",
            "b@14: [User(\"u\")]",
        ]
    );
}

#[test]
fn a_name_that_is_too_long_with_its_namespace_is_refused() {
    let name = "a".repeat(240);
    let text = format!("kind: ImageStream\napiVersion: v1\nmetadata: {{name: {name}}}\n");
    let long = environment("default", &[], &["a-namespace-of-some-length"]);
    let manifests = assemble_for(&[long], &[("a.yaml", &text)]);
    assert_eq!(
        problems(&manifests),
        ["a.yaml:1:1: error: 'namespace/name' cannot be longer than 255 characters"]
    );
    assert!(manifests.streams.is_empty());
    assert_eq!(assemble(&[("a.yaml", &text)]).streams.len(), 1);
}

#[test]
fn every_host_of_the_integrated_registry_is_understood() {
    let pod = |number: usize, image: &str| {
        format!(
            "kind: Pod\nmetadata: {{name: p{number}}}\nspec: {{containers: [{{name: c, image: {image}}}]}}\n---\n"
        )
    };
    let hosts = [
        "image-registry.openshift-image-registry.svc:5000",
        "image-registry.openshift-image-registry.svc",
        "docker-registry.default.svc:5000",
        "registry.apps.example:8443",
        "other.example",
    ];
    let pods: String = hosts
        .iter()
        .enumerate()
        .map(|(number, host)| pod(number, &format!("{host}/app/web:1.10")))
        .collect();
    let facts = [(
        "a.yaml".parse().unwrap(),
        Arc::new(manifest::read_file(pods.as_bytes())),
    )];
    let default = environment("default", &[], &[]);
    let environments = std::slice::from_ref(&default);
    let own = IntegratedRegistry {
        host: "registry.apps.example:8443".to_owned(),
        ..IntegratedRegistry::default()
    };
    let fields = BTreeMap::new();
    let manifests =
        manifest::assemble_with(&facts, &fields, &default, environments, Some(&own.into()));
    let found: Vec<_> = manifests
        .triggers
        .iter()
        .map(|t| (t.place.line, t.from.to_string(), t.kind))
        .collect();
    let expected =
        [3, 7, 11, 15].map(|line| (line, "app/web:1.10".to_owned(), TriggerKind::LocalName));
    assert_eq!(found, expected);
    assert_eq!(
        manifest::assemble(&facts, &fields, &default, environments)
            .triggers
            .len(),
        3
    );
}

#[test]
fn what_a_controller_made_has_no_local_names() {
    let pod = |owner: &str| {
        format!(
            "kind: Pod\nmetadata: {{name: p{owner}}}\nspec: {{containers: [{{name: c, image: 'web:1.10'}}]}}\n"
        )
    };
    for (owner, count) in [
        ("", 1),
        (", ownerReferences: [{kind: ReplicaSet, name: r}]", 1),
        (
            ", ownerReferences: [{kind: ReplicaSet, name: r, controller: true}]",
            0,
        ),
    ] {
        let manifests = assemble(&[("a.yaml", &stream("web", "")), ("b.yaml", &pod(owner))]);
        assert_eq!(manifests.triggers.len(), count, "{owner}");
    }
}
