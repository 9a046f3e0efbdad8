//! What `oc` has and headwater has not: one line says what takes its place. Asked only for
//! command lines that mean nothing here.

use std::ffi::OsString;

use crate::cli::error::CliError;

/// A command of `oc`, and the answer.
struct Elsewhere {
    /// The first words, of which the last one may be one of several.
    words: &'static [&'static [&'static str]],
    /// One of these must stand on the line, where there are any.
    flags: &'static [&'static str],
    /// `{}` stands for the first argument behind the words, else for what is given here.
    answer: &'static str,
    example: &'static str,
}

const fn entry(
    words: &'static [&'static [&'static str]],
    answer: &'static str,
    example: &'static str,
) -> Elsewhere {
    Elsewhere {
        words,
        flags: &[],
        answer,
        example,
    }
}

/// The first entry that fits counts.
const TABLE: &[Elsewhere] = &[
    entry(
        &[&["login"]],
        "headwater has no server to log in to: registries are asked with what `docker login` or `podman login` keeps, Git with your ssh keys",
        "",
    ),
    entry(
        &[&["logout"]],
        "headwater has no server to log out of: `docker logout` forgets a registry's credentials",
        "",
    ),
    entry(
        &[&["whoami"]],
        "headwater knows no users and gives no tokens: your commits carry `git config user.name`, and registries know you by `docker login`",
        "",
    ),
    entry(
        &[&["registry"], &["login", "info"]],
        "headwater has no registry of its own: `docker login` keeps the credentials for one",
        "",
    ),
    entry(
        &[&["new-project"]],
        "headwater has no projects: write `metadata.namespace: {}` or use -n {}",
        "app-dev",
    ),
    entry(
        &[&["project"]],
        "headwater has no current project: use -n {} or set HEADWATER_NAMESPACE={}",
        "app-dev",
    ),
    entry(
        &[&["projects"]],
        "headwater has no projects: `headwater get is -A` shows the streams of every namespace",
        "",
    ),
    entry(
        &[&["delete"], &["project", "ns", "namespace"]],
        "headwater has no projects: remove the files of the namespace {} and commit",
        "app-dev",
    ),
    entry(
        &[&["secrets", "secret"], &["link", "add"]],
        "secrets need no link: every pull secret of the namespace in the operator's folder is used, the longest match first",
        "",
    ),
    entry(
        &[&["secrets", "secret"], &["unlink"]],
        "secrets have no link to take away: remove the file from the operator's folder, or annotate it with `openshift.io/image.excludeSecret: \"true\"`",
        "",
    ),
    entry(
        &[
            &["secrets", "secret"],
            &["new", "new-dockercfg", "new-basicauth", "new-sshauth"],
        ],
        "a pull secret never stands in Git: `headwater create secret docker-registry {}` writes it into the operator's folder",
        "NAME",
    ),
    entry(
        &[&["apply", "replace"]],
        "there is nothing to apply to: a file that is committed counts; `headwater validate` checks it and `headwater plan` shows what it does",
        "",
    ),
    Elsewhere {
        words: &[&["create"]],
        flags: &["-f", "--filename"],
        answer: "there is nothing to create in: a file that is committed counts; `headwater validate` checks it and `headwater plan` shows what it does",
        example: "",
    },
    Elsewhere {
        words: &[&["delete"]],
        flags: &["-f", "--filename"],
        answer: "there is no server to delete from: `git rm` the file and commit",
        example: "",
    },
    entry(
        &[&["edit", "patch", "label", "annotate"]],
        "the files are the objects: edit the manifest and commit",
        "",
    ),
    entry(
        &[
            &["export"],
            &[
                "isimage",
                "imagestreamimage",
                "isimages",
                "imagestreamimages",
            ],
        ],
        "`export` is gone from oc too: use `headwater get isimage {} -o yaml`",
        "NAME@ID",
    ),
    entry(
        &[&["export"]],
        "`export` is gone from oc too: use `headwater get TYPE NAME -o yaml`",
        "",
    ),
    entry(
        &[&["rollout"], &["undo"]],
        "headwater deploys nothing: `headwater rollback ENVIRONMENT/STREAM:TAG` goes back to an earlier image, and the digest that is taken back stays back",
        "",
    ),
    entry(
        &[&["rollout"], &["history"]],
        "headwater deploys nothing: `headwater history [NAMESPACE/]STREAM:TAG` shows which image came when, by which commit",
        "",
    ),
    entry(
        &[&["rollout", "deploy"]],
        "headwater deploys nothing: merge its pull request, and what deploys your Git repository rolls it out",
        "",
    ),
    entry(
        &[&["start-build", "new-build", "cancel-build"]],
        "headwater builds nothing: your CI builds and pushes; a BuildConfig's trigger moves in Git when its stream tag does",
        "",
    ),
    Elsewhere {
        words: &[&["new-app"]],
        flags: &[
            "--image",
            "--docker-image",
            "--template",
            "-f",
            "--file",
            "--code",
            "--strategy",
            "--binary",
            "-L",
            "--list",
            "-S",
            "--search",
        ],
        answer: "`new-app` takes image streams alone: `headwater import-image NAME --from=IMAGE --confirm` makes one of an image, `headwater catalog` lists builders, and your CI builds",
        example: "",
    },
    Elsewhere {
        words: &[&["prune"], &["images"]],
        flags: &[
            "--registry-url",
            "--certificate-authority",
            "--force-insecure",
        ],
        answer: "how the registry is reached stands in the server file: `integratedRegistry`, and `registries.hosts` for its authority or plain HTTP",
        example: "",
    },
    Elsewhere {
        words: &[&["prune"], &["images"]],
        flags: &["--prune-registry", "--ignore-invalid-refs"],
        answer: "`prune images` deletes from the registry alone, and nothing while a file has errors: neither can be asked otherwise",
        example: "",
    },
    Elsewhere {
        words: &[&["prune"], &["images"]],
        flags: &["--prune-over-size-limit"],
        answer: "headwater knows no limits of sizes: --keep-younger-than and --keep-tag-revisions say what stays",
        example: "",
    },
    entry(
        &[&["adm"], &["prune"], &["images"]],
        "without `adm`: `headwater prune images` does a dry run, and with --confirm deletes",
        "",
    ),
    entry(
        &[&["adm"], &["prune"]],
        "headwater has no cluster, and so no builds, deployments or groups to prune: `headwater prune images` deletes images of the integrated registry",
        "",
    ),
    entry(
        &[&["adm"], &["policy"]],
        "without `adm`: `headwater policy add-role-to-user` and `add-role-to-group` write the RoleBinding",
        "",
    ),
    entry(
        &[&["adm"]],
        "headwater has no cluster to administer; `headwater --help` lists what it does",
        "",
    ),
    entry(
        &[&["image"], &["append", "extract"]],
        "headwater looks into no layers: use crane or podman",
        "",
    ),
    entry(
        &[&["process"]],
        "headwater processes no templates: write out the manifests, with kustomize or helm where they vary",
        "",
    ),
    entry(
        &[&[
            "logs",
            "exec",
            "rsh",
            "rsync",
            "scale",
            "autoscale",
            "run",
            "debug",
            "attach",
            "cp",
            "port-forward",
            "wait",
            "idle",
            "status",
            "cluster-info",
            "api-resources",
            "explain",
        ]],
        "headwater has no cluster: this is a question for kubectl or oc",
        "",
    ),
];

/// The answer to a command line of `oc` that means nothing here.
pub fn answer(arguments: &[OsString]) -> Option<CliError> {
    let line: Vec<String> = arguments
        .iter()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let words = words(&line);
    let entry = TABLE.iter().find(|entry| entry.fits(&words, &line))?;
    let argument = words.get(entry.words.len());
    let argument = argument.map_or(entry.example, |word| word);
    Some(CliError::usage(entry.answer.replace("{}", argument)))
}

/// The words that are neither flags nor the values of the flags that stand before a command.
fn words(line: &[String]) -> Vec<&str> {
    const WITH_VALUE: [&str; 8] = [
        "-C",
        "--directory",
        "--config",
        "--color",
        "--log-format",
        "--timeout",
        "-n",
        "--namespace",
    ];
    let mut words = Vec::new();
    let mut is_value = false;
    for word in line {
        if !is_value && !word.starts_with('-') {
            words.push(word.as_str());
        }
        is_value = !is_value && WITH_VALUE.contains(&word.as_str());
    }
    words
}

impl Elsewhere {
    fn fits(&self, words: &[&str], line: &[String]) -> bool {
        let has_words = words.len() >= self.words.len()
            && self
                .words
                .iter()
                .zip(words)
                .all(|(choices, word)| choices.contains(word));
        let is_flag = |word: &String| {
            self.flags
                .iter()
                .any(|flag| word == flag || word.starts_with(&format!("{flag}=")))
        };
        has_words && (self.flags.is_empty() || line.iter().any(is_flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(line: &str) -> Option<String> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        answer(&words).map(|error| error.to_string())
    }

    #[test]
    fn what_tutorials_do_is_answered_in_one_line() {
        for (line, expected) in [
            ("oc login -u dev https://api.example:6443", "docker login"),
            ("oc whoami -t", "gives no tokens"),
            (
                "oc new-project app-prod",
                "write `metadata.namespace: app-prod` or use -n app-prod",
            ),
            ("oc project app-staging", "HEADWATER_NAMESPACE=app-staging"),
            ("oc projects", "headwater get is -A"),
            (
                "oc secrets link default my-mars-secret --for=pull",
                "need no link",
            ),
            (
                "oc secrets new pull .dockercfg=x",
                "create secret docker-registry pull",
            ),
            (
                "oc secrets new-dockercfg pull --docker-server=x",
                "create secret docker-registry pull",
            ),
            ("oc apply -f myapp.yaml -n app-dev", "headwater validate"),
            ("oc create -f stream.json", "headwater validate"),
            ("oc create --filename=stream.json", "headwater validate"),
            (
                "oc -n openshift export isimage ruby@3a335d7",
                "headwater get isimage ruby@3a335d7 -o yaml",
            ),
            ("oc export dc/web", "get TYPE NAME -o yaml"),
            ("oc rollout latest dc/web", "deploys nothing"),
            ("oc rollout undo dc/web", "stays back"),
            ("oc start-build web --follow", "builds nothing"),
            ("oc new-app --image=quay.io/acme/web", "import-image NAME"),
            ("oc new-app --list", "headwater catalog"),
            ("oc adm prune images --confirm", "headwater prune images"),
            ("oc adm prune builds", "no builds"),
            (
                "oc prune images --registry-url=https://images.example",
                "server file",
            ),
            (
                "oc prune images --confirm --ignore-invalid-refs",
                "has errors",
            ),
            ("oc prune images --prune-over-size-limit", "limits of sizes"),
            ("oc image extract quay.io/a/b:1", "use crane or podman"),
        ] {
            let answer = answered(line).unwrap_or_else(|| panic!("{line}"));
            assert!(answer.contains(expected), "{line}: {answer}");
            assert_eq!(answer.lines().count(), 1, "{line}");
        }
    }

    #[test]
    fn what_is_neither_is_left_to_the_usual_error() {
        for line in [
            "oc versoin",
            "oc create quota x",
            "oc",
            "oc secrets",
            "oc --nonsense",
        ] {
            assert_eq!(answered(line), None, "{line}");
        }
    }

    #[test]
    fn no_answer_is_hidden_behind_an_earlier_one() {
        for (position, entry) in TABLE.iter().enumerate() {
            let last = entry.words.iter().map(|choices| choices[0]);
            let mut line = vec!["oc"];
            line.extend(last);
            line.extend(entry.flags.first());
            let line = line.join(" ");
            let expected = entry.answer.replace("{}", entry.example);
            assert_eq!(
                answered(&line),
                Some(format!("error: {expected}")),
                "{position}"
            );
        }
    }
}
