//! Errors of the commands on objects, in the originals' words.

use headwater::verb::{
    Lookup, RoleChange, Selection, Target, Triggers, Webhook, change_role, set_image_lookup,
    set_triggers,
};

use crate::verbs::tables::{given, texts, with_scene};

#[test]
fn set_refuses_in_ocs_words() {
    let on = |object: &str| Triggers {
        selection: Selection {
            words: texts(object),
            ..Selection::default()
        },
        ..Triggers::default()
    };
    let image = |object: &str, image: &str| Triggers {
        from_image: given(image),
        ..on(object)
    };
    let containers = |words: Triggers, names: &str| Triggers {
        containers: given(names),
        ..words
    };
    let web = "deploy/web";
    let hook = |object: &str, hook: Webhook| Triggers {
        webhooks: vec![hook],
        ..on(object)
    };
    let table = [
        (
            image(web, "A:1"),
            "the value of --from-image does not appear to be a valid reference to an image: repository name must be lowercase",
        ),
        (
            image(web, "quay.io/a:1"),
            "the value of --from-image must point to an image stream tag on this server",
        ),
        (
            image(web, "ruby"),
            "the value of --from-image must include the tag you wish to pull from",
        ),
        (
            Triggers {
                auto: true,
                manual: true,
                ..on(web)
            },
            "you must specify at most one of --auto or --manual",
        ),
        (
            Triggers {
                remove: true,
                remove_all: true,
                ..on(web)
            },
            "you must specify either --remove or --remove-all",
        ),
        (
            Triggers {
                remove_all: true,
                auto: true,
                ..on(web)
            },
            "--remove-all may not be used with any other flag",
        ),
        (
            Triggers {
                remove: true,
                ..on(web)
            },
            "--remove requires a flag defining a trigger type to be specified",
        ),
        (
            Triggers {
                from_config: true,
                ..image(web, "a:1")
            },
            "you may only set one trigger type at a time",
        ),
        (
            Triggers {
                auto: true,
                ..on("pod/pod")
            },
            "pods/pod does not support triggers",
        ),
        (
            image(web, "ruby:3"),
            "deployments/web you must specify --containers when setting --from-image",
        ),
        (
            containers(image(web, "ruby:3"), "x,log"),
            "deployments/web not all container names exist: x (accepts: log, web)",
        ),
        (
            containers(image(web, "ruby:3"), "web"),
            "deployments/web only one trigger may reference each container: web",
        ),
        (
            hook("dc/old", Webhook::GitHub),
            "deploymentconfigs/old deployment configs do not support GitHub web hooks",
        ),
        (
            hook("dc/old", Webhook::Generic),
            "deploymentconfigs/old deployment configs do not support web hooks",
        ),
        (
            hook(web, Webhook::GitLab),
            "deployments/web does not support GitLab web hooks",
        ),
        (
            hook("bc/build", Webhook::GitHub),
            "buildconfigs/build a GitHub webhook needs a secret, and secrets do not belong in Git",
        ),
        (on("deploy/gone"), "deployments.apps \"gone\" not found"),
        (
            on("widget/x"),
            "the server doesn't have a resource type \"widget\"",
        ),
    ];
    with_scene(|scene| {
        for (words, message) in &table {
            let refused = set_triggers(scene, words).map(|_| ()).unwrap_err();
            assert_eq!(refused.message, *message, "{words:?}");
        }
        let lookup = |words: &str, local| Lookup {
            selection: on(words).selection,
            local,
            ..Lookup::default()
        };
        for (words, message) in [
            (
                lookup("ruby", true),
                "pass files with -f when using --local",
            ),
            (
                lookup("bc/build", false),
                "the resource buildconfig.build.openshift.io/build does not support altering image lookup",
            ),
            (
                lookup("gone", false),
                "imagestreams.image.openshift.io \"gone\" not found",
            ),
        ] {
            let refused = set_image_lookup(scene, &words).map(|_| ()).unwrap_err();
            assert_eq!(refused.message, message, "{words:?}");
        }
    });
}

#[test]
fn policy_refuses_in_ocs_words() {
    let user = |words: &str, is_removal| RoleChange {
        target: Target::User,
        is_removal,
        words: texts(words),
        service_accounts: Vec::new(),
        binding_name: None,
    };
    let group = RoleChange {
        target: Target::Group,
        ..user("view", false)
    };
    let account = |name: &str| RoleChange {
        service_accounts: texts(name),
        ..user("view", false)
    };
    let named = RoleChange {
        binding_name: given("pullers"),
        ..user("view bob", false)
    };
    let table = [
        (user("", false), "you must specify a role"),
        (
            user("view", false),
            "you must specify at least one user or service account",
        ),
        (
            group,
            "you must specify at least two arguments: <role> <group> [group]...",
        ),
        (
            account("system:serviceaccount:a:b"),
            "--serviceaccount (-z) should only be used with short-form serviceaccount names (e.g. `default`)",
        ),
        (account("A"), "\"A\" is not a valid serviceaccount name"),
        (
            named,
            "rolebinding pullers found for role system:image-puller, not view",
        ),
        (
            user("view bob", true),
            "unable to locate any RoleBinding for ClusterRole \"view\"",
        ),
        (
            user("system:image-puller bob", true),
            "unable to find target [bob]",
        ),
    ];
    with_scene(|scene| {
        for (words, message) in &table {
            assert_eq!(
                change_role(scene, words).map(|_| ()).unwrap_err().message,
                *message,
                "{words:?}"
            );
        }
        let (added, binding) = change_role(scene, &user("system:image-puller ann", false)).unwrap();
        assert_eq!(binding, "pullers");
        assert!(added.is_empty(), "ann has the role already");
        assert_eq!(
            added.said,
            "clusterrole.rbac.authorization.k8s.io/system:image-puller added: \"ann\"\n"
        );
    });
}
